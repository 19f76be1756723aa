//! Each alert is made to fire by causing its fault, and none fires before.
//!
//! Prometheus keeps time in small: all durations of the rules are divided by one factor. All faults
//! are there at once, each in a site of its own, so the test takes as long as the slowest alert.

use std::{collections::BTreeSet, process::Command, time::Duration};

use super::{faults, file, town::Town, watcher::Watcher};

const RULES: &str = "helm/files/alerts.yaml";
/// 15 minutes become half a minute.
const FACTOR: u32 = 30;
/// How long all is well: longer than most alerts wait.
const CALM: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_alert_fires_by_its_fault_and_none_without() {
    let rules = file(RULES);
    let mut town = Box::pin(Town::start()).await;
    // One that knows no quota server at all, beside the one that knows them all.
    let nobody = Watcher::start(&rules, FACTOR).await;
    let watcher = Watcher::start(&rules, FACTOR).await;
    watcher.scrape(&town.jobs());
    watcher.sees(town.jobs().iter().map(|job| job.urls.len()).sum()).await;
    tokio::time::sleep(CALM).await;
    let early: Vec<_> = watcher.fired().into_iter().filter(|(job, _)| !job.is_empty()).collect();
    assert_eq!(early, [], "nothing is wrong yet");

    faults::cause(&mut town, &watcher).await;
    for (job, alert) in faults::EXPECTED {
        watcher.came(job, alert).await;
    }
    let calm: Vec<_> = watcher.fired().into_iter().filter(|(job, _)| job == Town::CALM).collect();
    assert_eq!(calm, [], "nothing is wrong there");
    nobody.came("", faults::ABSENT).await;
}

#[test]
fn each_alert_has_its_fault_and_its_entry_in_the_runbook() {
    let rules = file(RULES);
    let named = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let named: BTreeSet<&str> = named.collect();
    let caused = faults::EXPECTED.iter().map(|(_, alert)| *alert).chain([faults::ABSENT]);
    assert_eq!(caused.collect::<BTreeSet<_>>(), named);
    let runbook = file("docs/runbook.md");
    let entries = runbook.lines().filter_map(|line| line.strip_prefix("## Quota")).count()
        + runbook.lines().filter(|line| line.starts_with("## Gateway")).count();
    assert_eq!(entries, named.len(), "an entry of the runbook for each alert, and none besides");
    for alert in named {
        assert!(runbook.contains(&format!("\n## {alert}\n")), "{alert} is not in the runbook");
        let link = format!("runbook_url: docs/runbook.md#{}", alert.to_lowercase());
        assert!(rules.contains(&link), "{link} is not in the rules");
    }
}

#[test]
fn prometheus_finds_no_fault_in_the_rules() {
    for arguments in [["check", "rules", RULES], ["test", "rules", "tests/alerts.yaml"]] {
        let mut promtool = Command::new("promtool");
        promtool.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let output = promtool.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}
