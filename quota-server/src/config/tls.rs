use std::fmt;
use std::path::PathBuf;

use clap::{ValueEnum, value_parser};

/// Encryption of the API, and certificates as credentials.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "tls")]
pub struct TlsConfig {
    /// PEM file of the server's certificate and those between it and its authority: serves HTTPS.
    /// These files are read again when they change and on SIGHUP
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of its private key
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// PEM file of the authorities whose certificates clients may show: see `[[certificate]]` in
    /// the tokens file
    #[arg(long, value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,
    /// Whether every connection must show one, the probes' too
    #[arg(long, value_name = "WHEN", default_value = "required")]
    pub tls_client_auth: ClientAuth,
    /// How long a handshake may take
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = value_parser!(u64).range(10..=600_000))]
    pub tls_handshake_ms: u64,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            tls_cert: None,
            tls_key: None,
            tls_client_ca: None,
            tls_client_auth: ClientAuth::Required,
            tls_handshake_ms: 10_000,
        }
    }
}

/// Whether clients show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientAuth {
    /// Without one there is no connection.
    Required,
    /// Who shows none needs a token.
    Optional,
}

impl fmt::Display for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "required",
            Self::Optional => "optional",
        })
    }
}
