/// A file that is read again while the server serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// The declared deployments.
    Deployments,
    /// The tokens.
    Tokens,
    /// The server's certificate, its key, and the authority of its clients.
    Certificate,
}

impl Reloaded {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deployments, Self::Tokens, Self::Certificate];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployments => "deployments",
            Self::Tokens => "tokens",
            Self::Certificate => "certificate",
        }
    }
}
