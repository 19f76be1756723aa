use std::time::Duration;

use gateway_client::api::{self, State, UsagePair};
use pyo3::prelude::*;

/// How full a deployment's window was, when the server last told.
#[pyclass(frozen, get_all, eq, module = "tokenlease")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Tokens a window; `None` without a limit.
    limit_tokens: Option<u64>,
    /// Tokens that can still be granted; `None` without a limit.
    remaining_tokens: Option<u64>,
    /// Requests a window; `None` without a limit.
    limit_requests: Option<u64>,
    /// Requests that can still be granted; `None` without a limit.
    remaining_requests: Option<u64>,
}

impl From<api::Usage> for Usage {
    fn from(usage: api::Usage) -> Self {
        let api::Usage { tokens, requests } = usage;
        Self {
            limit_tokens: tokens.limit,
            remaining_tokens: UsagePair::remaining(&tokens),
            limit_requests: requests.limit,
            remaining_requests: UsagePair::remaining(&requests),
        }
    }
}

/// A deployment, as this process sees it just now: an estimate, since what other holders do is
/// known from the server's last answer only.
#[pyclass(frozen, get_all, module = "tokenlease")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// The state that the server told last, while its window lasts.
    state: Option<&'static str>,
    /// How full the window may be for this process, its own leases counted as free. `None` if
    /// nothing is known.
    usage: Option<Usage>,
    /// Seconds until the window's end, where it is known and the window is of a kind that ends.
    window_ends_in: Option<f64>,
}

impl From<gateway_client::View> for View {
    fn from(view: gateway_client::View) -> Self {
        let usage = view.usage.map(|usage| Usage {
            remaining_tokens: view.remaining_tokens(),
            remaining_requests: view.remaining_requests(),
            ..usage.into()
        });
        Self {
            state: view.state.map(state),
            usage,
            window_ends_in: view.window_ends_in.as_ref().map(Duration::as_secs_f64),
        }
    }
}

/// The state's name on the wire.
pub(crate) const fn state(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Endgame => "endgame",
        State::Exhausted => "exhausted",
        State::Quarantined => "quarantined",
    }
}
