use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, value_parser};

use crate::auth::{Access, Gate, Keyring, Role, Token};
use crate::mistake::Mistake;

/// The variables that hold a token, the name that it goes by, and its role.
const VARIABLES: [(&str, &str, Role); 3] = [
    ("QUOTA_ADMIN_TOKEN", "env-admin", Role::Admin),
    ("QUOTA_GATEWAY_TOKEN", "env-gateway", Role::Gateway),
    ("QUOTA_VIEWER_TOKEN", "env-viewer", Role::Viewer),
];

/// Shorter tokens than this can be guessed.
const SHORTEST_TOKEN_BYTES: usize = 16;

/// Who is let in. Tokens never come from a flag, where every user of the machine could see them.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "access")]
pub struct AccessConfig {
    /// TOML file of tokens, made with `quota-server token`, and of names in certificates; read
    /// again when it changes and on SIGHUP
    #[arg(long, value_name = "FILE")]
    pub tokens_file: Option<PathBuf>,
    /// Without any token, listen on other addresses than loopback all the same
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_value_t = false, default_missing_value = "true")]
    pub allow_anonymous: bool,
    /// Wrong tokens a minute that one address may show; more are answered 429. Good ones always
    /// pass
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = value_parser!(u32).range(1..=60_000))]
    pub failed_logins: u32,
}

impl AccessConfig {
    /// Who is let in, by the tokens of the file and of the environment.
    ///
    /// # Errors
    /// A mistake in either, or a server that would let everybody in from everywhere.
    pub fn gate(
        &self,
        listen: SocketAddr,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Gate, Mistake> {
        let mut given = Vec::new();
        for (variable, name, role) in VARIABLES {
            if let Some(text) = env(variable) {
                given.push(token(variable, name, role, &text)?);
            }
        }
        let gate = Gate::open(Keyring::new(self.tokens_file.clone(), given), self.failed_logins)?;
        self.check_exposure(&gate.access(), listen)?;
        Ok(gate)
    }

    fn check_exposure(&self, access: &Access, listen: SocketAddr) -> Result<(), Mistake> {
        if matches!(access, Access::Known(_)) || listen.ip().is_loopback() || self.allow_anonymous {
            return Ok(());
        }
        Err(Mistake::at(
            format!("--listen {listen}"),
            "without tokens the server listens on loopback only: give --tokens-file or \
             QUOTA_ADMIN_TOKEN, or --allow-anonymous to let everybody in",
        ))
    }
}

fn token(variable: &str, name: &str, role: Role, text: &str) -> Result<Token, Mistake> {
    if text.len() < SHORTEST_TOKEN_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Mistake::at(
            format!("environment: {variable}"),
            format!("a token is {SHORTEST_TOKEN_BYTES} visible ASCII characters or more"),
        ));
    }
    Ok(Token::plain(name, role, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Shown;

    fn config(allow_anonymous: bool) -> AccessConfig {
        AccessConfig { tokens_file: None, allow_anonymous, failed_logins: 60 }
    }

    #[test]
    fn without_tokens_loopback_only() {
        let none = |_: &str| None;
        for (listen, allowed) in [
            ("127.0.0.1:0", true),
            ("[::1]:0", true),
            ("0.0.0.0:0", false),
            ("[::]:0", false),
            ("192.0.2.1:0", false),
        ] {
            let listen = listen.parse().unwrap();
            assert_eq!(config(false).gate(listen, none).is_ok(), allowed, "{listen}");
            assert!(config(true).gate(listen, none).is_ok());
        }
    }

    #[test]
    fn tokens_of_the_environment_have_their_roles() {
        let env =
            |name: &str| (name != "QUOTA_VIEWER_TOKEN").then(|| format!("0123456789abcdef-{name}"));
        let access = config(false).gate("0.0.0.0:0".parse().unwrap(), env).unwrap().access();
        let shown = |token| Shown { token: Some(token), names: &[] };
        let role = |token| access.identify(shown(token)).ok().map(|found| found.role);
        assert_eq!(role("0123456789abcdef-QUOTA_ADMIN_TOKEN"), Some(Role::Admin));
        assert_eq!(role("0123456789abcdef-QUOTA_GATEWAY_TOKEN"), Some(Role::Gateway));
        assert_eq!(role("0123456789abcdef-QUOTA_VIEWER_TOKEN"), None);
    }

    #[test]
    fn a_weak_token_is_a_mistake_that_does_not_show_it() {
        for weak in ["", "hunter2", "hunter2 hunter2 hunter2"] {
            let env = |_: &str| Some(weak.to_owned());
            let listen = "127.0.0.1:0".parse().unwrap();
            let mistake = config(false).gate(listen, env).map(drop).unwrap_err();
            assert_eq!(mistake.place, "environment: QUOTA_ADMIN_TOKEN");
            assert!(!mistake.to_string().contains("hunter2"));
        }
    }
}
