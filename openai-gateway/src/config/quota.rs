//! The one key of ours in the file, `quota_server`. Unlike LiteLLM's, a key in it that isn't known
//! is refused.

use std::path::PathBuf;

use gateway_client::api;
use serde::Deserialize;

/// The quota server and how it is used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaConfig {
    /// Where it is: a URL, several with commas between them, or one whose name has several addresses.
    pub url: String,
    /// How long an answer is waited for: 1 s where another can be asked then, else 2 s.
    pub answer_timeout_ms: Option<u64>,
    /// A file that holds the token for it.
    pub token_file: Option<PathBuf>,
    /// The authorities (PEM) that its certificate must be of, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// A certificate (PEM) to show to it.
    pub client_cert_file: Option<PathBuf>,
    /// The certificate's key (PEM).
    pub client_key_file: Option<PathBuf>,
    /// This gateway's name in its book.
    pub holder: String,
    /// How long a request may wait for quota.
    pub max_wait_ms: u64,
    /// Whether to register the deployments' limits at start.
    pub register: bool,
    /// What is reserved for a request before it is sent.
    pub reservation: Reservation,
    /// The output that a chat request is taken to allow that doesn't say, tokens.
    pub default_max_output_tokens: u64,
    /// Whether an unused reservation comes back.
    pub settlement: api::Settlement,
    /// What comes back of a reservation when the provider refused its request.
    pub refused: api::Refused,
    /// The period that registered limits count over.
    pub window: api::WindowKind,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:7700".to_owned(),
            answer_timeout_ms: None,
            token_file: None,
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            holder: "gateway".to_owned(),
            max_wait_ms: 500,
            register: false,
            reservation: Reservation::default(),
            default_max_output_tokens: 1_024,
            settlement: api::Settlement::default(),
            refused: api::Refused::default(),
            window: api::WindowKind::default(),
        }
    }
}

/// What is reserved for a request before it is sent: of the API's policies, those that this gateway
/// has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reservation {
    /// The input and all of the output that the request allows.
    #[default]
    InputPlusMaxOutput,
    /// The input alone.
    Input,
}

impl From<Reservation> for api::Reservation {
    fn from(reservation: Reservation) -> Self {
        match reservation {
            Reservation::InputPlusMaxOutput => Self::InputPlusMaxOutput,
            Reservation::Input => Self::Input,
        }
    }
}
