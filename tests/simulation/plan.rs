//! What a run is made of.

use quota_core::WindowKind;

/// All of a run; the same plan gives the same run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) kind: WindowKind,
    pub(crate) tpm_limit: u64,
    pub(crate) rpm_limit: Option<u64>,
    pub(crate) gateways: usize,
    /// Servers in front of the ledger.
    pub(crate) servers: usize,
    /// One of them is active, the others standbys.
    pub(crate) has_standbys: bool,
    /// How long requests come in.
    pub(crate) seconds: u64,
    pub(crate) load: Load,
    /// Requests besides, at a gateway of their own.
    pub(crate) large: Option<Large>,
    pub(crate) network: Weather,
    pub(crate) accidents: Accidents,
    /// How long a draw waits for a lease, ms.
    pub(crate) max_wait_ms: u64,
}

/// The requests.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Requests a second, over all gateways, which share them by Zipf's law.
    pub(crate) per_second: u64,
    /// The smallest and the largest reservation, tokens.
    pub(crate) tokens: (u64, u64),
    /// The smallest part of its reservation that a request uses, percent; above 100 is overrun.
    pub(crate) used_percent: (u64, u64),
    /// How long the upstream takes at least and at most, ms.
    pub(crate) takes_ms: (u64, u64),
}

/// Large requests, one after another, that an upstream answers within a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Large {
    /// Each reserves so much, tokens.
    pub(crate) tokens: u64,
    /// The time between two of them, ms.
    pub(crate) every_ms: u64,
}

/// What the network does to messages.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    /// How long a message is under way at least and at most, µs.
    pub(crate) delay_us: (u64, u64),
    /// Requests and answers that are lost, per mille each.
    pub(crate) lost_permille: u64,
    /// Requests that arrive again later, per mille.
    pub(crate) repeated_permille: u64,
}

/// What goes wrong besides.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Accidents {
    /// How often the ledger crashes, to be back within a second.
    pub(crate) server_crashes: usize,
    /// How often one of the servers in front of it dies, to be back within ten seconds.
    pub(crate) server_deaths: usize,
    /// How often one of them is paused, for up to five seconds.
    pub(crate) server_pauses: usize,
    /// How many gateways die without a word.
    pub(crate) gateway_crashes: usize,
    /// Gateways' clocks are fast or slow by at most so much, ppm.
    pub(crate) drift_ppm: i64,
}

impl Plan {
    /// Steady embeddings on a clean network.
    pub(crate) fn calm(seed: u64) -> Self {
        Self {
            seed,
            kind: WindowKind::Minute,
            tpm_limit: 60_000,
            rpm_limit: None,
            gateways: 5,
            servers: 1,
            has_standbys: false,
            seconds: 125,
            load: Load {
                per_second: 20,
                tokens: (20, 200),
                used_percent: (100, 100),
                takes_ms: (50, 500),
            },
            large: None,
            network: Weather { delay_us: (200, 3_000), lost_permille: 0, repeated_permille: 0 },
            accidents: Accidents::default(),
            max_wait_ms: 500,
        }
    }

    /// The same, with everything that can go wrong. In every other run all of a reservation is
    /// used, so that a single draw too many shows; in two of three about as much is offered as the
    /// limit allows, so that leases are in hand when a minute ends and yet the next one is used up.
    pub(crate) fn stormy(seed: u64) -> Self {
        let calm = Self::calm(seed);
        let per_second = [9, 10, 20][usize::try_from(seed % 3).unwrap_or(0)];
        let used_percent = if seed.is_multiple_of(2) { (100, 100) } else { (20, 130) };
        Self {
            gateways: 2 + usize::try_from(seed % 7).unwrap_or(0),
            load: Load { per_second, used_percent, takes_ms: (50, 20_000), ..calm.load.clone() },
            network: Weather {
                delay_us: (200, 800_000),
                lost_permille: 100,
                repeated_permille: 100,
            },
            accidents: Accidents {
                server_crashes: 4,
                gateway_crashes: 1,
                drift_ppm: 400,
                ..Accidents::default()
            },
            ..calm
        }
    }

    /// The same with two or three servers, which fail one after another. Messages take less than a
    /// client waits for one of several servers.
    pub(crate) fn stormy_with_servers(seed: u64) -> Self {
        let stormy = Self::stormy(seed);
        Self {
            network: Weather { delay_us: (200, 400_000), ..stormy.network },
            servers: 2 + usize::try_from(seed % 2).unwrap_or(0),
            accidents: Accidents {
                server_crashes: 1,
                server_deaths: 6,
                server_pauses: 12,
                ..stormy.accidents
            },
            ..stormy
        }
    }
}
