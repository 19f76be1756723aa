//! What goes wrong many times a second is told once a while, with how often it did.

use std::time::Duration;

use tokio::time::Instant;

/// Between two tellings.
const PAUSE: Duration = Duration::from_secs(30);

/// Failures of one kind.
#[derive(Default)]
pub(super) struct Complaints {
    told: Option<Instant>,
    untold: u64,
}

impl Complaints {
    /// There is another failure: how many are to be told now, this one among them, if it is time
    /// to.
    pub(super) fn of_another(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        if self.told.is_some_and(|told| now.duration_since(told) < PAUSE) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_then_all_together_once_a_while() {
        let (mut complaints, start) = (Complaints::default(), Instant::now());
        let mut at = |ms| complaints.of_another(start + Duration::from_millis(ms));
        assert_eq!(at(0), Some(1));
        let told: Vec<_> = (1..=1_200).filter_map(|nth| at(50 * nth)).collect();
        assert_eq!(told, [600, 600]);
        assert_eq!(at(3_600_000), Some(1), "another day");
    }
}
