//! Holders that draw like mad, and use more, less or nothing of what they drew.

use std::{sync::Arc, time::Duration};

use gateway_client::{Deployment, Permit, QuotaClient};
use quota_api::Amount;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::record::{Record, Spent};
use crate::clock;

/// How many requests of a deployment a holder has under way.
pub(super) const AT_ONCE: u64 = 4;
const MAX_WAIT: Duration = Duration::from_millis(200);
const TOKENS: std::ops::Range<u64> = 1..60;
/// How long a request takes, and how long a denied one waits until it asks again.
const TAKES_MS: std::ops::Range<u64> = 0..30;

/// Starts the requests of one holder against one deployment, until `stop`.
pub(super) fn draw_like_mad(
    client: &QuotaClient,
    deployment: &str,
    record: &Arc<Record>,
    seed: u64,
    (tasks, stop): (&TaskTracker, &CancellationToken),
) {
    for number in 0..AT_ONCE {
        let rng = StdRng::seed_from_u64(seed * AT_ONCE + number);
        let requests = requests(client.deployment(deployment), record.clone(), rng);
        let stop = stop.clone();
        tasks.spawn(async move {
            tokio::select! { () = stop.cancelled() => (), () = requests => () }
        });
    }
}

/// A request that is stopped in its middle drops its permit: charged in full, as it was recorded.
async fn requests(deployment: Deployment, record: Arc<Record>, mut rng: StdRng) {
    loop {
        let amount = Amount { tokens: rng.random_range(TOKENS), requests: 1 };
        let from_ms = clock::unix_ms();
        let drawn = deployment.draw_within(amount.into(), MAX_WAIT).await;
        let to_ms = clock::unix_ms();
        if let Ok(permit) = drawn {
            let end = End::choose(amount, &mut rng);
            record.spend(Spent { from_ms, to_ms, amount: end.spent(amount) }).await;
            end.come_to(permit, &mut rng).await;
        }
        pause(&mut rng).await;
    }
}

async fn pause(rng: &mut StdRng) {
    tokio::time::sleep(Duration::from_millis(rng.random_range(TAKES_MS))).await;
}

/// How a request ends. What is certain to be spent is written down as soon as it is drawn.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Never sent: all comes back.
    Cancelled,
    /// Less, as much or more was used than reserved.
    Settled(Amount),
    /// Nobody knows: charged in full.
    Unknown,
}

impl End {
    fn choose(amount: Amount, rng: &mut StdRng) -> Self {
        let used = |tokens| Self::Settled(Amount { tokens, ..amount });
        match rng.random_range(0..8) {
            0 => Self::Cancelled,
            1 => Self::Unknown,
            2 => used(amount.tokens + rng.random_range(1..30)),
            3 | 4 => used(rng.random_range(0..=amount.tokens)),
            _ => used(amount.tokens),
        }
    }

    /// Of the reservation; an overrun stands apart.
    fn spent(self, amount: Amount) -> Amount {
        match self {
            Self::Cancelled => Amount::default(),
            Self::Settled(used) => Amount { tokens: used.tokens.min(amount.tokens), ..used },
            Self::Unknown => amount,
        }
    }

    async fn come_to(self, permit: Permit, rng: &mut StdRng) {
        if let Self::Cancelled = self {
            return permit.cancel();
        }
        pause(rng).await;
        match self {
            Self::Settled(used) => permit.settle(used.into()),
            Self::Cancelled | Self::Unknown => drop(permit),
        }
    }
}
