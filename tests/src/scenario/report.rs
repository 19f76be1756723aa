use crate::{
    clock::MINUTE_MS,
    load::{Answer, Outcome},
};

/// What a scenario came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// The scenario in one line.
    pub title: String,
    /// What was counted, a row for each span.
    pub rows: Vec<Row>,
    /// What had to hold.
    pub demands: Vec<Demand>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// The count of one span, in requests except where it says tokens.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Which span, and of which deployment if there are several.
    pub span: String,
    /// Sent by the load generator.
    pub offered: u64,
    /// Reached the upstream, by its audit.
    pub admitted: u64,
    /// Answered with 429.
    pub denied: u64,
    /// Answered with 503, or not at all.
    pub unserved: u64,
    /// The limit, in its unit.
    pub limit: u64,
    /// What reached the upstream, in the limit's unit.
    pub used: u64,
    /// What gateways that count for themselves would have let through, in the limit's unit.
    pub counted_apart: u64,
}

/// Something that had to hold.
#[derive(Debug, Clone)]
pub struct Demand {
    /// In words.
    pub text: String,
    /// Whether it did.
    pub holds: bool,
    /// What was found.
    pub found: String,
}

impl Demand {
    pub(super) fn new(text: impl Into<String>, holds: bool, found: impl Into<String>) -> Self {
        Self { text: text.into(), holds, found: found.into() }
    }
}

impl Report {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new(), demands: Vec::new(), notes: Vec::new() }
    }

    /// The demands that do not hold. None: the scenario is won.
    #[must_use]
    pub fn broken(&self) -> Vec<&Demand> {
        self.demands.iter().filter(|demand| !demand.holds).collect()
    }

    /// Every demand with what was found, for the message of a test that fails.
    #[must_use]
    pub fn verdicts(&self) -> String {
        let verdict = |demand: &Demand| {
            let mark = if demand.holds { "holds" } else { "BROKEN" };
            format!("{mark}: {}: {}\n", demand.text, demand.found)
        };
        self.demands.iter().map(verdict).collect()
    }

    pub(super) fn demand(
        &mut self,
        text: impl Into<String>,
        holds: bool,
        found: impl Into<String>,
    ) {
        self.demands.push(Demand::new(text, holds, found));
    }

    /// Every answer must be 200, or a 429 or 503 that says when to come again.
    pub(super) fn demand_polite(&mut self, answers: &[Answer]) {
        let rude = answers.iter().filter(|answer| !answer.is_polite()).count();
        self.demand(
            "every 429 and 503 carries Retry-After",
            rude == 0,
            format!("{rude} of {} do not", answers.len()),
        );
    }
}

/// The answers of one wall-clock minute, counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    pub(super) offered: u64,
    pub(super) denied: u64,
    pub(super) unserved: u64,
}

impl Counted {
    pub(super) fn of<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> Self {
        let mut counted = Self::default();
        for answer in answers {
            counted.offered += 1;
            match answer.outcome {
                Outcome::Admitted => (),
                Outcome::Denied => counted.denied += 1,
                Outcome::Unavailable | Outcome::Other(_) | Outcome::Lost => counted.unserved += 1,
            }
        }
        counted
    }

    pub(super) fn of_minute(answers: &[Answer], minute: u64) -> Self {
        Self::of(answers.iter().filter(|answer| answer.sent_unix_ms / MINUTE_MS == minute))
    }
}
