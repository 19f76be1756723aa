//! A `rolling` deployment under siege for longer than its 60 s: no interval of 60 s may hold more
//! than the limit, wherever it begins, and what leaves an interval must be grantable again.

use std::{sync::Arc, time::Duration};

use gateway_client::QuotaClient;
use quota_api::{Amount, DeploymentSpec, WindowKind};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    holder,
    record::{Record, Spent, plus, total},
    run::RunError,
};
use crate::{clock::MINUTE_MS, harness::QuotaServer};

const DEPLOYMENT: &str = "rolling";
const LIMIT: Amount = Amount { tokens: 2_000, requests: 500 };
const HOLDERS: u64 = 2;

/// What was drawn.
#[derive(Debug, Clone, Copy)]
pub struct Rolled {
    /// The limit of any 60 s.
    pub limit: Amount,
    /// All of it.
    pub total: Amount,
    /// The fullest 60 s.
    pub fullest: Amount,
}

/// Draws for so long, then adds up what was drawn.
///
/// # Errors
/// When the server or a client does not come up.
pub async fn roll(span: Duration) -> Result<Rolled, RunError> {
    let server = QuotaServer::builder().deployment(DEPLOYMENT, spec()).start().await?;
    let (tasks, stop, record) = (TaskTracker::new(), CancellationToken::new(), Arc::default());
    let mut clients = Vec::new();
    for number in 0..HOLDERS {
        let builder = QuotaClient::builder(server.process.url());
        let client = builder.holder(format!("rolling-{number}")).build()?;
        holder::draw_like_mad(&client, DEPLOYMENT, &record, number, (&tasks, &stop));
        clients.push(client);
    }
    tasks.close();
    tokio::time::sleep(span).await;
    stop.cancel();
    tasks.wait().await;
    let spent = Record::all(&record);
    Ok(Rolled { limit: LIMIT, total: total(&spent), fullest: fullest_60_s(&spent) })
}

fn spec() -> DeploymentSpec {
    DeploymentSpec {
        tpm_limit: Some(LIMIT.tokens),
        rpm_limit: Some(LIMIT.requests),
        window: WindowKind::Rolling,
        ..DeploymentSpec::default()
    }
}

/// Each draw was made at some moment between two readings of the clock; an interval holds those
/// that were surely made in it.
pub(super) fn fullest_60_s(spent: &[Spent]) -> Amount {
    let mut begun = spent.to_vec();
    begun.sort_unstable_by_key(|one| one.from_ms);
    let mut over = spent.to_vec();
    over.sort_unstable_by_key(|one| one.to_ms);
    let (mut sum, mut fullest) = (Amount::default(), Amount::default());
    let mut ended = over.iter().peekable();
    // An interval that begins with a draw holds what is over before its end, less what began before
    // its beginning, all of which was over by then or is not counted at all.
    let mut before = Amount::default();
    for start in &begun {
        while let Some(one) = ended.next_if(|one| one.to_ms < start.from_ms + MINUTE_MS) {
            sum = plus(sum, one.amount);
        }
        let tokens = sum.tokens.saturating_sub(before.tokens);
        let requests = sum.requests.saturating_sub(before.requests);
        fullest.tokens = fullest.tokens.max(tokens);
        fullest.requests = fullest.requests.max(requests);
        before = plus(before, start.amount);
    }
    fullest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_interval_holds_what_was_surely_drawn_in_it() {
        let spent = |from_ms, to_ms, tokens| Spent {
            from_ms,
            to_ms,
            amount: Amount { tokens, requests: 1 },
        };
        let all = [
            spent(0, 1, 10),
            spent(30_000, 30_001, 20),
            spent(59_999, 60_000, 40),
            spent(60_001, 60_002, 80),
        ];
        assert_eq!(fullest_60_s(&all), Amount { tokens: 140, requests: 3 });
    }
}
