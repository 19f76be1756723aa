//! The one key of ours in the file, `quota_server`. Unlike LiteLLM's, a key in it that isn't known
//! is refused.

use std::path::PathBuf;

use gateway_client::api;

use super::report::Report;
use super::section::{self, Section};

/// The quota server and how it is used.
#[derive(Debug, Clone)]
pub struct QuotaConfig {
    /// Where it is: a URL, several with commas between them, or one whose name has several
    /// addresses.
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
    /// How long a request may wait for room in its group, instead of being denied. 0: not at all.
    pub wait_for_room_ms: u64,
    /// How many requests of a group may wait for it at once.
    pub max_waiting_requests: u32,
    /// How many tokens they may wait for together.
    pub max_waiting_tokens: u64,
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
            wait_for_room_ms: 0,
            max_waiting_requests: 1_000,
            max_waiting_tokens: 10_000_000,
            register: false,
            reservation: Reservation::default(),
            default_max_output_tokens: 1_024,
            settlement: api::Settlement::default(),
            refused: api::Refused::default(),
            window: api::WindowKind::default(),
        }
    }
}

impl QuotaConfig {
    /// What the file's part says, and the default where it says nothing.
    pub(super) fn read(mut quota: Section<'_>, report: &mut Report) -> Self {
        let default = Self::default();
        let path = |quota: &mut Section<'_>, name, report: &mut Report| {
            quota.text(name, report).map(PathBuf::from)
        };
        let config = Self {
            url: quota.text("url", report).unwrap_or(default.url),
            answer_timeout_ms: quota.whole("answer_timeout_ms", report),
            token_file: path(&mut quota, "token_file", report),
            ca_file: path(&mut quota, "ca_file", report),
            client_cert_file: path(&mut quota, "client_cert_file", report),
            client_key_file: path(&mut quota, "client_key_file", report),
            holder: quota.text("holder", report).unwrap_or(default.holder),
            max_wait_ms: quota.whole("max_wait_ms", report).unwrap_or(default.max_wait_ms),
            wait_for_room_ms: quota
                .whole("wait_for_room_ms", report)
                .unwrap_or(default.wait_for_room_ms),
            max_waiting_requests: quota
                .count("max_waiting_requests", report)
                .unwrap_or(default.max_waiting_requests),
            max_waiting_tokens: quota
                .whole("max_waiting_tokens", report)
                .unwrap_or(default.max_waiting_tokens),
            register: quota.flag("register", report).unwrap_or(default.register),
            reservation: one_of(&mut quota, "reservation", RESERVATIONS, report),
            default_max_output_tokens: quota
                .whole("default_max_output_tokens", report)
                .unwrap_or(default.default_max_output_tokens),
            settlement: one_of(&mut quota, "settlement", SETTLEMENTS, report),
            refused: one_of(&mut quota, "refused", REFUSED, report),
            window: one_of(&mut quota, "window", WINDOWS, report),
        };
        quota.close(report);
        config
    }
}

const RESERVATIONS: &[(&str, Reservation)] =
    &[("input_plus_max_output", Reservation::InputPlusMaxOutput), ("input", Reservation::Input)];
const SETTLEMENTS: &[(&str, api::Settlement)] =
    &[("refund", api::Settlement::Refund), ("none", api::Settlement::None)];
const REFUSED: &[(&str, api::Refused)] = &[
    ("refund_tokens", api::Refused::RefundTokens),
    ("refund", api::Refused::Refund),
    ("none", api::Refused::None),
];
const WINDOWS: &[(&str, api::WindowKind)] =
    &[("minute", api::WindowKind::Minute), ("rolling", api::WindowKind::Rolling)];

fn one_of<T: Copy + Default>(
    quota: &mut Section<'_>,
    name: &str,
    choices: &[(&str, T)],
    report: &mut Report,
) -> T {
    let chosen = quota.read(name, report, |node, environment| {
        let text = section::text(node, environment)?;
        let choice = choices.iter().find(|(name, _)| *name == text);
        choice.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            format!("{:?} is none of {}", section::written(node), names.join(", "))
        })
    });
    chosen.unwrap_or_default()
}

/// What is reserved for a request before it is sent: of the API's policies, those that this gateway
/// has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reservation {
    /// The input and all of the output that the request allows.
    #[default]
    InputPlusMaxOutput,
    /// The input alone.
    Input,
}

impl Reservation {
    /// What is reserved of so much output.
    #[must_use]
    pub const fn output(self, tokens: u64) -> u64 {
        match self {
            Self::InputPlusMaxOutput => tokens,
            Self::Input => 0,
        }
    }
}

impl From<Reservation> for api::Reservation {
    fn from(reservation: Reservation) -> Self {
        match reservation {
            Reservation::InputPlusMaxOutput => Self::InputPlusMaxOutput,
            Reservation::Input => Self::Input,
        }
    }
}
