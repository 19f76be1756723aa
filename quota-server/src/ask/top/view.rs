use quota_api::{DeploymentOverview, Overview, State};

use super::sort::Sort;
use crate::ask::table::word;

/// What is to be seen.
#[derive(Debug)]
pub(super) struct View {
    overview: Overview,
    sort: Sort,
    /// The first deployment that is shown.
    pub(super) first: usize,
    /// Why there is no newer answer.
    pub(super) trouble: Option<String>,
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Quit,
    Sort(Sort),
    /// So many rows down; up if negative.
    Scroll(isize),
    /// To the first row.
    Home,
    /// To the last.
    End,
}

impl View {
    pub(super) fn new(sort: Sort, overview: Overview) -> Self {
        let mut view = Self { overview, sort, first: 0, trouble: None };
        view.sort.apply(&mut view.overview.deployments);
        view
    }

    /// What the server answered, or why it did not.
    pub(super) fn take(&mut self, answer: Result<Overview, String>) {
        match answer {
            Ok(overview) => {
                self.overview = overview;
                self.sort.apply(&mut self.overview.deployments);
                self.trouble = None;
            }
            Err(why) => self.trouble = Some(why),
        }
        self.scroll(0);
    }

    /// Whether to go on.
    pub(super) fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Quit => return false,
            Key::Sort(sort) => {
                self.sort = sort;
                self.sort.apply(&mut self.overview.deployments);
            }
            Key::Scroll(rows) => self.scroll(rows),
            Key::Home => self.first = 0,
            Key::End => self.scroll(isize::MAX),
        }
        true
    }

    fn scroll(&mut self, rows: isize) {
        let last = self.overview.deployments.len().saturating_sub(1);
        self.first = self.first.saturating_add_signed(rows).min(last);
    }

    pub(super) fn deployments(&self) -> &[DeploymentOverview] {
        &self.overview.deployments
    }

    pub(super) fn sort(&self) -> Sort {
        self.sort
    }

    /// The server in a line.
    pub(super) fn server_line(&self) -> String {
        let server = &self.overview.server;
        let (ledger, role) = (word(&server.ledger), word(&server.role));
        let health = if server.writable { "" } else { ", CANNOT WRITE" };
        let minute = self.overview.minute_ends_in_ms.div_ceil(1_000);
        let (version, up) = (&server.version, span(server.uptime_ms));
        let warnings = match server.warnings.len() {
            0 => String::new(),
            some => format!(", {some} warnings (see /readyz)"),
        };
        format!("minute ends in {minute} s; {ledger}, {role}{health}, up {up}, {version}{warnings}")
    }

    /// How many deployments are in which state.
    pub(super) fn states_line(&self) -> String {
        let all = self.deployments();
        let states = [State::Quarantined, State::Exhausted, State::Endgame, State::Ok];
        let counts =
            states.map(|each| (word(&each), all.iter().filter(|of| of.state == each).count()));
        let some = counts.into_iter().filter(|(_, count)| *count > 0);
        let some: Vec<String> = some.map(|(name, count)| format!("{count} {name}")).collect();
        if some.is_empty() {
            return "no deployments".to_owned();
        }
        format!("{} deployments: {}", all.len(), some.join(", "))
    }
}

/// In its two largest units.
fn span(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units() {
        for (ms, shown) in [
            (999, "0 s"),
            (59_999, "59 s"),
            (61_000, "1 min 1 s"),
            (3_600_000, "1 h 0 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(span(ms), shown);
        }
    }
}
