//! Requests that wait for room in their group, instead of being denied.
//!
//! They wait in the order of their coming, but callers take turns: one that sends a thousand does
//! not hold up one that sends three. Only the first in line asks for room, whenever a request of
//! the group ended and now and then besides, and holds the others up until it has it or gives up:
//! so a large one does not starve among small ones, and a line costs no more than one request does.
//! It is bounded in requests and in tokens; one that finds it full is denied.

use std::collections::VecDeque;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::denial::Denial;

/// How long requests of a group may wait, and how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineSettings {
    /// The longest that one waits. Zero: none does.
    pub max_wait: Duration,
    /// So many wait at most.
    pub max_requests: usize,
    /// So many tokens are waited for at most.
    pub max_tokens: u64,
}

/// The line of a group.
#[derive(Debug)]
pub(crate) struct Line {
    settings: LineSettings,
    /// How many wait: read by each request that comes.
    waiting: AtomicUsize,
    state: Mutex<State>,
    /// A request of the group ended, or nobody waits any more.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// One for each caller that waits; the first place of the first one is the first in line.
    lanes: VecDeque<Lane>,
    tokens: u64,
    places: u64,
    /// What the first in line was told last.
    said: Option<Denial>,
    is_closed: bool,
}

#[derive(Debug)]
struct Lane {
    caller: u64,
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    no: u64,
    tokens: u64,
    turn: Arc<Notify>,
}

impl State {
    fn first(&self) -> Option<&Waiter> {
        self.lanes.front()?.waiters.front()
    }

    /// The first one has its turn; its caller's next comes after the other callers'.
    fn remove(&mut self, no: u64) {
        let is_first = self.first().is_some_and(|first| first.no == no);
        let of_lane = |lane: &Lane| lane.waiters.iter().position(|waiter| waiter.no == no);
        let found = self.lanes.iter().enumerate().find_map(|(at, lane)| Some((at, of_lane(lane)?)));
        let Some((at, within)) = found else { return };
        let waiter = self.lanes[at].waiters.remove(within);
        self.tokens -= waiter.map_or(0, |waiter| waiter.tokens);
        if self.lanes[at].waiters.is_empty() {
            self.lanes.remove(at);
        } else if is_first {
            self.lanes.rotate_left(1);
        }
        if let Some(first) = self.first().filter(|_| is_first) {
            first.turn.notify_one();
        }
        if self.lanes.is_empty() {
            // The next to come is told what is so by then.
            self.said = None;
        }
    }
}

/// A place in a line, given up when this is dropped.
#[derive(Debug)]
pub(crate) struct Place<'l> {
    line: &'l Line,
    no: u64,
    turn: Arc<Notify>,
}

/// There is no place in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// As many wait as may.
    Full,
    /// Nobody waits any more.
    Closed,
}

impl Line {
    /// None, where nobody may wait.
    pub(crate) fn new(settings: LineSettings) -> Option<Arc<Self>> {
        let waits = !settings.max_wait.is_zero() && settings.max_requests > 0;
        waits.then(|| {
            Arc::new(Self {
                settings,
                waiting: AtomicUsize::new(0),
                state: Mutex::default(),
                freed: Notify::new(),
            })
        })
    }

    pub(crate) const fn max_wait(&self) -> Duration {
        self.settings.max_wait
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// Takes the last place of this caller's.
    pub(crate) fn join(&self, caller: u64, tokens: u64) -> Result<Place<'_>, NoPlace> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(NoPlace::Closed);
        }
        let sum = state.tokens.checked_add(tokens);
        let sum = sum.filter(|&sum| sum <= self.settings.max_tokens).ok_or(NoPlace::Full)?;
        if self.len() >= self.settings.max_requests {
            return Err(NoPlace::Full);
        }
        let turn = Arc::new(Notify::new());
        let no = state.places;
        let waiter = Waiter { no, tokens, turn: Arc::clone(&turn) };
        (state.tokens, state.places) = (sum, no + 1);
        match state.lanes.iter_mut().find(|lane| lane.caller == caller) {
            Some(lane) => lane.waiters.push_back(waiter),
            None => state.lanes.push_back(Lane { caller, waiters: [waiter].into() }),
        }
        self.waiting.fetch_add(1, Relaxed);
        Ok(Place { line: self, no, turn })
    }

    /// There may be room now that there was not before.
    pub(crate) fn freed(&self) {
        if self.len() > 0 {
            self.freed.notify_one();
        }
    }

    /// What the first in line was told last: as true for one that finds no place.
    pub(crate) fn said(&self) -> Option<Denial> {
        self.lock().said.clone()
    }

    /// From now on nobody waits, and those who do are woken.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let waiters = state.lanes.iter().flat_map(|lane| &lane.waiters);
        waiters.for_each(|waiter| waiter.turn.notify_one());
        self.freed.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Waits to be the first in line, or for its end.
    pub(crate) async fn turn(&self) {
        loop {
            let is_over = {
                let state = self.line.lock();
                state.is_closed || state.first().is_none_or(|first| first.no == self.no)
            };
            if is_over {
                return;
            }
            self.turn.notified().await;
        }
    }

    /// The first in line was told this. Waits until there may be room, for so long at most.
    pub(crate) async fn denied(&self, denial: Denial, longest: Duration) {
        self.line.lock().said = Some(denial);
        // That it took so long says nothing.
        let _ = timeout(longest, self.line.freed.notified()).await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.line.lock().remove(self.no);
        self.line.waiting.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::Refusal;

    fn line(max_requests: usize, max_tokens: u64) -> Arc<Line> {
        let max_wait = Duration::from_secs(10);
        Line::new(LineSettings { max_wait, max_requests, max_tokens }).unwrap()
    }

    fn has_turn(place: &Place<'_>) -> bool {
        place.turn().now_or_never().is_some()
    }

    #[test]
    fn callers_take_turns() {
        let line = line(10, 100);
        let mut places: Vec<_> =
            [1, 1, 1, 2, 3, 2].map(|caller| (caller, line.join(caller, 1).unwrap())).into();
        let mut order = Vec::new();
        while !places.is_empty() {
            let first: Vec<_> = (0..places.len()).filter(|&at| has_turn(&places[at].1)).collect();
            let [first] = first[..] else { panic!("{first:?} are first at once") };
            order.push(places.remove(first).0);
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 1]);
    }

    #[test]
    fn it_is_bounded_in_requests_and_in_tokens() {
        let line = line(3, 100);
        let [first, large, last] = [40, 40, 20].map(|tokens| line.join(1, tokens).unwrap());
        assert_eq!(line.join(1, 0).unwrap_err(), NoPlace::Full);
        drop(large);
        assert_eq!(line.join(2, 41).unwrap_err(), NoPlace::Full);
        assert_eq!(line.join(2, u64::MAX).unwrap_err(), NoPlace::Full);
        drop([line.join(2, 40).unwrap(), first, last]);
        let state = line.lock();
        assert_eq!((line.len(), state.lanes.len(), state.tokens), (0, 0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_is_of_those_who_wait() {
        let line = line(3, 100);
        let place = line.join(1, 1).unwrap();
        place.denied(Denial::because(Refusal::Busy, Duration::ZERO), Duration::ZERO).await;
        assert!(line.said().is_some());
        drop(place);
        assert!(line.said().is_none());
    }

    #[test]
    fn who_gives_up_leaves_the_place_to_the_next() {
        let line = line(3, 100);
        let [first, second, third] = [1, 1, 1].map(|caller| line.join(caller, 1).unwrap());
        assert!(has_turn(&first) && !has_turn(&second));
        drop(second);
        assert!(has_turn(&first) && !has_turn(&third));
        drop(first);
        assert!(has_turn(&third));
    }

    #[test]
    fn when_it_is_closed_all_are_woken() {
        let line = line(3, 100);
        let places = [1, 1].map(|caller| line.join(caller, 1).unwrap());
        let waits = places[1].turn();
        let mut waits = Box::pin(waits);
        assert!(waits.as_mut().now_or_never().is_none());
        line.close();
        assert!(waits.now_or_never().is_some());
        assert_eq!(line.join(1, 1).unwrap_err(), NoPlace::Closed);
    }
}
