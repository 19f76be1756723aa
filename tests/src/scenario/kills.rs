//! What `--kill-server`, `--kill-gateway` and `--fail-over` do while a scenario runs.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{Options, Watch, minute};
use crate::{
    harness::{HarnessError, Live, Site},
    load::Targets,
};

/// When in a minute a process is killed, in ms: while `slow-stream`'s quota is being drawn.
const MOMENTS_MS: std::ops::Range<u64> = 3_000..18_000;

/// Kills what the options name, in the minutes from `first` on.
pub(super) async fn run(
    site: &mut Site,
    targets: &Targets,
    (first, minutes): (u64, u64),
    options: &Options,
    watch: &Watch,
) -> Result<Vec<String>, HarnessError> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut notes = Vec::new();
    if options.fail_over {
        let moment_ms = rng.random_range(MOMENTS_MS);
        minute::at(first, moment_ms).await;
        notes.extend(fail_over(site, moment_ms, watch).await?);
    }
    if options.kill_gateway {
        let moment_ms = rng.random_range(MOMENTS_MS);
        minute::at(first, moment_ms).await;
        notes.push(kill_gateway(site, targets, moment_ms)?);
    }
    if options.kill_server {
        let after = u64::from(options.kill_gateway);
        for number in first + after..first + minutes {
            let moment_ms = rng.random_range(MOMENTS_MS);
            minute::at(number, moment_ms).await;
            site.servers.seats[0].server.kill_and_start_again().await?;
            watch.enter("killed the quota server with -9 and started it again");
            notes.push(format!(
                "quota server killed with -9 and started again at {moment_ms} ms of minute {}",
                number - first + 1
            ));
        }
    }
    Ok(notes)
}

async fn fail_over(
    site: &mut Site,
    at_ms: u64,
    watch: &Watch,
) -> Result<Option<String>, HarnessError> {
    let Some(Live::Pair(pair)) = &mut site.servers.store.live else { return Ok(None) };
    watch.enter("killed Redis's primary with -9");
    pair.fail_over().await?;
    watch.enter("Redis's replica was promoted");
    Ok(Some(format!("Redis's primary killed with -9 at {at_ms} ms of minute 1, replica promoted")))
}

fn kill_gateway(site: &mut Site, targets: &Targets, at_ms: u64) -> Result<String, HarnessError> {
    let last = site.gateways.len() - 1;
    targets.take_out(last);
    site.gateways[last].process.kill()?;
    Ok(format!("{} killed with -9 at {at_ms} ms of minute 1", Site::holder(last)))
}
