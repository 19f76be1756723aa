//! Opening the catalogue.

use std::fmt::Write;
use std::path::Path;

use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{AnyConnection, AnyPool, Executor};

use super::{Catalogue, Instances, PATIENCE};
use crate::ledger::journaled::{JournalError, OpenError};
use crate::store::DatabaseUrl;
use crate::store::postgres::Database;
use crate::store::renewal::Renewal;
use crate::store::sqlite::{self, FolderLock};

/// Connections to PostgreSQL. Calls are rare: changes of deployments, pages of closed windows.
const CONNECTIONS: u32 = 4;

/// What each connection to SQLite is told: what is answered is on the disk.
const SQLITE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";

/// What each connection to PostgreSQL is told. A server that is paused in a change must not hold up
/// the changes of others.
const POSTGRES: &str = "SET statement_timeout = 2500; SET lock_timeout = 2000; \
    SET idle_in_transaction_session_timeout = 1500";

impl Catalogue {
    /// The catalogue in a folder, made where it is missing. One server at a time has it. `site` is
    /// this start's own: the catalogue's name if it is new, and part of each identity that is made.
    pub(crate) async fn in_folder(folder: &Path, site: &str) -> Result<Self, OpenError> {
        let lock = FolderLock::take(folder)?;
        let file = folder.join("catalogue.sqlite");
        drop(sqlite::prepared(&file).await?);
        let name = file.display().to_string();
        let pool = pool(1, &sqlite_url(&file), SQLITE).await.map_err(unopened(&name))?;
        let catalogue = Self::named(pool, site).await.map_err(unopened(&name))?;
        Ok(Self { lock: Some(lock), ..catalogue })
    }

    /// The catalogue in a PostgreSQL database, whose tables are brought up to date if `migrate`
    /// says so. `site` is its name if it is new.
    pub(crate) async fn in_postgres(
        url: impl Into<DatabaseUrl>,
        site: &str,
        migrate: bool,
    ) -> Result<Self, OpenError> {
        let unnamed = |source| OpenError::Store { name: "the database".to_owned(), source };
        let url = url.into();
        let database = Database::new(url.clone()).map_err(unnamed)?;
        if migrate {
            database.migrate().await?;
        } else {
            database.check_schema().await?;
        }
        let now = url.url().await.map_err(unnamed)?;
        let pool =
            pool(CONNECTIONS, now.as_str(), POSTGRES).await.map_err(unopened(database.name()))?;
        let catalogue = Self::named(pool, site).await.map_err(unopened(database.name()))?;
        Ok(Self { database: Some(url), ..catalogue })
    }

    async fn named(pool: AnyPool, site: &str) -> sqlx::Result<Self> {
        let instances = Instances::of_start(site);
        sqlx::query(
            "INSERT INTO catalogue_head (id, site, revision, last_no) VALUES (1, $1, 0, 0)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(site.to_owned())
        .execute(&pool)
        .await?;
        let named = "SELECT site FROM catalogue_head WHERE id = 1";
        let site: String = sqlx::query_scalar(named).fetch_one(&pool).await?;
        let renewal = Renewal::default();
        Ok(Self { pool, database: None, renewal, site: site.into(), instances, lock: None })
    }
}

async fn pool(connections: u32, url: &str, session: &'static str) -> sqlx::Result<AnyPool> {
    install_default_drivers();
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .after_connect(move |connection, _| Box::pin(begin(connection, session)))
        .connect(url)
        .await
}

async fn begin(connection: &mut AnyConnection, session: &'static str) -> sqlx::Result<()> {
    for setting in session.split(';') {
        connection.execute(setting).await?;
    }
    Ok(())
}

fn unopened(name: &str) -> impl Fn(sqlx::Error) -> OpenError {
    let name = name.to_owned();
    move |source| OpenError::Store { name: name.clone(), source: JournalError::new(source) }
}

/// A path may hold what means something in a URL.
fn sqlite_url(file: &Path) -> String {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let mut url = "sqlite://".to_owned();
    for byte in file.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            url.push(char::from(*byte));
        } else {
            let _infallible = write!(url, "%{byte:02X}");
        }
    }
    url + "?mode=rwc"
}
