use gateway_client::Amount;

/// What a request needs of a deployment.
pub trait Size<T> {
    /// What to draw for it there. Deployments may count the same text differently.
    fn size(&self, target: &T) -> Amount;
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
}
