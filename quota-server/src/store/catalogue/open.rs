//! Opening the catalogue.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyPool, Executor};

use super::{Catalogue, PATIENCE};
use crate::ledger::journaled::OpenError;
use crate::store::sqlite::{FolderLock, MIGRATIONS};

static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// Connections to PostgreSQL. Calls are rare: changes of deployments, pages of closed windows.
const CONNECTIONS: u32 = 4;

/// Why the catalogue does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenCatalogueError {
    /// The folder cannot be used, or another server has it.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// A newer server has changed the tables.
    #[error(
        "the catalogue in {place} has schema version {version}, which this server does not know: it was written by a newer one"
    )]
    NewerSchema {
        /// Where it is.
        place: String,
        /// The version that is not known.
        version: i64,
    },
    /// The tables cannot be made.
    #[error("cannot migrate the catalogue in {place}: {source}")]
    Migrate {
        /// Where it is.
        place: String,
        /// Why not.
        source: MigrateError,
    },
    /// The database cannot be opened.
    #[error("cannot open the catalogue in {place}: {source}")]
    Store {
        /// Where it is.
        place: String,
        /// Why not.
        source: sqlx::Error,
    },
}

impl Catalogue {
    /// The catalogue in a folder, made where it is missing. One server at a time has it. `site` is its
    /// name if it is new.
    pub(crate) async fn in_folder(folder: &Path, site: &str) -> Result<Self, OpenCatalogueError> {
        let lock = FolderLock::take(folder)?;
        let file = folder.join("catalogue.sqlite");
        let place = file.display().to_string();
        let pool = pool(1, &sqlite_url(&file)).await.map_err(unopened(&place))?;
        migrate(&MIGRATIONS, &pool, &place).await?;
        let catalogue = Self::named(pool, site).await.map_err(unopened(&place))?;
        Ok(Self { _lock: Some(lock), ..catalogue })
    }

    /// The catalogue in a PostgreSQL database, whose tables are brought up to date if `up_to_date` asks for
    /// it. `site` is its name if it is new.
    pub(crate) async fn in_postgres(
        url: &str,
        site: &str,
        up_to_date: bool,
    ) -> Result<Self, OpenCatalogueError> {
        let failed = unopened("PostgreSQL");
        let pool = pool(CONNECTIONS, url).await.map_err(&failed)?;
        if up_to_date {
            migrate(&POSTGRES_MIGRATIONS, &pool, "PostgreSQL").await?;
        }
        Self::named(pool, site).await.map_err(failed)
    }

    async fn named(pool: AnyPool, site: &str) -> sqlx::Result<Self> {
        sqlx::query(
            "INSERT INTO catalogue_head (id, site, revision, last_no) VALUES (1, $1, 0, 0)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(site.to_owned())
        .execute(&pool)
        .await?;
        let named = "SELECT site FROM catalogue_head WHERE id = 1";
        let site: String = sqlx::query_scalar(named).fetch_one(&pool).await?;
        Ok(Self { pool, site: site.into(), _lock: None })
    }
}

async fn pool(connections: u32, url: &str) -> sqlx::Result<AnyPool> {
    install_default_drivers();
    let is_sqlite = url.starts_with("sqlite:");
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if is_sqlite {
                    connection.execute("PRAGMA journal_mode = WAL").await?;
                    connection.execute("PRAGMA synchronous = FULL").await?;
                }
                Ok(())
            })
        })
        .connect(url)
        .await
}

async fn migrate(
    migrations: &Migrator,
    pool: &AnyPool,
    place: &str,
) -> Result<(), OpenCatalogueError> {
    let place = place.to_owned();
    migrations.run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => OpenCatalogueError::NewerSchema { place, version },
        source => OpenCatalogueError::Migrate { place, source },
    })
}

fn unopened(place: &str) -> impl Fn(sqlx::Error) -> OpenCatalogueError {
    let place = place.to_owned();
    move |source| OpenCatalogueError::Store { place: place.clone(), source }
}

/// A path may hold what means something in a URL.
fn sqlite_url(file: &Path) -> String {
    let file: PathBuf = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
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
