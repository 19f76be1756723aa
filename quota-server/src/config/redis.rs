use std::path::PathBuf;

use super::SecretUrl;
use crate::ledger::redis::{Acknowledged, AddressError, RedisAddress, RedisFiles};
use crate::mistake::Mistake;
use crate::password::{PasswordCommand, PasswordSource};

/// Where Redis is, and how it is logged in to.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "ledger")]
pub struct RedisSettings {
    /// Redis: `redis://host:port`, `redis+sentinel://h1:p1,h2:p2/master`,
    /// `redis+cluster://h1:p1,h2:p2`; with `rediss` for TLS. Its password comes from
    /// QUOTA_REDIS_URL or the file of --redis-password-file, never from this flag
    #[arg(long, value_name = "URL")]
    pub redis_url: Option<SecretUrl>,
    /// File of Redis's password, instead of one in the URL. This file and those below are read
    /// again for each connection
    #[arg(long, value_name = "FILE")]
    pub redis_password_file: Option<PathBuf>,
    /// Command that prints Redis's password, instead of a file: a program and its arguments, run
    /// for each connection, 10 s at most and once in 5 s at most
    #[arg(long, value_name = "COMMAND")]
    pub redis_password_command: Option<PasswordCommand>,
    /// The user that Sentinel wants, if it wants one
    #[arg(long, value_name = "NAME")]
    pub redis_sentinel_user: Option<String>,
    /// File of Sentinel's password [default: Sentinel is asked without one]
    #[arg(long, value_name = "FILE")]
    pub redis_sentinel_password_file: Option<PathBuf>,
    /// Command that prints Sentinel's password, instead of a file
    #[arg(long, value_name = "COMMAND")]
    pub redis_sentinel_password_command: Option<PasswordCommand>,
    /// PEM file of the authorities that the certificate of a `rediss://` must be of [default: the
    /// system's]
    #[arg(long, value_name = "FILE")]
    pub redis_ca: Option<PathBuf>,
    /// PEM file of the certificate that Redis and Sentinel are shown, with those between it and its
    /// authority
    #[arg(long, value_name = "FILE")]
    pub redis_cert: Option<PathBuf>,
    /// PEM file of its private key
    #[arg(long, value_name = "FILE")]
    pub redis_key: Option<PathBuf>,
    /// Warnings about Redis's settings that are read and cannot be helped, by the names in
    /// docs/redis.md, with commas between: they count as none
    #[arg(long, value_name = "NAMES")]
    pub redis_acknowledge: Option<Acknowledged>,
}

impl RedisSettings {
    /// What no single value shows to be wrong.
    pub(super) fn check(&self) -> Result<(), Mistake> {
        if self.redis_url.is_none() {
            return Ok(());
        }
        let address = self.address()?;
        self.check_against(&address)?;
        let useless = |file: crate::secret_file::UselessSource| {
            Mistake::at(file.path.display().to_string(), file.why)
        };
        address.check_files().map_err(useless)
    }

    fn check_against(&self, address: &RedisAddress) -> Result<(), Mistake> {
        let (password, sentinel_password) = (self.password(), self.sentinel_password());
        let has_sentinel = sentinel_password.is_some() || self.redis_sentinel_user.is_some();
        for (is_wrong, setting, what) in [
            (
                self.redis_password_file.is_some() && self.redis_password_command.is_some(),
                "redis_password_command",
                "`redis_password_file` is set already: which is it?",
            ),
            (
                self.redis_sentinel_password_file.is_some()
                    && self.redis_sentinel_password_command.is_some(),
                "redis_sentinel_password_command",
                "`redis_sentinel_password_file` is set already: which is it?",
            ),
            (
                password.is_some() && address.has_password(),
                "redis_password_file",
                "`redis_url` has a password already: which is it?",
            ),
            (
                has_sentinel && !address.is_watched(),
                "redis_sentinel_password_file",
                "`redis_url` must begin with `redis+sentinel` or `rediss+sentinel`",
            ),
            (
                self.redis_sentinel_user.is_some() && sentinel_password.is_none(),
                "redis_sentinel_user",
                "`redis_sentinel_password_file` must be set too",
            ),
            (
                self.redis_cert.is_some() != self.redis_key.is_some(),
                "redis_cert",
                "`redis_cert` and `redis_key` belong together",
            ),
            (
                self.redis_ca.is_some() && !address.is_encrypted(),
                "redis_ca",
                "`redis_url` must begin with `rediss`",
            ),
            (
                self.redis_cert.is_some() && !address.is_encrypted(),
                "redis_cert",
                "`redis_url` must begin with `rediss`",
            ),
        ] {
            if is_wrong {
                return Err(Mistake::at(setting, what));
            }
        }
        Ok(())
    }

    /// Where Redis is, and where the files are that each connection reads.
    ///
    /// # Errors
    /// `redis_url` is missing or no address.
    pub fn address(&self) -> Result<RedisAddress, Mistake> {
        let url = self.redis_url.as_ref().map_or("", SecretUrl::reveal);
        let address: RedisAddress = url
            .parse()
            .map_err(|error: AddressError| Mistake::at("redis_url", error.to_string()))?;
        Ok(address.with_files(RedisFiles {
            password: self.password(),
            sentinel_user: self.redis_sentinel_user.clone(),
            sentinel_password: self.sentinel_password(),
            authorities: self.redis_ca.clone(),
            certificate: self.redis_cert.clone().zip(self.redis_key.clone()),
        }))
    }

    fn password(&self) -> Option<PasswordSource> {
        PasswordSource::of(self.redis_password_file.clone(), self.redis_password_command.clone())
    }

    fn sentinel_password(&self) -> Option<PasswordSource> {
        let file = self.redis_sentinel_password_file.clone();
        PasswordSource::of(file, self.redis_sentinel_password_command.clone())
    }

    /// Whether there is one in what names several processes, and is no URL.
    pub(super) fn has_password(url: &SecretUrl) -> bool {
        url.reveal().parse::<RedisAddress>().is_ok_and(|address| address.has_password())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> RedisSettings {
        RedisSettings { redis_url: Some(url.parse().unwrap()), ..RedisSettings::default() }
    }

    #[test]
    fn what_does_not_go_together_is_told() {
        let file = || Some(PathBuf::from("/no/such/file"));
        let plain = || settings("redis://h:1");
        for (settings, place) in [
            (
                RedisSettings { redis_password_file: file(), ..settings("redis://:a@h:1") },
                "redis_password_file",
            ),
            (
                RedisSettings { redis_sentinel_password_file: file(), ..plain() },
                "redis_sentinel_password_file",
            ),
            (
                RedisSettings {
                    redis_sentinel_user: Some("quota".to_owned()),
                    ..settings("redis+sentinel://h:1/books")
                },
                "redis_sentinel_user",
            ),
            (RedisSettings { redis_cert: file(), ..settings("rediss://h:1") }, "redis_cert"),
            (RedisSettings { redis_cert: file(), redis_key: file(), ..plain() }, "redis_cert"),
            (RedisSettings { redis_ca: file(), ..plain() }, "redis_ca"),
            (RedisSettings { redis_password_file: file(), ..plain() }, "/no/such/file"),
            (RedisSettings { redis_ca: file(), ..settings("rediss://h:1") }, "/no/such/file"),
        ] {
            assert_eq!(settings.check().unwrap_err().place, place);
        }
        assert_eq!(plain().check(), Ok(()));
    }
}
