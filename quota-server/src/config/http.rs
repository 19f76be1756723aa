use std::net::SocketAddr;
use std::time::Duration;

use clap::value_parser;
use edge::{descriptors, listener::Bounds};

use crate::metrics;

/// How the API is served.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "http")]
pub struct HttpConfig {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7700")]
    pub listen: SocketAddr,
    /// Threads that serve requests [default: half of the CPUs, at least 2]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1_024))]
    pub threads: Option<u16>,
    /// How long a stop waits for running requests
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = value_parser!(u64).range(..=600_000))]
    pub drain_ms: u64,
    /// Connections at once, within what there are file descriptors for; more wait to be accepted
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
    /// Connections at once from one address, at most three quarters of all; more are closed as soon
    /// as they are accepted
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub max_connections_per_ip: u32,
    /// Requests at once; more are answered 503 `overloaded`
    #[arg(long, value_name = "N", default_value_t = 4_096, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub max_requests: u32,
    /// Leases that one credential may ask for in a minute, of this server; more are answered 429.
    /// The default is above what a server grants
    #[arg(long, value_name = "N", default_value_t = 60_000_000, value_parser = value_parser!(u32).range(1..))]
    pub max_leases_per_minute: u32,
    /// Deployments that there may be before the API refuses to make more
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = value_parser!(u32).range(1..))]
    pub max_deployments: u32,
    /// How long a connection may take to send the head of a request, or be idle between requests
    #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = value_parser!(u64).range(10..=3_600_000))]
    pub head_read_ms: u64,
    /// How long a client may take in nothing of its answer before its connection is cut
    #[arg(long, value_name = "MS", default_value_t = 20_000, value_parser = value_parser!(u64).range(10..=600_000))]
    pub write_stall_ms: u64,
    /// How long a request's body may take to arrive
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = value_parser!(u64).range(10..=600_000))]
    pub body_read_ms: u64,
    /// How long a request may take in all
    #[arg(long, value_name = "MS", default_value_t = 15_000, value_parser = value_parser!(u64).range(10..=600_000))]
    pub request_ms: u64,
}

impl HttpConfig {
    /// How many threads serve requests. The other half of the CPUs is for the journal's thread,
    /// which every answer waits for, and for the kernel's side of the connections: with a thread
    /// for each CPU the journal's stands in line with them, and single acquires are a fifth fewer.
    #[must_use]
    pub fn threads(&self) -> usize {
        let half = || std::thread::available_parallelism().map_or(2, |cpus| cpus.get() / 2);
        self.threads.map_or_else(|| half().max(2), usize::from)
    }

    /// What connections may take, within what the process has file descriptors for now.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let bounds = Bounds {
            connections: self.max_connections,
            per_address: self.max_connections_per_ip,
            head_read: Duration::from_millis(self.head_read_ms),
            write_stall: Duration::from_millis(self.write_stall_ms),
            cut: metrics::connection_cut,
            refused: metrics::connection_refused,
        };
        bounds.within(descriptors::room(1))
    }

    /// How long a stop waits for running requests.
    #[must_use]
    pub const fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}
