use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, value_parser};
use url::Url;

use super::{RedisSettings, SecretUrl};
use crate::memory::Memory;
use crate::mistake::Mistake;
use crate::password::{PasswordCommand, PasswordSource};
use crate::secret_file::UselessSource;
use crate::store::DatabaseUrl;
use crate::store::postgres::Database;

/// Who keeps the book, and where.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "ledger")]
pub struct LedgerConfig {
    /// Who keeps the book: `embedded` (SQLite in the data directory), `postgres` (one active
    /// server, any number of standbys), `redis` (all servers active)
    #[arg(long, value_name = "KIND", default_value = "embedded")]
    pub ledger: LedgerKind,
    /// Directory of the embedded journal; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "./quota-data")]
    pub data_dir: PathBuf,
    /// PostgreSQL: `postgres://user@host:port/database`. Its password comes from
    /// QUOTA_DATABASE_URL, PGPASSWORD, PGPASSFILE or the file of --database-password-file, never
    /// from this flag
    #[arg(long, value_name = "URL")]
    pub database_url: Option<SecretUrl>,
    /// File of PostgreSQL's password, instead of one in the URL; read again for each connection
    #[arg(long, value_name = "FILE")]
    pub database_password_file: Option<PathBuf>,
    /// Command that prints PostgreSQL's password, instead of a file: a program and its arguments,
    /// run for each connection, 10 s at most and once in 5 s at most
    #[arg(long, value_name = "COMMAND")]
    pub database_password_command: Option<PasswordCommand>,
    /// Where Redis is, and how it is logged in to.
    #[command(flatten)]
    pub redis: RedisSettings,
    /// How clients reach this server, for other servers to name [default: the address listened on]
    #[arg(long, value_name = "URL")]
    pub advertise_url: Option<AdvertiseUrl>,
    /// Do not bring the database's tables up to date at start: `quota-server migrate` does
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_value_t = false, default_missing_value = "true")]
    pub no_migrate: bool,
    /// Writers of the embedded ledger, each with its share of the deployments and its own file;
    /// fixed when the data directory is made
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=64))]
    pub shards: u32,
    /// Memory that this server may fill, MiB: how many leases are kept, how many operations wait
    /// and how many bytes of bodies are read at once follow from it. Acquires above it are answered
    /// 429 `no_room` [default: what its control group allows, else what the machine has]
    #[arg(long, value_name = "MIB", value_parser = value_parser!(u32).range(64..=16_777_216))]
    pub memory_mib: Option<u32>,
    /// How long the books of past windows are kept
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = value_parser!(u32).range(1..=8_760))]
    pub history_hours: u32,
    /// YAML file of deployments, read at start, when it changes and on SIGHUP: what changed in it
    /// since is put. What was put by hand stands otherwise, and deployments that are not in it are
    /// left alone
    #[arg(long, value_name = "FILE")]
    pub deployments: Option<PathBuf>,
}

/// The schemes that name PostgreSQL.
const POSTGRES: &[&str] = &["postgres", "postgresql"];

impl LedgerConfig {
    /// What no single value shows to be wrong.
    pub(super) fn check(&self) -> Result<(), Mistake> {
        if let Some(url) = &self.database_url {
            url.url("database_url", POSTGRES)?;
        }
        self.database()?;
        self.redis.check()?;
        let missing = |setting| Err(Mistake::at("ledger", format!("`{setting}` must be set too")));
        match self.ledger {
            LedgerKind::Postgres if self.database_url.is_none() => missing("database_url"),
            LedgerKind::Redis if self.redis.redis_url.is_none() => missing("redis_url"),
            LedgerKind::Embedded | LedgerKind::Postgres | LedgerKind::Redis => Ok(()),
        }
    }

    /// The memory that this server may fill.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.memory_mib.map_or_else(Memory::found, Memory::of_mib)
    }

    /// How to connect to PostgreSQL, if there is one.
    ///
    /// # Errors
    /// The file of its password is of no use, or there are two.
    pub fn database(&self) -> Result<Option<DatabaseUrl>, Mistake> {
        let Some(url) = &self.database_url else { return Ok(None) };
        if self.database_password_file.is_some() && self.database_password_command.is_some() {
            let what = "`database_password_file` is set already: which is it?";
            return Err(Mistake::at("database_password_command", what));
        }
        let (file, command) =
            (self.database_password_file.clone(), self.database_password_command.clone());
        let password = PasswordSource::of(file, command);
        if password.is_some() && url.has_password() {
            let what = "`database_url` has a password already: which is it?";
            return Err(Mistake::at("database_password_file", what));
        }
        let database = DatabaseUrl::new(url.reveal(), password);
        database
            .check()
            .map_err(|UselessSource { path, why }| Mistake::at(path.display().to_string(), why))?;
        // What no wait cures is told at the start.
        let parsed = Database::new(database.clone());
        parsed.map_err(|error| Mistake::at("database_url", error.to_string()))?;
        Ok(Some(database))
    }

    /// Which ledger it is and where, for who starts it.
    pub(crate) fn shown(&self) -> String {
        let name = self.ledger.name();
        match (self.ledger, &self.database_url, self.redis.address()) {
            (LedgerKind::Postgres, Some(url), _) => format!("{name}, at {url}"),
            (LedgerKind::Redis, _, Ok(address)) => format!("{name}, at {address}"),
            _ => {
                let folder = self.data_dir.canonicalize();
                let folder = folder.unwrap_or_else(|_| self.data_dir.clone());
                format!("{name}, data in {}", folder.display())
            }
        }
    }

    /// Nobody else on this machine may see a password: flags are shown to everybody.
    pub(super) fn check_flags(flags: &clap::ArgMatches) -> Result<(), Mistake> {
        for (id, variable) in
            [("database_url", "QUOTA_DATABASE_URL"), ("redis_url", "QUOTA_REDIS_URL")]
        {
            if flags.get_one::<SecretUrl>(id).is_some_and(has_password) {
                let flag = format!("--{}", id.replace('_', "-"));
                let what = format!(
                    "there is a password in it, which every user of this machine can see: set {variable}"
                );
                return Err(Mistake::at(flag, what));
            }
        }
        Ok(())
    }
}

/// An address of several Redis processes is no URL.
fn has_password(url: &SecretUrl) -> bool {
    url.has_password() || RedisSettings::has_password(url)
}

/// A rung of the storage ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerKind {
    /// One server, SQLite in its data directory.
    Embedded,
    /// One active server and any number of standbys, a journal in PostgreSQL.
    Postgres,
    /// Any number of active servers, books in Redis.
    Redis,
}

impl LedgerKind {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }
}

impl FromStr for LedgerKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = [Self::Embedded, Self::Postgres, Self::Redis];
        let found = kinds.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| "the ledgers there are: `embedded`, `postgres`, `redis`".to_owned())
    }
}

/// How clients reach a server: `http://host:port`, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvertiseUrl(String);

impl AdvertiseUrl {
    /// The URL, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AdvertiseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let is_plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err("it must be `http://host:port` or `https://host:port`".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("there must be no credentials in it".to_owned());
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertised_url_has_no_path() {
        let url = |text: &str| text.parse::<AdvertiseUrl>();
        assert_eq!(url("http://h:7700/").unwrap().as_str(), "http://h:7700");
        assert_eq!(url("https://quota.example").unwrap().as_str(), "https://quota.example");
        for text in ["h:7700", "ftp://h", "http://h/v1", "http://h?a=1", "http://me:pw@h"] {
            assert!(url(text).is_err(), "{text}");
        }
    }
}
