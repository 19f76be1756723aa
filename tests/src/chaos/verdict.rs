use std::fmt;

use quota_api::{Amount, WindowKind};

use super::{
    journal::Witness,
    ledger::Ledger,
    record::{Spent, by_minute, total, within},
};

/// What the witnesses of one run saw.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The run's seed.
    pub seed: u64,
    /// How often the server was killed.
    pub kills: u32,
    /// How many messages were treated badly.
    pub faults: u64,
    /// Draws that were made.
    pub draws: u64,
    /// Grants that the journal holds.
    pub grants: u64,
    /// Tokens that nobody used and nobody gave back: a vanished holder's, and lost answers'.
    pub stranded_tokens: u64,
    /// The rules that were broken, and how. None: the run is clean.
    pub broken: Vec<String>,
}

impl Verdict {
    pub(super) fn new(seed: u64, kills: u32, faults: u64) -> Self {
        Self { seed, kills, faults, draws: 0, grants: 0, stranded_tokens: 0, broken: Vec::new() }
    }

    pub(super) fn judge(
        &mut self,
        (name, kind): (&str, WindowKind),
        limit: Amount,
        spent: &[Spent],
        witness: &Witness,
    ) {
        let Some(book) = witness.books.get(name) else {
            return self.broken.push(format!("{name}: the journal does not know it"));
        };
        self.draws += spent.len() as u64;
        self.grants += book.grants();
        self.broken.extend(book.broken.iter().map(|broken| format!("{name}: {broken}")));
        self.judge_draws(name, kind, limit, spent);
        self.judge_cover(name, kind, spent, book);
    }

    fn judge_cover(&mut self, name: &str, kind: WindowKind, spent: &[Spent], book: &Ledger) {
        self.broken.extend(uncovered(name, kind, spent, book));
        let (drawn, outstanding) = (total(spent), book.total());
        self.stranded_tokens += outstanding.tokens.saturating_sub(drawn.tokens);
    }

    /// A run is shorter than 60 s, so for `rolling` all of it is one interval.
    fn judge_draws(&mut self, name: &str, kind: WindowKind, limit: Amount, spent: &[Spent]) {
        let intervals = match kind {
            WindowKind::Minute => by_minute(spent).into_iter().collect(),
            WindowKind::Rolling => vec![(0, total(spent))],
        };
        for (minute, drawn) in intervals {
            if !within(drawn, limit) {
                self.broken.push(format!("R2: {name}: {drawn:?} of {limit:?} drawn in {minute}"));
            }
        }
    }
}

/// What was drawn must be outstanding in the journal: it was granted, and never given back. A lease
/// of a minute is drawn from in its minute only, so there each minute must be covered by its own;
/// one of `rolling` knows no minutes.
pub(super) fn uncovered(
    name: &str,
    kind: WindowKind,
    spent: &[Spent],
    book: &Ledger,
) -> Vec<String> {
    let mut covers = vec![(total(spent), book.total())];
    if kind == WindowKind::Minute {
        let of_minute = |minute| book.outstanding.get(&minute).copied().unwrap_or_default();
        let minutes = by_minute(spent).into_iter();
        covers.extend(minutes.map(|(minute, drawn)| (drawn, of_minute(minute))));
    }
    covers.retain(|(drawn, outstanding)| !within(*drawn, *outstanding));
    let said = |(drawn, outstanding)| {
        format!("R3: {name}: {drawn:?} drawn, but the journal has {outstanding:?} outstanding")
    };
    covers.into_iter().map(said).collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, kills, faults, draws, grants, stranded_tokens, broken } = self;
        write!(f, "seed {seed}: {kills} kills, {faults} faults, {grants} grants, {draws} draws, ")?;
        write!(f, "{stranded_tokens} tokens stranded: ")?;
        match broken.as_slice() {
            [] => write!(f, "clean"),
            broken => write!(f, "BROKEN\n  {}", broken.join("\n  ")),
        }
    }
}
