//! The list of metrics in the docs is the list of what is there.

use std::collections::{BTreeMap, BTreeSet};

use super::{file, town::Street};

const DOCS: &str = "docs/metrics.md";

/// A metric: its type, its labels, its help.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Metric {
    kind: String,
    labels: BTreeSet<String>,
    help: String,
}

type Metrics = BTreeMap<String, Metric>;

#[tokio::test]
async fn the_docs_list_each_metric_and_no_other() {
    let street = Street::start(1).await;
    let gateway = street.gateways[0].process.url();
    street.ask_once().await;
    let mut exposed = exposed(street.server.process.url()).await;
    exposed.extend(self::exposed(gateway).await);
    let documented = documented(&file(DOCS));
    assert_eq!(documented, exposed, "{DOCS} should have these:\n{}", table(&exposed));
}

/// What a process exposes.
async fn exposed(url: &str) -> Metrics {
    let answer = reqwest::get(format!("{url}/metrics")).await.unwrap();
    let text = answer.error_for_status().unwrap().text().await.unwrap();
    let mut metrics = Metrics::new();
    for line in text.lines() {
        if let Some((name, help)) = after(line, "# HELP ") {
            help.clone_into(&mut metrics.entry(name.to_owned()).or_default().help);
        } else if let Some((name, kind)) = after(line, "# TYPE ") {
            kind.clone_into(&mut metrics.entry(name.to_owned()).or_default().kind);
        } else if let Some((name, labels)) = line.split_once('{') {
            // A deployment's id has no quotes here, so this is enough.
            let names = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0));
            let names = names.filter(|name| *name != "le").map(str::to_owned);
            let name = family(&metrics, name);
            metrics.entry(name).or_default().labels.extend(names);
        }
    }
    metrics
}

fn after<'a>(line: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    line.strip_prefix(prefix)?.split_once(' ')
}

/// The metric that a sample is of.
fn family(metrics: &Metrics, name: &str) -> String {
    let suffixes = ["_bucket", "_sum", "_count"].iter();
    let bare = suffixes.filter_map(|suffix| name.strip_suffix(suffix));
    let is_known = |name: &&str| metrics.get(*name).is_some_and(|it| it.kind == "histogram");
    bare.clone().find(is_known).unwrap_or(name).to_owned()
}

/// The rows of the tables.
fn documented(docs: &str) -> Metrics {
    let rows = docs.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [name, kind, labels, help] = cells[..] else { panic!("four cells: {row}") };
        let labels = labels.split(", ").filter(|label| !label.is_empty()).map(str::to_owned);
        let (kind, help) = (kind.to_owned(), help.to_owned());
        (name.trim_end_matches('`').to_owned(), Metric { kind, labels: labels.collect(), help })
    })
    .collect()
}

fn table(metrics: &Metrics) -> String {
    let row = |(name, metric): (&String, &Metric)| {
        let labels: Vec<&str> = metric.labels.iter().map(String::as_str).collect();
        format!("| `{name}` | {} | {} | {} |\n", metric.kind, labels.join(", "), metric.help)
    };
    metrics.iter().map(row).collect()
}
