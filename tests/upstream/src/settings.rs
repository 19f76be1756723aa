use std::net::SocketAddr;

use crate::latency::Latency;

/// How the upstream behaves. As flags they are those of the `upstream` command.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9900")]
    pub listen: SocketAddr,
    /// How long an answer takes: `const:500ms`, `normal:500ms,700ms` or `lognormal:514ms,790ms`
    /// (the 50th and the 95th percentile). For a stream: until its first chunk.
    #[arg(long, default_value = "const:0ms")]
    pub latency: Latency,
    /// How long a stream waits between chunks, in ms.
    #[arg(long, default_value_t = 0)]
    pub chunk_gap_ms: u64,
    /// Tokens that a chat answer has, if the request allows as many; without it all that are
    /// allowed.
    #[arg(long)]
    pub answer_tokens: Option<u64>,
    /// What is billed for each token that was really used.
    #[arg(long, default_value_t = 1.0)]
    pub bill_factor: f64,
    /// Own limit: tokens a minute (input plus allowed output) for each key. More gets 429.
    #[arg(long)]
    pub tpm: Option<u64>,
    /// Own limit: requests a minute for each key. More gets 429.
    #[arg(long)]
    pub rpm: Option<u64>,
    /// The share of requests that fail, from 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    pub error_rate: f64,
    /// What failed requests are answered with.
    #[arg(long, default_value_t = 500)]
    pub error_status: u16,
    /// The models that it lists.
    #[arg(long = "model", default_values_t = ["gpt-4o".to_owned(), "text-embedding-3-small".to_owned()])]
    pub models: Vec<String>,
    /// Seeds latencies and failures: the same seed and order of arrival, the same run.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}
