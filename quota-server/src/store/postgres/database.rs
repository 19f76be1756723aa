//! Connections, none of which can hang for long, whatever becomes of PostgreSQL.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;
use url::Url;

use crate::ledger::journaled::JournalError;
use crate::store::DatabaseUrl;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a call may take. PostgreSQL ends it before (`SESSION`), so that what is given up here
/// is mostly given up there too.
pub(super) const CALL: Duration = Duration::from_secs(3);

/// What each session is told. A writer that is paused in a transaction must not hold its row locks,
/// which another server waits for; one that is cut off must be noticed, though TCP says nothing.
const SESSION: [(&str, &str); 7] = [
    ("statement_timeout", "2500"),
    ("lock_timeout", "2000"),
    ("idle_in_transaction_session_timeout", "1500"),
    ("client_connection_check_interval", "1000"),
    ("tcp_keepalives_idle", "2"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_user_timeout", "3000"),
];

/// A commit that was answered must be on the disk. `remote_apply`, which waits for even more,
/// stays.
const DURABLE: &str = "SELECT
    set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END,
        false),
    current_setting('fsync')::bool, current_setting('full_page_writes')::bool";

/// Where PostgreSQL is, and how to connect.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    url: DatabaseUrl,
    name: String,
}

/// A setting of PostgreSQL's that lets commits be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "PostgreSQL runs with {0}=off: a crash of its machine may lose grants, which are then granted again"
)]
pub(crate) struct Doubt(&'static str);

impl Database {
    /// The database of this URL; what is not in it is taken from the variables and files that libpq
    /// knows, for each connection anew.
    pub(crate) fn new(url: impl Into<DatabaseUrl>) -> Result<Self, JournalError> {
        let url = url.into();
        let options = PgConnectOptions::from_url(&url.bare()?).map_err(JournalError::new)?;
        let (host, port) = (options.get_host(), options.get_port());
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let name = format!("postgres://{host}:{port}/{database}");
        Ok(Self { url, name })
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How to connect now.
    pub(super) async fn options(&self) -> Result<PgConnectOptions, JournalError> {
        Ok(self.patient_options().await?.options(SESSION))
    }

    async fn patient_options(&self) -> Result<PgConnectOptions, JournalError> {
        let url = self.url.url().await?;
        Self::plain_options(&url)
    }

    /// How to connect, as far as that is known without asking for a password.
    pub(super) fn first_options(&self) -> Result<PgConnectOptions, JournalError> {
        Ok(Self::plain_options(&self.url.bare()?)?.options(SESSION))
    }

    fn plain_options(url: &Url) -> Result<PgConnectOptions, JournalError> {
        let options = PgConnectOptions::from_url(url).map_err(JournalError::new)?;
        let options = options.application_name("quota-server").disable_statement_logging();
        // Migrations are noticed at each start: that there is nothing to do.
        Ok(options.options([("client_min_messages", "warning")]))
    }

    /// Where it is.
    pub(super) const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Connects, to commit durably.
    pub(crate) async fn connect(&self) -> Result<PgConnection, JournalError> {
        let mut connection = within(CONNECT, self.options().await?.connect()).await?;
        self.doubts(&mut connection).await?;
        Ok(connection)
    }

    /// Connects for what may take long.
    pub(super) async fn connect_patiently(&self) -> Result<PgConnection, JournalError> {
        within(CONNECT, self.patient_options().await?.connect()).await
    }

    /// Makes the session's commits durable, and says what stands against it.
    pub(crate) async fn doubts(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Vec<Doubt>, JournalError> {
        let call = sqlx::query_as(DURABLE).fetch_one(connection);
        let (_, fsync, full_page_writes): (String, bool, bool) = within(CALL, call).await?;
        let doubts = [(fsync, "fsync"), (full_page_writes, "full_page_writes")];
        Ok(doubts.into_iter().filter(|(on, _)| !on).map(|(_, name)| Doubt(name)).collect())
    }
}

/// Waits so long and no longer. A call that is given up leaves its connection of no use: drop it.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, JournalError> {
    match timeout(limit, call).await {
        Ok(answer) => answer.map_err(JournalError::new),
        Err(_elapsed) => Err(JournalError::new(format!("PostgreSQL did not answer in {limit:?}"))),
    }
}
