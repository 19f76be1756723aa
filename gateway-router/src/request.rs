use gateway_client::Amount;

/// What a request needs of a deployment.
pub trait Size<T> {
    /// What to draw for it there. Deployments may count the same text differently.
    fn size(&self, target: &T) -> Amount;

    /// Whether the deployment takes such a request at all. One that doesn't is not asked.
    fn fits(&self, _target: &T) -> bool {
        true
    }
}

impl<T, F: Fn(&T) -> Amount> Size<T> for F {
    fn size(&self, target: &T) -> Amount {
        self(target)
    }
}

/// What decides where a request may go, besides its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Its tags, for groups that filter by them.
    pub tags: Vec<String>,
    /// The answer is to come as a stream.
    pub streams: bool,
    /// Whose it is: where requests wait, callers take turns.
    pub caller: u64,
}
