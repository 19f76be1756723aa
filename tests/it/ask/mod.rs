//! What `quota-server` says to people: its commands as processes, beside a server.

mod backup;
mod check;
mod deployments;
mod encrypted;
mod journal;
mod refusals;
mod terminal;
mod top;
mod verify;

use tests::harness::{QuotaServer, Ran};

/// Somebody at a terminal.
pub(crate) struct Person {
    pub(crate) url: String,
    pub(crate) token: Option<&'static str>,
}

impl Person {
    pub(crate) fn at(server: &QuotaServer) -> Self {
        Self { url: server.process.url().to_owned(), token: None }
    }

    pub(crate) async fn says(&self, line: &str) -> Ran {
        let words: Vec<&str> = line.split(' ').collect();
        let mut variables = vec![("QUOTA_URL", self.url.as_str())];
        variables.extend(self.token.map(|token| ("QUOTA_TOKEN", token)));
        Ran::quota_server(&words, &variables).await.unwrap()
    }

    #[track_caller]
    pub(crate) fn done(ran: &Ran) -> &str {
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
        &ran.out
    }

    /// One line on stderr, nothing on stdout, and this code.
    #[track_caller]
    pub(crate) fn refused(ran: &Ran, code: i32) -> &str {
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        ran.err.trim_end()
    }
}
