//! Asks Prometheus again and again, and remembers which alerts have fired.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use tests::harness::{Job, Prometheus, wait};
use tokio::{task::JoinSet, time::interval};

/// How often Prometheus is asked.
const LOOK: Duration = Duration::from_millis(300);
/// Half of an average over 15 minutes in small, and a machine that is held up.
const PATIENCE: Duration = Duration::from_secs(100);

/// By job and name.
type Fired = BTreeSet<(String, String)>;

pub(super) struct Watcher {
    fired: Arc<Mutex<Fired>>,
    prometheus: Arc<Prometheus>,
    _task: JoinSet<()>,
}

impl Watcher {
    pub(super) async fn start(rules: &str, factor: u32) -> Self {
        let prometheus = Arc::new(Prometheus::start(rules, factor).await.unwrap());
        let fired = Arc::<Mutex<Fired>>::default();
        let mut task = JoinSet::new();
        task.spawn(watch(Arc::clone(&prometheus), Arc::clone(&fired)));
        Self { fired, prometheus, _task: task }
    }

    /// Scrapes these from now on, and nothing else.
    pub(super) fn scrape(&self, jobs: &[Job]) {
        self.prometheus.scrape(jobs).unwrap();
    }

    /// Waits until so many targets answer.
    pub(super) async fn sees(&self, targets: usize) {
        let look =
            || async { (self.prometheus.count("up == 1").await.ok()? == targets).then_some(()) };
        wait::until("a scrape of all", wait::START, look).await.unwrap();
    }

    /// Waits until an alert has fired for a job.
    pub(super) async fn came(&self, job: &str, alert: &str) {
        let pair = (job.to_owned(), alert.to_owned());
        let what = format!("{alert} of {job}");
        let came = wait::until(&what, PATIENCE, || {
            let has = self.fired().contains(&pair);
            async move { has.then_some(()) }
        });
        came.await.unwrap_or_else(|why| panic!("{why}; fired: {:?}", self.fired()));
    }

    /// All that have fired.
    pub(super) fn fired(&self) -> Fired {
        self.fired.lock().unwrap().clone()
    }
}

async fn watch(prometheus: Arc<Prometheus>, fired: Arc<Mutex<Fired>>) {
    let mut looks = interval(LOOK);
    loop {
        looks.tick().await;
        let alerts = prometheus.alerts().await.unwrap();
        let firing = alerts.iter().filter(|alert| alert.is_firing());
        let firing = firing.map(|alert| (alert.job().to_owned(), alert.name().to_owned()));
        fired.lock().unwrap().extend(firing);
    }
}
