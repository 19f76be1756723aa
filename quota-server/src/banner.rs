//! What a start prints on stdout: for a person who has just started it, and for scripts that wait
//! for the first line.

use std::fmt;
use std::net::SocketAddr;

use crate::auth::Access;

/// The lines of a start.
pub(crate) struct Banner<'a> {
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// Whether it speaks TLS.
    pub(crate) encrypted: bool,
    /// Which ledger, and where it keeps its data.
    pub(crate) ledger: &'a str,
    /// Who is let in.
    pub(crate) access: &'a Access,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, encrypted, ledger, access } = self;
        let scheme = if *encrypted { "https" } else { "http" };
        writeln!(f, "listening on {scheme}://{address}")?;
        writeln!(f, "ledger: {ledger}")?;
        match access {
            Access::Anonymous if address.ip().is_loopback() => {
                writeln!(
                    f,
                    "access: anonymous, from this machine only (no tokens are configured)"
                )?;
            }
            Access::Anonymous => {
                writeln!(f, "access: ANONYMOUS, from everywhere (--allow-anonymous)")?;
            }
            Access::Known(roster) => writeln!(f, "access: {roster}")?,
        }
        let token = match access {
            Access::Anonymous => "",
            Access::Known(_) => " -H \"authorization: Bearer $QUOTA_ADMIN_TOKEN\"",
        };
        writeln!(
            f,
            "next, make a deployment:\n  curl -X PUT {scheme}://{address}/v1/deployments/my-model{token} \
             -H 'content-type: application/json' -d '{{\"tpm_limit\": 100000, \"rpm_limit\": 600}}'"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Keyring, Role, Token};

    fn banner(address: &str, tokens: Vec<Token>) -> String {
        let access = Keyring::given(tokens).access().unwrap();
        let (address, ledger) = (address.parse().unwrap(), "embedded, data in /data");
        Banner { address, encrypted: false, ledger, access: &access }.to_string()
    }

    #[test]
    fn says_where_and_who() {
        let lines = banner("127.0.0.1:7700", Vec::new());
        assert!(lines.starts_with("listening on http://127.0.0.1:7700\n"));
        assert!(lines.contains("data in /data\n") && lines.contains("this machine only"));
        assert!(banner("0.0.0.0:1", Vec::new()).contains("ANONYMOUS, from everywhere"));
        let lines = banner("0.0.0.0:1", vec![Token::plain("a", Role::Admin, "t")]);
        assert!(lines.contains("access: 1 tokens\n") && lines.contains("authorization: Bearer"));
    }
}
