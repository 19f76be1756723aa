//! How long nobody has raised the sign of life of the Redis in use, as far as this server read.

use crate::store::catalogue::InUse;

/// How long the sign of life must stand still, ms: three signs are missing then.
pub(super) const SILENT_MS: u64 = 3_000;

/// What passed between two readings counts for so much at most, ms: who was held up meanwhile does
/// not know what it missed.
const BETWEEN_MS: u64 = 1_000;

/// What was read last.
#[derive(Debug, Default)]
pub(super) struct Watch(Option<LastLook>);

#[derive(Debug)]
struct LastLook {
    read: InUse,
    at_ms: u64,
    /// How long it has stood still, ms.
    silent_ms: u64,
}

/// What a server does about what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It calls the one in use.
    Raise,
    /// The one that it calls takes the place.
    Take,
    /// It calls another one.
    Wait,
}

impl Watch {
    /// Takes in a reading. `own` is the Redis that this server calls; `None`: none just now.
    pub(super) fn step(&mut self, read: Option<&InUse>, own: Option<&str>, now_ms: u64) -> Step {
        self.0 = read.map(|read| LastLook::after(self.0.take(), read, now_ms));
        let Some(own) = own else { return Step::Wait };
        match &self.0 {
            None => Step::Take,
            Some(last) if last.read.name == own => Step::Raise,
            Some(last) if last.silent_ms >= SILENT_MS => Step::Take,
            Some(_) => Step::Wait,
        }
    }

    /// It could not be read: those who call the one in use may not have been able to raise the sign
    /// either.
    pub(super) fn missed(&mut self) {
        self.0 = None;
    }
}

impl LastLook {
    fn after(before: Option<Self>, read: &InUse, at_ms: u64) -> Self {
        let silent_ms = before
            .filter(|last| last.read == *read)
            .map_or(0, |last| last.silent_ms + at_ms.saturating_sub(last.at_ms).min(BETWEEN_MS));
        Self { read: read.clone(), at_ms, silent_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, sign: u64) -> InUse {
        InUse { name: name.to_owned(), sign, term: 0 }
    }

    #[test]
    fn another_redis_takes_the_place_of_one_that_nobody_calls() {
        let mut watch = Watch::default();
        for (read, own, now_ms, step) in [
            (None, None, 0, Step::Wait),
            (None, Some("a"), 0, Step::Take),
            (Some(read("a", 0)), Some("a"), 1_000, Step::Raise),
            // Another one now: it waits while somebody raises the sign.
            (Some(read("a", 1)), Some("b"), 2_000, Step::Wait),
            (Some(read("a", 2)), Some("b"), 3_000, Step::Wait),
            (Some(read("a", 2)), Some("b"), 4_000, Step::Wait),
            (Some(read("a", 2)), Some("b"), 5_000, Step::Wait),
            (Some(read("a", 2)), Some("b"), 5_999, Step::Wait),
            (Some(read("a", 2)), Some("b"), 6_000, Step::Take),
            // Somebody else took it first.
            (Some(read("c", 3)), Some("b"), 6_001, Step::Wait),
            // What is seen while this server calls none counts too, but none takes no place.
            (Some(read("c", 3)), None, 7_001, Step::Wait),
            (Some(read("c", 3)), None, 8_001, Step::Wait),
            (Some(read("c", 3)), None, 9_001, Step::Wait),
            (Some(read("c", 3)), Some("b"), 9_002, Step::Take),
        ] {
            assert_eq!(watch.step(read.as_ref(), own, now_ms), step, "{read:?} {own:?} {now_ms}");
        }
    }

    /// Whether it takes the place at each of these times; `None`: the sign could not be read.
    fn takes(readings: &[Option<u64>]) -> Vec<bool> {
        let mut watch = Watch::default();
        let mut at = |now_ms: &Option<u64>| match now_ms {
            Some(now_ms) => watch.step(Some(&read("a", 1)), Some("b"), *now_ms) == Step::Take,
            None => {
                watch.missed();
                false
            }
        };
        readings.iter().map(&mut at).collect()
    }

    #[test]
    fn only_what_was_read_counts() {
        let known = [Some(0), Some(1_000), Some(2_000), Some(3_000)];
        assert_eq!(takes(&known), [false, false, false, true]);
        let away = [Some(0), Some(1_000), None, None, Some(13_000), Some(14_000), Some(15_000)];
        assert_eq!(takes(&away), [false; 7], "nobody could raise it meanwhile");
        let held_up = [Some(0), Some(60_000), Some(61_000), Some(62_000)];
        assert_eq!(takes(&held_up), [false, false, false, true], "this server was");
    }
}
