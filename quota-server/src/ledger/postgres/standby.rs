//! A standby's books, and what is answered from them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quota_core::{BookPage, LeaseId, Now};
use tokio::time::Instant;

use super::TERM;
use super::sightings::Sightings;
use crate::clock::Clock;
use crate::ledger::journaled::{Follower, History, LedgerTime, RecoveryError};
use crate::ledger::{LeasePage, Unavailable};
use crate::store::postgres::{Leader, News};

/// Books that were not kept up for longer are not shown as if they were.
const FRESH: Duration = Duration::from_secs(5);

/// Books that follow, and who writes them.
pub(super) struct Standby {
    clock: Arc<dyn Clock>,
    history: Arc<dyn History>,
    /// How clients reach this server.
    own_url: Arc<str>,
    state: Mutex<StandbyState>,
}

struct StandbyState {
    /// Gone when this server writes.
    follower: Option<Follower>,
    sightings: Sightings,
    /// How clients reach the active server, if one is alive.
    active: Option<Arc<str>>,
    looked: Instant,
    /// The window in which it was last asked which deleted deployments there still are.
    counted: u64,
}

impl Standby {
    pub(super) fn new(
        follower: Follower,
        clock: Arc<dyn Clock>,
        history: Arc<dyn History>,
        own_url: Arc<str>,
    ) -> Self {
        let state = StandbyState {
            follower: Some(follower),
            sightings: Sightings::default(),
            active: None,
            looked: Instant::now(),
            counted: 0,
        };
        Self { clock, history, own_url, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, StandbyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first entry that is not in the books; none, once they were taken.
    pub(super) fn next_seq(&self) -> u64 {
        self.state().follower.as_ref().map_or(u64::MAX, Follower::next_seq)
    }

    /// What the leader's row said just now.
    pub(super) fn saw(&self, leader: &Leader) {
        let here_ms = self.clock.reading().steady_ms;
        let mut state = self.state();
        state.looked = Instant::now();
        state.sightings.saw(leader.epoch, leader.steady_ms.unsigned_abs(), here_ms);
        let same = state.active.as_deref() == Some(&*leader.advertise_url);
        if !leader.is_alive {
            state.active = None;
        } else if !same {
            state.active = Some(leader.advertise_url.as_str().into());
        }
    }

    /// Takes in what is new.
    pub(super) fn take_in(&self, news: News, bridges: bool) -> Result<(), RecoveryError> {
        let mut state = self.state();
        let Some(follower) = state.follower.as_mut() else { return Ok(()) };
        follower.deployments(news.deployments, news.last_deployment);
        let mut entries = news.entries.iter();
        entries.try_for_each(|(seq, entry)| follower.entry(*seq, entry, bridges))?;
        follower.keep(news.kept);
        Ok(())
    }

    /// The deleted deployments that it knows, once a window: it is time to ask which of them there
    /// still are.
    pub(super) fn counts_deleted(&self) -> Option<Vec<u32>> {
        let mut state = self.state();
        let StandbyState { follower: Some(follower), counted, .. } = &mut *state else {
            return None;
        };
        let (window, deleted) = (follower.window(), follower.deleted());
        let is_time = !deleted.is_empty() && std::mem::replace(counted, window) != window;
        is_time.then(|| deleted.to_vec())
    }

    /// Of the deleted deployments that it knows there still are these, deleted or live again.
    pub(super) fn still_there(&self, still: &[u32]) {
        if let Some(follower) = &mut self.state().follower {
            follower.still_there(still);
        }
    }

    /// The ledger's time for who writes from now on, under a journal that may lack its last entries
    /// unless it is vouched for.
    pub(super) fn time_to_write(&self, is_vouched_for: bool) -> LedgerTime {
        if is_vouched_for { self.time() } else { self.time().past_lost() }
    }

    /// The ledger's time, going on from what was seen of it.
    fn time(&self) -> LedgerTime {
        let state = self.state();
        let clock = Arc::clone(&self.clock);
        let last = state.follower.as_ref().and_then(Follower::last);
        let latest_ms = state.sightings.latest_ms();
        let Some(last) = last else { return LedgerTime::start_after(clock, None, latest_ms) };
        let is_here = last.boot.is_some() && last.boot == clock.boot();
        match state.sightings.ahead_ms(clock.reading().steady_ms) {
            Some(ahead_ms) if !is_here => LedgerTime::follow(clock, last, ahead_ms),
            _ => LedgerTime::start_after(clock, Some(last), latest_ms),
        }
    }

    /// What the books say, if they are fresh.
    pub(super) fn read<T>(
        &self,
        look: impl FnOnce(&Follower, &Now) -> T,
    ) -> Result<T, Unavailable> {
        let now = self.time().stamp().now;
        let state = self.state();
        match &state.follower {
            Some(follower) if state.looked.elapsed() <= FRESH => Ok(look(follower, &now)),
            _ => Err(Unavailable::CannotWrite),
        }
    }

    pub(super) fn held(&self, id: &str, first: LeaseId) -> Result<Option<LeasePage>, Unavailable> {
        self.read(|follower, now| follower.held(id, first, now))
    }

    pub(super) async fn windows(
        &self,
        id: &str,
        last: u64,
    ) -> Result<Option<Vec<BookPage>>, Unavailable> {
        let Some(live) = self.read(|follower, now| follower.pages(id, now))? else {
            return Ok(None);
        };
        let oldest = (live.minute + 1).saturating_sub(last);
        let history = self.history.pages(live.no, oldest).await.map_err(|error| {
            tracing::error!(%error, "the history cannot be read");
            Unavailable::CannotWrite
        })?;
        Ok(Some(live.with(history, oldest)))
    }

    /// Where writers must go, if that is known just now. A server that was started again under its
    /// own address finds itself named until its last sign of life is old: it sends nobody to
    /// itself.
    pub(super) fn elsewhere(&self) -> Unavailable {
        let state = self.state();
        let active = state.active.clone().filter(|_| state.looked.elapsed() <= TERM);
        let active = active.filter(|url| *url != self.own_url);
        active.map_or(Unavailable::CannotWrite, Unavailable::Standby)
    }

    /// The books, for the one that writes from now on.
    pub(super) fn take(&self) -> Option<Follower> {
        self.state().follower.take()
    }
}
