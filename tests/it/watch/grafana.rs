//! Each expression of Grafana's dashboard is one that Prometheus understands, over metrics that
//! there are.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::harness::{Job, Prometheus, wait};

use super::{file, town::Street};

const DASHBOARD: &str = "helm/files/grafana.json";
/// As Grafana fills in what the dashboard leaves open.
const OPEN: [(&str, &str); 4] =
    [("$__rate_interval", "1m"), ("$namespace", ".*"), ("$job", ".*"), ("$deployment", ".*")];

#[tokio::test]
async fn each_expression_is_understood_and_its_metrics_exist() {
    let street = Street::start(1).await;
    street.ask_once().await;
    let prometheus = Prometheus::start("groups: []", 1).await.unwrap();
    let urls = street.urls();
    let targets = urls.len();
    prometheus.scrape(&[Job { name: "street".to_owned(), urls }]).unwrap();
    let look = || async { (prometheus.count("up == 1").await.ok()? == targets).then_some(()) };
    wait::until("a scrape of all", wait::START, look).await.unwrap();
    let dashboard: Value = serde_json::from_str(&file(DASHBOARD)).unwrap();
    let expressions = expressions(&dashboard);
    assert!(expressions.len() > 40, "the dashboard has lost its panels");
    for expression in expressions {
        let understood = prometheus.count(&expression).await;
        understood.unwrap_or_else(|why| panic!("{expression}: {why}"));
        for metric in metrics(&expression) {
            let there = prometheus.count(&metric).await.unwrap();
            assert!(there > 0, "there is no {metric}, of {expression}");
        }
    }
}

/// Those of all panels and variables, with nothing left open.
fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    let fill = |text: &str| {
        OPEN.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    };
    expressions.map(fill).collect()
}

/// The words in it that are names of ours.
fn metrics(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let is_ours = |word: &&str| {
        ["quota_", "gateway_client_", "openai_gateway_", "process_"]
            .iter()
            .any(|it| word.starts_with(it))
    };
    words.filter(is_ours).map(str::to_owned).collect()
}
