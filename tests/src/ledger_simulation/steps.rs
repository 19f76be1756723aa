//! Doing what a plan says.

use quota_server::simulation::Fault;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::time::{Duration, sleep};

use super::checker::Setting;
use super::gateways;
use super::holders;
use super::people::{self, setting};
use super::plan::{Step, What};
use super::site::{Site, Wish};

/// Does one step, to its end.
pub(super) async fn take(site: Site, step: Step) {
    let rng = SmallRng::seed_from_u64(site.plan.luck(&step));
    {
        let mut coverage = site.coverage.borrow_mut();
        let coverage = &mut *coverage;
        let is_operation = step.what.is_operation();
        let counts = if is_operation { &mut coverage.operations } else { &mut coverage.faults };
        *counts.entry(step.what.kind()).or_default() += 1;
    }
    if step.what.is_operation() {
        operate(site, step.what, rng).await;
    } else {
        befall(site, step.what, rng).await;
    }
}

async fn operate(site: Site, what: What, rng: SmallRng) {
    match what {
        What::Acquire { holder, deployment, min, want, ahead, draws } => {
            let wish = Wish { request: 0, credential: 0, deployment, min, want, ahead, draws };
            holders::acquire(site, holder, wish, rng).await;
        }
        What::Repeat { holder, back } => holders::repeat(site, holder, back, rng).await,
        What::Return { holder, back, percent, closed } => {
            holders::give_back(site, holder, back, percent, closed, rng).await;
        }
        What::Report { holder, back, overrun } => {
            holders::report(site, holder, back, overrun, rng).await;
        }
        What::Forge { holder, of, back } => holders::forge(site, holder, of, back, rng).await,
        What::Deny { holder, deployment } => holders::deny(site, holder, deployment, rng).await,
        What::Request { gateway, tokens, percent, takes_ms } => {
            gateways::request(site, gateway, tokens, percent, takes_ms).await;
        }
        What::Put { deployment, tokens, requests, rolling } => {
            people::put(site, deployment, Some(setting(tokens, requests, rolling)), rng).await;
        }
        What::PutPeriod { deployment, tokens, most } => {
            let setting = Setting { most_in_span: Some(most), ..setting(tokens, None, false) };
            people::put(site, deployment, Some(setting), rng).await;
        }
        What::Delete { deployment } => {
            people::put(site, deployment, None, rng).await;
        }
        What::Revoke { holder } => site.holder(holder).borrow_mut().credential += 1,
        _ => people::look(site).await,
    }
}

async fn befall(site: Site, what: What, rng: SmallRng) {
    let ms = Duration::from_millis;
    match what {
        What::Kill { server, down_ms, reboots, declares } => {
            site.server(server).kill().await;
            if reboots {
                site.server(server).reboot();
                site.checker.borrow_mut().rebooted();
            }
            sleep(ms(down_ms)).await;
            site.start(server).await;
            if declares > 0 {
                people::put(site, 0, Some(setting(declares, None, false)), rng).await;
            }
        }
        What::Restart { server, down_ms } => {
            site.server(server).stop().await;
            sleep(ms(down_ms)).await;
            site.start(server).await;
        }
        What::Pause { server, for_ms } => site.server(server).pause(ms(for_ms)),
        What::Suspend { server, for_ms } => {
            site.server(server).machine.freeze(ms(for_ms));
            site.server(server).pause(ms(for_ms));
        }
        // Not between the machine's start and the server's: see the module `episodes`.
        What::StepWall { server, by_ms } if site.server(server).is_up() => {
            site.server(server).machine.step_wall(by_ms);
        }
        What::Drift { server, ppm } => site.server(server).machine.drift(ppm),
        What::CommitFails => site.store.arm(Fault::Fails),
        What::CommitFailsWritten => site.store.arm(Fault::FailsWritten),
        What::CommitWrittenLater { by_ms } => site.store.arm(Fault::WrittenLater(ms(by_ms))),
        What::CommitSlow { by_ms } => site.store.arm(Fault::Slow(ms(by_ms))),
        What::CommitSilent { by_ms } => site.store.arm(Fault::Silent(ms(by_ms))),
        What::StoreAway { for_ms } => site.store.fail_for(ms(for_ms)),
        What::PutBack { missing, down_ms } => {
            site.end(0).await;
            let since = site.store.put_back(missing);
            site.checker.borrow_mut().lost(since);
            sleep(ms(down_ms)).await;
            site.start(0).await;
        }
        What::Damage { back, is_missing, down_ms } => {
            site.end(0).await;
            if let Some(since) = site.store.damage(back, is_missing) {
                site.checker.borrow_mut().lost(since);
            }
            sleep(ms(down_ms)).await;
            site.start(0).await;
        }
        What::Promote { missing } => {
            let (since, _) = site.store.promote(missing);
            site.checker.borrow_mut().lost(since);
        }
        _ => {}
    }
}
