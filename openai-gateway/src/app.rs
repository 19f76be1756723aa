//! The one place that knows all the parts.

use std::time::Duration;

use edge::body::BodyRoom;
use http::HeaderValue;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::config::{Config, Reservation, Secret};
use crate::routing::{Dice, Groups};
use crate::tokens::Encoding;
use crate::upstream::Upstream;

/// A gateway, ready to answer.
pub struct App {
    /// The model groups.
    pub groups: Groups,
    /// The way to the providers.
    pub upstream: Upstream,
    /// What callers must present.
    pub master_key: Option<Secret>,
    /// The pause before a request is tried again.
    pub retry_pause: Duration,
    /// What is reserved for a chat request.
    pub reservation: Reservation,
    /// The largest body that is taken.
    pub max_body_bytes: usize,
    /// What bodies may take at once.
    pub body_room: BodyRoom,
    /// It is reached on this machine alone, by the names of loopback.
    pub is_local: bool,
    /// The origins whose pages may call; `*`: all.
    pub cors_origins: Vec<HeaderValue>,
    /// For the choice of deployments.
    pub dice: Dice,
    /// For `/metrics`; absent where nobody records.
    pub prometheus: Option<PrometheusHandle>,
}

/// What an app is made of besides its configuration.
pub struct Parts {
    /// The model groups.
    pub groups: Groups,
    /// The way to the providers.
    pub upstream: Upstream,
    /// The largest body that is taken.
    pub max_body_bytes: usize,
    /// What bodies may take at once.
    pub body_room: BodyRoom,
    /// It is reached on this machine alone, by the names of loopback.
    pub is_local: bool,
    /// The origins whose pages may call; `*`: all.
    pub cors_origins: Vec<HeaderValue>,
    /// All randomness follows from it.
    pub seed: u64,
    /// For `/metrics`.
    pub prometheus: Option<PrometheusHandle>,
}

impl App {
    /// Puts the parts together, and loads the tokenizers that they need.
    #[must_use]
    pub fn new(config: &Config, parts: Parts) -> Self {
        parts.groups.encodings().into_iter().for_each(Encoding::load);
        Self {
            groups: parts.groups,
            upstream: parts.upstream,
            master_key: config.master_key.clone(),
            retry_pause: config.routing.retry_pause,
            reservation: config.quota.reservation,
            max_body_bytes: parts.max_body_bytes,
            body_room: parts.body_room,
            is_local: parts.is_local,
            cors_origins: parts.cors_origins,
            dice: Dice::new(parts.seed),
            prometheus: parts.prometheus,
        }
    }
}
