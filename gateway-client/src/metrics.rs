//! The one file that names metrics. They go through the `metrics` facade to whatever recorder the
//! process has installed, exist from the start with 0, and are counted by the driver from samples:
//! draws that a lease covers pay nothing for them.

mod client;
mod deployment;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(crate) use client::ClientMetrics;
pub(crate) use deployment::{DeploymentMetrics, waits};

const DRAWN_TOKENS: &str = "gateway_client_drawn_tokens_total";
const DRAWN_REQUESTS: &str = "gateway_client_drawn_requests_total";
const DENIED: &str = "gateway_client_denied_total";
const DENIED_TOKENS: &str = "gateway_client_denied_tokens_total";
const DENIED_REQUESTS: &str = "gateway_client_denied_requests_total";
const GIVEN_BACK_TOKENS: &str = "gateway_client_given_back_tokens_total";
const GIVEN_BACK_REQUESTS: &str = "gateway_client_given_back_requests_total";
const OVERRUN_TOKENS: &str = "gateway_client_overrun_tokens_total";
const GRANTS: &str = "gateway_client_grants_total";
const LEASES: &str = "gateway_client_held_leases";
const HELD_TOKENS: &str = "gateway_client_held_tokens";
const HELD_REQUESTS: &str = "gateway_client_held_requests";
const WAITING: &str = "gateway_client_waiting_draws";
const WAIT_SECONDS: &str = "gateway_client_wait_seconds";
const BATCHES: &str = "gateway_client_batches_total";
const BATCH_SECONDS: &str = "gateway_client_batch_seconds";
const FAILOVERS: &str = "gateway_client_failovers_total";
const SERVER_IN_USE: &str = "gateway_client_server_in_use";
const SERVER_UP: &str = "gateway_client_server_up";

const COUNTERS: &[(&str, &str)] = &[
    (DRAWN_TOKENS, "Tokens drawn from leases"),
    (DRAWN_REQUESTS, "Requests drawn from leases"),
    (DENIED, "Draws that were denied, by reason"),
    (DENIED_TOKENS, "Tokens of draws that were denied"),
    (DENIED_REQUESTS, "Requests of draws that were denied"),
    (GIVEN_BACK_TOKENS, "Tokens taken out of leases to give back"),
    (GIVEN_BACK_REQUESTS, "Requests taken out of leases to give back"),
    (OVERRUN_TOKENS, "Tokens used beyond what leases held"),
    (GRANTS, "Leases granted"),
    (BATCHES, "Messages to the quota server, by outcome"),
    (FAILOVERS, "Messages that went on to another quota server at once"),
];

const GAUGES: &[(&str, &str)] = &[
    (SERVER_IN_USE, "1 for the server that messages go to"),
    (LEASES, "Leases held, ended ones with running requests included"),
    (HELD_TOKENS, "Tokens in hand: free to draw"),
    (HELD_REQUESTS, "Requests in hand: free to draw"),
    (WAITING, "Draws that wait for a lease"),
    (SERVER_UP, "1 if the last message was answered"),
];

const HISTOGRAMS: &[(&str, &str)] = &[
    (BATCH_SECONDS, "How long messages to the quota server took"),
    (WAIT_SECONDS, "How long draws waited that no lease in hand covered"),
];

fn describe() {
    for &(name, help) in COUNTERS {
        describe_counter!(name, Unit::Count, help);
    }
    for &(name, help) in GAUGES {
        describe_gauge!(name, Unit::Count, help);
    }
    for &(name, help) in HISTOGRAMS {
        describe_histogram!(name, Unit::Seconds, help);
    }
}
