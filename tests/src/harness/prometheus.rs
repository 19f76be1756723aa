//! A Prometheus of our own, which scrapes often, and keeps time in small: all durations of its
//! rules are divided by one factor.

use std::{path::Path, time::Duration};

use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use super::{
    HarnessError, Process, ports,
    process::{Launch, write},
};

const PROGRAM: &str = "prometheus";
const READY: &str = "Server is ready to receive web requests";
const TARGETS: &str = "targets.json";

/// A Prometheus that runs, or ran.
#[derive(Debug)]
pub struct Prometheus {
    /// Its process.
    pub process: Process,
    url: String,
    http: reqwest::Client,
    room: TempDir,
}

/// A group of processes to scrape, under one `job`.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// Where its processes listen: `http://127.0.0.1:7700`.
    pub urls: Vec<String>,
}

/// An alert that is pending or firing.
#[derive(Debug, Clone, Deserialize)]
pub struct Alert {
    labels: Labels,
    state: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Labels {
    alertname: String,
    #[serde(default)]
    job: String,
}

impl Alert {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.labels.alertname
    }

    /// The job that it is about.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.labels.job
    }

    /// Whether its `for` is over.
    #[must_use]
    pub fn is_firing(&self) -> bool {
        self.state == "firing"
    }
}

impl Prometheus {
    /// Starts one with these rules, every duration in them divided by `factor`.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(rules: &str, factor: u32) -> Result<Self, HarnessError> {
        let room = TempDir::new().map_err(HarnessError::io("a temporary folder"))?;
        let address = ports::free_address()?.to_string();
        write(&room.path().join("rules.yaml"), &shorten(rules, factor))?;
        write(&room.path().join("prometheus.yaml"), CONFIG)?;
        write(&room.path().join(TARGETS), "[]")?;
        let launch = launch(room.path(), &address);
        let process = launch.start_until(READY).await?;
        let http = reqwest::Client::new();
        Ok(Self { process, url: format!("http://{address}"), http, room })
    }

    /// Scrapes these from now on, and nothing else.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn scrape(&self, jobs: &[Job]) -> Result<(), HarnessError> {
        let group = |job: &Job, url: &String| {
            let (scheme, address) = url.split_once("://").unwrap_or(("http", url));
            json!({"targets": [address], "labels": {"job": job.name, "__scheme__": scheme}})
        };
        let urls = jobs.iter().flat_map(|job| job.urls.iter().map(move |url| (job, url)));
        let groups: Vec<_> = urls.map(|(job, url)| group(job, url)).collect();
        // Put in its place whole: half a file would be an error in the log.
        let new = self.room.path().join("targets.new");
        write(&new, &json!(groups).to_string())?;
        std::fs::rename(new, self.room.path().join(TARGETS)).map_err(HarnessError::io(TARGETS))
    }

    /// All alerts that are pending or firing.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn alerts(&self) -> Result<Vec<Alert>, HarnessError> {
        #[derive(Deserialize)]
        struct Answer {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            alerts: Vec<Alert>,
        }
        let answer = self.http.get(format!("{}/api/v1/alerts", self.url)).send().await?;
        Ok(answer.error_for_status()?.json::<Answer>().await?.data.alerts)
    }

    /// How many series an expression gives now.
    ///
    /// # Errors
    /// When it does not answer, or the expression is none.
    pub async fn count(&self, expression: &str) -> Result<usize, HarnessError> {
        let url = format!("{}/api/v1/query", self.url);
        let url = reqwest::Url::parse_with_params(&url, [("query", expression)]);
        let url = url.map_err(|error| HarnessError::Build(error.to_string()))?;
        let answer = self.http.get(url).send().await?.error_for_status()?;
        let answer: serde_json::Value = answer.json().await?;
        Ok(answer["data"]["result"].as_array().map_or(0, Vec::len))
    }
}

const CONFIG: &str = "\
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 250ms}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: tests
    tls_config: {insecure_skip_verify: true}
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
";

fn launch(room: &Path, address: &str) -> Launch {
    let path = |name: &str| room.join(name).display().to_string();
    let arguments = [
        format!("--config.file={}", path("prometheus.yaml")),
        format!("--storage.tsdb.path={}", path("data")),
        format!("--web.listen-address={address}"),
    ];
    Launch {
        name: PROGRAM.to_owned(),
        program: PROGRAM.into(),
        arguments: arguments.map(Into::into).to_vec(),
        log: room.join("prometheus.log"),
    }
}

/// Divides what stands in brackets or after `for:`, and is a duration. Nothing else is touched.
fn shorten(rules: &str, factor: u32) -> String {
    let lines = rules.lines().map(|line| match line.split_once("for: ") {
        Some((before, duration)) if before.trim().is_empty() => {
            format!("{before}for: {}", divided(duration, factor).unwrap_or_default())
        }
        _ => in_brackets(line, factor),
    });
    lines.map(|line| line + "\n").collect()
}

fn in_brackets(line: &str, factor: u32) -> String {
    let mut parts = line.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| {
        let (range, rest) = part.split_once(']').unwrap_or((part, ""));
        let (window, step) = range.split_once(':').map_or((range, ""), |(window, _)| (window, ":"));
        match divided(window, factor) {
            Some(window) => format!("{line}[{window}{step}]{rest}"),
            None => format!("{line}[{part}"),
        }
    })
}

fn divided(duration: &str, factor: u32) -> Option<String> {
    let (number, unit) = duration.split_at(duration.len().checked_sub(1)?);
    let unit = match unit {
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3_600),
        "d" => Duration::from_secs(86_400),
        _ => return None,
    };
    let whole = unit * number.parse().ok()?;
    Some(format!("{}ms", (whole / factor).as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_divided_and_nothing_else() {
        let rules = "\
  expr: rate(a{b=~\"[0-9]m\"}[5m]) > 0.1 and max_over_time((a == 1)[1h:])
  for: 1m
  summary: waits for: 1m";
        let short = "\
  expr: rate(a{b=~\"[0-9]m\"}[10000ms]) > 0.1 and max_over_time((a == 1)[120000ms:])
  for: 2000ms
  summary: waits for: 1m
";
        assert_eq!(shorten(rules, 30), short);
    }
}
