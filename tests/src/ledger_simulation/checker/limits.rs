//! Which limits may have been in force when.

use quota_core::{Limit, WindowKind};
use tokio::time::Instant;

/// What somebody put; a deletion puts nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) limit: Limit,
    pub(crate) kind: WindowKind,
    /// Tokens in any ten minutes.
    pub(crate) most_in_span: Option<u64>,
}

/// One change that was asked for.
#[derive(Debug, Clone)]
struct Change {
    sent: Instant,
    /// No copy of it is under way any more.
    over: Option<Instant>,
    /// It was answered as made.
    made: Option<Instant>,
    /// Each copy that arrived was refused.
    is_refused: bool,
    /// It was made and may be lost since.
    may_be_lost: bool,
    setting: Option<Setting>,
}

/// The changes of one deployment, as they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Limits(Vec<Change>);

impl Limits {
    pub(crate) fn sent(&mut self, setting: Option<Setting>, at: Instant) -> usize {
        self.0.push(Change {
            sent: at,
            over: None,
            made: None,
            is_refused: false,
            may_be_lost: false,
            setting,
        });
        self.0.len() - 1
    }

    pub(crate) fn made(&mut self, change: usize, at: Instant) {
        let made = &mut self.0[change].made;
        *made = made.or(Some(at));
    }

    /// No copy of it is under way any more; whether all of them came back refused.
    pub(crate) fn over(&mut self, change: usize, is_refused: bool, at: Instant) {
        self.0[change].over = Some(at);
        self.0[change].is_refused = is_refused;
    }

    /// What was made after `since` may be lost, also where its answer is still under way.
    pub(crate) fn lost(&mut self, since: Instant) {
        for change in &mut self.0 {
            change.may_be_lost |= change.made.is_none_or(|made| made >= since);
        }
    }

    /// All that may have been in force at some time between these; `None`: no deployment.
    pub(crate) fn between(&self, from: Instant, to: Instant) -> Vec<Option<Setting>> {
        let nothing = std::iter::once((0, None));
        let changes =
            self.0.iter().enumerate().filter(|(_, change)| change.sent <= to && !change.is_refused);
        let possible =
            nothing.filter(|_| !self.0.iter().any(|other| other.settles(None, from))).chain(
                changes
                    .filter(|(number, change)| {
                        let others = self.0.iter().enumerate().filter(|(no, _)| no != number);
                        !others
                            .map(|(_, other)| other)
                            .any(|other| other.settles(Some(change), from))
                    })
                    .map(|(number, change)| (number, change.setting)),
            );
        possible.map(|(_, setting)| setting).collect()
    }
}

impl Change {
    /// Whether at this time it has certainly come after another change.
    fn settles(&self, other: Option<&Self>, at: Instant) -> bool {
        let is_made = !self.may_be_lost && self.made.is_some_and(|made| made <= at);
        is_made && other.is_none_or(|other| other.over.is_some_and(|over| over <= self.sent))
    }
}
