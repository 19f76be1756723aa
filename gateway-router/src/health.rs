//! Whether a deployment is to be called: which failures cool it, for how long, and how it comes
//! back.
//!
//! All is in one atomic word: until when it is left alone, how often in a row it failed, and how
//! often that has changed. When the time is over, one request is let through as a trial, and moves
//! the time on for all others, as far as its failure would; its success opens the deployment again,
//! its failure cools it for four times as long. So a dead deployment costs a try now and then and
//! not one of each request.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::Duration;

use gateway_client::Moment;

use crate::tally::{Count, Tally};

/// The longest that a deployment is left alone, and that a provider's `retry-after` is obeyed,
/// unless `cooldown_time` is longer: as LiteLLM has it.
const LONGEST: Duration = Duration::from_secs(60);
/// Each failed trial leaves it alone for so many times as long.
const GROWTH: u32 = 4;
/// Below so many requests of a minute no share of failures says anything.
const ENOUGH: u32 = 5;

/// What a deployment's provider did instead of answering well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It was not reached: the connection was refused, or not made in time.
    Unreached,
    /// It denied the request for a limit of its own: 429, with its `retry-after`.
    Limited(Option<Duration>),
    /// It refuses this gateway, its key or the model: 401, 402, 404; or said 408.
    Refused,
    /// It failed: 5xx, or the answer broke off.
    Failed,
    /// It did not answer in time.
    TimedOut,
}

/// When failures cool a deployment, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cooling {
    /// How long the first failure cools it, unless the provider says how long: 5 s by default. With
    /// zero nothing cools.
    pub cooldown_time: Duration,
    /// So many of [`Fault::Failed`] and [`Fault::TimedOut`] are borne in a minute. Without it one
    /// is cooled when more than half of at least five requests of a minute failed. The other faults
    /// cool at once.
    pub allowed_fails: Option<u32>,
}

impl Default for Cooling {
    fn default() -> Self {
        Self { cooldown_time: Duration::from_secs(5), allowed_fails: None }
    }
}

impl Cooling {
    /// How long the failure number `strikes` (from 1) of a row cools.
    fn span(&self, strikes: u8, told: Option<Duration>) -> Duration {
        let told = told.filter(|told| !told.is_zero());
        let span = match strikes {
            0 | 1 => told.unwrap_or(self.cooldown_time),
            _ => {
                let growth = GROWTH.saturating_pow(u32::from(strikes) - 1);
                told.unwrap_or_default().max(self.cooldown_time.saturating_mul(growth))
            }
        };
        span.min(self.longest())
    }

    fn longest(&self) -> Duration {
        LONGEST.max(self.cooldown_time)
    }

    fn bears(&self, fault: Fault, so_far: Count) -> bool {
        match (fault, self.allowed_fails) {
            (Fault::Unreached | Fault::Limited(_) | Fault::Refused, _) => false,
            (Fault::Failed | Fault::TimedOut, Some(allowed)) => so_far.failed <= allowed,
            (Fault::Failed | Fault::TimedOut, None) => {
                so_far.total < ENOUGH || so_far.failed * 2 <= so_far.total
            }
        }
    }
}

/// Whether a deployment may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// As any.
    Open,
    /// One request may try whether it is well again.
    Trial,
    /// Not for so long.
    Cooled(Duration),
}

/// A deployment's health.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Milliseconds of the clock until which it is left alone, 40 bits; how often this word told of
    /// another failure or of its recovery, 16 bits; and how often in a row it failed, 8 bits: 0
    /// while it is well.
    word: AtomicU64,
    tally: Tally,
}

/// What a request was let through as. Its success tells of the deployment's recovery if it is a
/// trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass(Option<u64>);

impl Health {
    pub(crate) fn admission(&self, now: Moment) -> Admission {
        let word = self.word.load(Acquire);
        let until = until(word);
        match strikes(word) {
            0 => Admission::Open,
            _ if until <= now => Admission::Trial,
            _ => Admission::Cooled(until.since(now)),
        }
    }

    /// Lets a request through; of those that would be a trial, one.
    pub(crate) fn enter(&self, now: Moment, cooling: &Cooling) -> Option<Pass> {
        let word = self.word.load(Acquire);
        match self.admission(now) {
            Admission::Open => Some(Pass(None)),
            Admission::Cooled(_) => None,
            Admission::Trial => {
                let strikes = strikes(word);
                // As long as its failure would cool it: one that hangs costs no more tries than one
                // that refuses.
                let alone = cooling.span(strikes.saturating_add(1), None);
                let trial = packed(now + alone, changes(word), strikes);
                let entered = self.word.compare_exchange(word, trial, AcqRel, Acquire);
                entered.ok().map(|_| Pass(Some(trial)))
            }
        }
    }

    pub(crate) fn succeeded(&self, pass: Pass, now: Moment) {
        self.tally.count(now, false);
        // If it failed meanwhile, for somebody else, it isn't well. A later trial that is under way
        // says nothing: an answer may take longer than the time between two.
        let well = |word| {
            let well = packed(Moment::from_nanos(0), changes(word).wrapping_add(1), 0);
            pass.is_trial_of(word).then_some(well)
        };
        self.word.try_update(AcqRel, Acquire, well).ok();
    }

    /// A request is over. A trial that told nothing, because its caller went away, leaves its place
    /// to the next.
    pub(crate) fn left(&self, pass: Pass, now: Moment) {
        if let Pass(Some(trial)) = pass {
            let due = packed(now, changes(trial), strikes(trial));
            self.word.compare_exchange(trial, due, AcqRel, Acquire).ok();
        }
    }

    /// Answers with how long it is left alone now, if this failure cools it.
    pub(crate) fn failed(
        &self,
        pass: Pass,
        fault: Fault,
        cooling: &Cooling,
        now: Moment,
    ) -> Option<Duration> {
        let so_far = self.tally.count(now, true);
        if cooling.cooldown_time.is_zero() {
            return None;
        }
        let told = if let Fault::Limited(told) = fault { told } else { None };
        // Those that were on their way when it failed say nothing new.
        let is_new = |word| pass.is_trial_of(word) || strikes(word) == 0;
        let cooled = self.word.try_update(AcqRel, Acquire, |word| {
            if !pass.is_trial_of(word) && cooling.bears(fault, so_far) {
                return None;
            }
            let is_new = is_new(word);
            let strikes = strikes(word).saturating_add(u8::from(is_new));
            let span = if is_new { cooling.span(strikes, told) } else { told.unwrap_or_default() };
            let span = span.min(cooling.longest());
            let changes = changes(word).wrapping_add(u16::from(is_new));
            Some(packed(until(word).max(now + span), changes, strikes))
        });
        let before = cooled.ok()?;
        let until = until(self.word.load(Acquire));
        is_new(before).then(|| until.since(now))
    }
}

impl Pass {
    /// Whether it is a trial, and nothing was heard of the deployment since it began.
    fn is_trial_of(self, word: u64) -> bool {
        self.0.is_some_and(|trial| changes(trial) == changes(word))
    }
}

fn until(word: u64) -> Moment {
    Moment::from_nanos((word >> 24).saturating_mul(1_000_000))
}

fn changes(word: u64) -> u16 {
    let [_, low, high, ..] = word.to_le_bytes();
    u16::from_le_bytes([low, high])
}

fn strikes(word: u64) -> u8 {
    word.to_le_bytes()[0]
}

/// Rounded up, so that what is told is obeyed.
fn packed(until: Moment, changes: u16, strikes: u8) -> u64 {
    until.nanos().div_ceil(1_000_000) << 24 | u64::from(changes) << 8 | u64::from(strikes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLING: Cooling = Cooling { cooldown_time: Duration::from_secs(5), allowed_fails: None };

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(1_000_000_000_000) + Duration::from_secs(seconds)
    }

    /// One that was not reached at 0.
    fn unreached() -> Health {
        let health = Health::default();
        let pass = health.enter(at(0), &COOLING).unwrap();
        health.failed(pass, Fault::Unreached, &COOLING, at(0));
        health
    }

    /// Tries at every second of a minute that it may; gives those seconds.
    fn tries(fault: Fault, cooling: Cooling) -> Vec<u64> {
        let health = Health::default();
        let mut tries = Vec::new();
        for second in 0..60 {
            if let Some(pass) = health.enter(at(second), &cooling) {
                tries.push(second);
                health.failed(pass, fault, &cooling, at(second));
            }
        }
        tries
    }

    #[test]
    fn a_dead_deployment_costs_three_tries_a_minute_at_most() {
        assert_eq!(tries(Fault::Unreached, COOLING), [0, 5, 25]);
        assert_eq!(tries(Fault::Refused, COOLING), [0, 5, 25]);
        let told = |seconds| Fault::Limited(Some(Duration::from_secs(seconds)));
        assert_eq!(tries(told(20), COOLING), [0, 20, 40]);
        assert_eq!(tries(told(3_600), COOLING), [0]);
    }

    #[test]
    fn a_provider_s_own_time_is_obeyed_to_the_millisecond() {
        let health = Health::default();
        let now = Moment::from_nanos(1_000_000_001);
        let pass = health.enter(now, &COOLING).unwrap();
        let told = Duration::from_millis(1_500);
        let fault = Fault::Limited(Some(told));
        assert!(health.failed(pass, fault, &COOLING, now).is_some_and(|span| span >= told));
        assert!(matches!(
            health.admission(now + told.saturating_sub(Duration::from_nanos(1))),
            Admission::Cooled(_)
        ));
        assert_eq!(health.admission(now + told + Duration::from_millis(1)), Admission::Trial);
    }

    #[test]
    fn one_trial_at_a_time_and_its_success_opens() {
        let health = Health::default();
        let pass = health.enter(at(0), &COOLING).unwrap();
        health.failed(pass, Fault::Unreached, &COOLING, at(0));
        assert_eq!(health.enter(at(1), &COOLING), None);
        let trial = health.enter(at(5), &COOLING).unwrap();
        assert_eq!(health.enter(at(5), &COOLING), None, "the trial is under way");
        health.succeeded(pass, at(5));
        assert_eq!(health.enter(at(5), &COOLING), None, "that was begun before it failed");
        health.succeeded(trial, at(6));
        assert_eq!(health.admission(at(6)), Admission::Open);
    }

    #[test]
    fn a_trial_that_says_nothing_is_followed_by_another() {
        let health = unreached();
        health.enter(at(5), &COOLING).unwrap();
        assert!(matches!(health.admission(at(24)), Admission::Cooled(_)));
        assert_eq!(health.admission(at(25)), Admission::Trial);
    }

    #[test]
    fn a_deployment_that_hangs_costs_three_tries_a_minute_at_most() {
        let health = unreached();
        let trials = (1..60).filter(|&second| health.enter(at(second), &COOLING).is_some());
        assert_eq!(trials.collect::<Vec<_>>(), [5, 25, 45]);
    }

    #[test]
    fn a_trial_opens_also_when_its_answer_takes_longer_than_the_next_trial() {
        let health = unreached();
        let slow = health.enter(at(5), &COOLING).unwrap();
        health.enter(at(25), &COOLING).unwrap();
        health.succeeded(slow, at(30));
        assert_eq!(health.admission(at(30)), Admission::Open);

        let pass = health.enter(at(31), &COOLING).unwrap();
        health.failed(pass, Fault::Unreached, &COOLING, at(31));
        let slow = health.enter(at(60), &COOLING).unwrap();
        let other = health.enter(at(130), &COOLING).unwrap();
        health.failed(other, Fault::Failed, &COOLING, at(131));
        health.succeeded(slow, at(132));
        assert!(matches!(health.admission(at(132)), Admission::Cooled(_)), "it failed since");
    }

    #[test]
    fn what_a_trial_says_counts_for_what_it_tried() {
        let health = unreached();
        let slow = health.enter(at(5), &COOLING).unwrap();
        let quick = health.enter(at(25), &COOLING).unwrap();
        health.succeeded(quick, at(26));
        // Its stream breaks off later, as any may.
        assert_eq!(health.failed(quick, Fault::Failed, &COOLING, at(60)), None);
        let limited = health.enter(at(61), &COOLING).unwrap();
        health.failed(limited, Fault::Limited(Some(Duration::from_secs(60))), &COOLING, at(61));
        health.succeeded(slow, at(62));
        assert!(matches!(health.admission(at(62)), Admission::Cooled(_)), "it said 60 s since");
    }

    #[test]
    fn a_trial_that_tells_nothing_leaves_its_place() {
        let health = unreached();
        let pass = health.enter(at(5), &COOLING).unwrap();
        assert!(matches!(health.admission(at(6)), Admission::Cooled(_)));
        health.left(pass, at(6));
        assert_eq!(health.admission(at(6)), Admission::Trial);
        let pass = health.enter(at(6), &COOLING).unwrap();
        health.failed(pass, Fault::Unreached, &COOLING, at(7));
        health.left(pass, at(7));
        assert!(matches!(health.admission(at(7)), Admission::Cooled(_)), "it has told");
    }

    #[test]
    fn failures_of_requests_on_their_way_are_one_failure() {
        let health = Health::default();
        let passes: Vec<_> = (0..50).map(|_| health.enter(at(0), &COOLING).unwrap()).collect();
        for pass in passes {
            health.failed(pass, Fault::Unreached, &COOLING, at(0));
        }
        assert_eq!(health.admission(at(5)), Admission::Trial);
    }

    #[test]
    fn some_failures_are_borne() {
        let enter_and_fail = |cooling: &Cooling, fails: u32| {
            let health = Health::default();
            for _ in 0..fails {
                let Some(pass) = health.enter(at(0), cooling) else { continue };
                health.failed(pass, Fault::Failed, cooling, at(0));
            }
            health.admission(at(0)) == Admission::Open
        };
        assert!(enter_and_fail(&COOLING, 4) && !enter_and_fail(&COOLING, 5));
        let allowed = Cooling { allowed_fails: Some(2), ..COOLING };
        assert!(enter_and_fail(&allowed, 2) && !enter_and_fail(&allowed, 3));
        let never = Cooling { cooldown_time: Duration::ZERO, ..COOLING };
        assert!(enter_and_fail(&never, 100));
    }

    #[test]
    fn failures_among_successes_are_borne_unless_they_are_the_most() {
        let health = Health::default();
        for _ in 0..50 {
            let pass = health.enter(at(0), &COOLING).unwrap();
            health.succeeded(pass, at(0));
            let pass = health.enter(at(0), &COOLING).unwrap();
            health.failed(pass, Fault::Failed, &COOLING, at(0));
        }
        let pass = health.enter(at(0), &COOLING).unwrap();
        health.failed(pass, Fault::Failed, &COOLING, at(0));
        assert!(matches!(health.admission(at(0)), Admission::Cooled(_)));
    }
}
