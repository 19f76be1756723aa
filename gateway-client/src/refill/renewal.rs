//! One deployment's part of the machine: which leases to end, and when to ask for the next.

use std::time::Duration;

use quota_api::{State, Which};
use quota_units::{Amount, Unit};

use super::ask::{Ask, Asks, Progress, Wish};
use super::demand::Demand;
use super::held::Held;
use super::window::Window;
use super::{BEAT, LeaseNo, Orders, Sample, Waiting};
use crate::Moment;
use crate::pool::{Missed, PLACES};
use crate::reach::Reach;
use crate::told::Told;

/// A lease that nobody drew from for so long goes back.
const IDLE: Duration = Duration::from_millis(500);
/// How often draws that wait are looked after, for permits that were refunded meanwhile.
const WAITING_LOOK: Duration = Duration::from_millis(50);
/// How often a deployment is looked at whose draws are counted.
const BUSY_LOOK: Duration = Duration::from_secs(1);
/// A lease that ends sooner is not counted on.
const ENDING: Duration = Duration::from_millis(150);

#[derive(Debug)]
pub(super) struct Renewal {
    pub(super) id: String,
    pub(super) leases: Vec<Held>,
    pub(super) window: Window,
    pub(super) told: Told,
    pub(super) is_told_new: bool,
    pub(super) asks: Asks,
    /// Whether the server can work for this deployment.
    pub(super) reach: Reach,
    /// Denied by this client and not reported.
    pub(super) denied: Amount,
    /// When to look at it next, if nothing happens before.
    pub(super) due: Moment,
    /// When to ask again for what is being denied; never, while nothing is.
    probe_at: Moment,
    demand: Demand,
    missed: Missed,
    /// When draws were last seen.
    active: Moment,
    pub(super) is_shut: bool,
}

impl Renewal {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            leases: Vec::new(),
            window: Window::default(),
            told: Told::default(),
            is_told_new: false,
            asks: Asks::default(),
            reach: Reach::default(),
            denied: Amount::default(),
            due: Moment::NEVER,
            probe_at: Moment::NEVER,
            demand: Demand::default(),
            missed: Missed::default(),
            active: Moment::START,
            is_shut: false,
        }
    }

    /// Takes in how the deployment stands, and decides. `probe_at` is when what is denied may be
    /// asked for again.
    pub(super) fn look(
        &mut self,
        sample: &Sample,
        now: Moment,
        probe_at: Moment,
        mut request_id: impl FnMut() -> String,
    ) -> Orders {
        self.turn_window(now);
        let (drawn, overrun) = self.learn(sample, now);
        let is_busy = self.active == now || !sample.denied.is_zero();
        if !sample.denied.is_zero() {
            self.probe(probe_at);
        }
        let is_probing = now >= self.probe_at;
        if is_probing {
            self.probe_at = Moment::NEVER;
        }
        self.close(&sample.waiting, now);
        self.asks.retain(|ask| !ask.is_pointless(now));
        if let Some(wish) = self.wish(&sample.waiting, is_probing, now) {
            self.make_room();
            self.asks.put(Ask::new(request_id(), wish, now));
            self.missed = Missed::default();
        }
        if let Some(wish) = self.wish_ahead(now) {
            self.make_room();
            self.asks.put(Ask::new(request_id(), wish, now));
            self.window.asked_ahead();
        }
        let orders = Orders {
            sweep: self.to_sweep(),
            retire: self.retire(now),
            warn: self.warn(now),
            drawn,
            overrun,
        };
        self.due = self.next_look(&sample.waiting, is_busy, now);
        orders
    }

    /// No more leases: what there is goes back.
    pub(super) fn shut(&mut self) {
        self.is_shut = true;
        self.due = Moment::START;
        self.asks.retain(|ask| ask.progress != Progress::New);
    }

    /// Whether the server has been told everything, and no permit is out that may add to it.
    pub(super) fn is_square(&self, now: Moment) -> bool {
        let owes = |held: &Held| {
            !held.is_closed
                || held.is_in_flight()
                || held.return_due(now).is_some()
                || held.use_due().is_some()
        };
        self.asks.iter().next().is_none() && !self.leases.iter().any(owes)
    }

    /// Draws are being denied: at this time it is asked again whether they must be, in case the
    /// limit was raised.
    pub(super) fn probe(&mut self, at: Moment) {
        self.probe_at = self.probe_at.min(at);
        self.due = self.due.min(self.probe_at);
    }

    /// Leases in hand are not drawn from any more.
    pub(super) fn drop_leases(&mut self, now: Moment) {
        self.leases.iter_mut().for_each(|held| held.is_closed = true);
        self.due = self.due.min(now);
    }

    /// Whether draws come so seldom that leases are asked for one by one.
    pub(super) fn is_rare(&self) -> bool {
        !self.demand.is_steady()
    }

    pub(super) fn held(&mut self, no: LeaseNo) -> Option<&mut Held> {
        self.leases.iter_mut().find(|held| held.no == no)
    }

    /// Little is left, so nobody should hold more than requests wait for. What goes back in a
    /// quarantine is of no use to anybody.
    pub(super) fn is_scarce(&self) -> bool {
        matches!(self.told.state, Some(State::Endgame | State::Exhausted))
    }

    /// Whether the window has less left than this, as far as the server told.
    fn is_short_of(&self, amount: Amount) -> bool {
        self.told.usage.is_some_and(|usage| {
            let lacks = |unit| usage.of(unit).remaining().is_some_and(|left| left < amount[unit]);
            Unit::ALL.into_iter().any(lacks)
        })
    }

    fn turn_window(&mut self, now: Moment) {
        if self.window.turns(now) {
            self.told.state = None;
            self.told.usage = None;
            self.told.window_ends = self.window.ends();
            self.is_told_new = true;
        }
        if self.told.bans.iter().any(|ban| ban.until <= now) {
            self.told.bans.retain(|ban| now < ban.until);
            self.is_told_new = true;
        }
    }

    /// Answers with what was drawn since the last look, and used beyond the leases.
    fn learn(&mut self, sample: &Sample, now: Moment) -> (Amount, Amount) {
        let (mut drawn, mut overrun) = (Amount::default(), Amount::default());
        for lease in &sample.leases {
            if let Some(held) = self.held(lease.no) {
                let (drawn_of_it, overrun_of_it) = held.learn(lease);
                drawn = drawn.saturating_add(drawn_of_it);
                overrun = overrun.saturating_add(overrun_of_it);
            }
        }
        self.demand.learn(drawn.saturating_add(sample.denied), now);
        self.denied = self.denied.saturating_add(sample.denied);
        self.missed.sum = self.missed.sum.saturating_add(sample.missed.sum);
        if !sample.missed.last.is_zero() {
            self.missed.last = sample.missed.last;
        }
        if !drawn.is_zero() || sample.waiting.total > 0 {
            self.active = now;
        }
        (drawn, overrun)
    }

    fn wish(&mut self, waiting: &Waiting, is_probing: bool, now: Moment) -> Option<Wish> {
        if !self.asks.is_free(Which::Current) || self.is_shut {
            return None;
        }
        if waiting.count > 0 {
            return self.wish_for(waiting.first, waiting.sum, now);
        }
        let missed = std::mem::take(&mut self.missed);
        let is_wanted = !missed.last.is_zero() && self.told.denial(missed.last, now).is_none();
        let wish = if is_wanted { self.wish_for(missed.last, missed.sum, now) } else { None };
        let wish = wish.or_else(|| if is_probing { self.wish_again(now) } else { None });
        wish.or_else(|| self.wish_for_more(now))
    }

    /// For the smallest draw that is denied: somebody may have raised the limit.
    fn wish_again(&self, now: Moment) -> Option<Wish> {
        let least = self.told.least_denied(now)?;
        Some(Wish { min: least, want: least, which: Which::Current })
    }

    /// For draws that found nothing: as much as they need, and while there is plenty, what is to be
    /// expected beyond.
    fn wish_for(&self, min: Amount, need: Amount, now: Moment) -> Option<Wish> {
        let will_do = |held: &Held| !held.is_closed && min.fits(held.free);
        if self.leases.iter().any(will_do) {
            return None;
        }
        let want = if self.is_scarce() {
            need
        } else if self.demand.is_steady() {
            need.max(self.demand.target().saturating_sub(self.supply(now)))
        } else {
            need.saturating_add(self.demand.fresh())
        };
        Some(Wish { min, want, which: Which::Current })
    }

    /// Before the leases in hand run dry.
    fn wish_for_more(&self, now: Moment) -> Option<Wish> {
        let min = self.demand.request();
        let supply = self.supply(now);
        let is_wanted = self.demand.is_steady()
            && !self.is_scarce()
            && !self.window.is_closing(now)
            && !self.demand.low_water().fits(supply)
            && self.told.denial(min, now).is_none();
        is_wanted.then(|| Wish {
            min,
            want: self.demand.target().saturating_sub(supply),
            which: Which::Current,
        })
    }

    /// Before the next window opens.
    fn wish_ahead(&self, now: Moment) -> Option<Wish> {
        let is_due = self.demand.is_steady() && self.window.ahead_at().is_some_and(|at| at <= now);
        let is_free = self.asks.is_free(Which::Next) && !self.is_shut;
        let has_one = !is_free || self.leases.iter().any(|held| held.is_future(now));
        (is_due && !has_one).then(|| Wish {
            min: self.demand.request(),
            want: self.demand.target(),
            which: Which::Next,
        })
    }

    /// Ends leases whose time is over, that nobody draws from, or that others need more.
    fn close(&mut self, waiting: &Waiting, now: Moment) {
        let is_scarce = self.is_scarce();
        let is_idle = waiting.total == 0;
        // Rests go back for the sake of draws that wait only where the window has no room for all
        // of them otherwise: while those wait, smaller ones draw from the rests.
        let makes_room = waiting.count > 0 && self.is_short_of(waiting.sum);
        for held in self.leases.iter_mut().filter(|held| !held.is_closed) {
            let unused_since = self.active.max(held.opened);
            let is_open = held.is_open(now);
            held.is_closed = self.is_shut
                || now >= held.not_after
                || is_open && is_idle && now >= unused_since + IDLE
                || is_open && makes_room && !waiting.first.fits(held.free)
                || is_open && is_scarce && now >= held.opened + BEAT;
        }
    }

    /// A lease that is asked for needs a place to be drawn from.
    fn make_room(&mut self) {
        let open = self.leases.iter_mut().filter(|held| !held.is_closed);
        let mut open: Vec<_> = open.collect();
        if open.len() >= PLACES {
            open.sort_by_key(|held| held.free.counts());
            if let Some(least) = open.first_mut() {
                least.is_closed = true;
            }
        }
    }

    fn to_sweep(&self) -> Vec<LeaseNo> {
        let closed = self.leases.iter().filter(|held| held.is_closed);
        closed.filter(|held| !held.is_swept || !held.free.is_zero()).map(|held| held.no).collect()
    }

    fn retire(&mut self, now: Moment) -> Vec<LeaseNo> {
        let (done, kept) =
            std::mem::take(&mut self.leases).into_iter().partition(|held| held.is_done(now));
        self.leases = kept;
        done.iter().map(|held: &Held| held.no).collect()
    }

    /// Which lease tells when the rest of all gets low: the one with the most.
    fn warn(&self, now: Moment) -> Option<(LeaseNo, Amount)> {
        if !self.asks.is_free(Which::Current) || self.is_scarce() || !self.demand.is_steady() {
            return None;
        }
        let open = self.leases.iter().filter(|held| held.is_open(now));
        let most = open.max_by_key(|held| held.free.counts())?;
        let others = self.supply(now).saturating_sub(most.free);
        Some((most.no, self.demand.low_water().saturating_sub(others)))
    }

    /// What can be drawn and does not end at once.
    fn supply(&self, now: Moment) -> Amount {
        let lasting =
            self.leases.iter().filter(|held| held.is_open(now) && now + ENDING < held.not_after);
        lasting.fold(Amount::default(), |sum, held| sum.saturating_add(held.free))
    }

    fn next_look(&self, waiting: &Waiting, is_busy: bool, now: Moment) -> Moment {
        let mut next = Moment::NEVER;
        if waiting.total > 0 {
            next = next.min(now + WAITING_LOOK);
        }
        if !self.leases.is_empty() || self.asks.iter().next().is_some() {
            next = next.min(now + if self.is_shut { WAITING_LOOK } else { BEAT });
        }
        next = next.min(self.probe_at);
        if is_busy {
            next = next.min(now + BUSY_LOOK);
        }
        let ahead_at = self.window.ahead_at().filter(|at| *at > now && self.demand.is_steady());
        next = next.min(ahead_at.unwrap_or(Moment::NEVER));
        let edges = self.leases.iter().filter(|held| !held.is_closed);
        edges
            .flat_map(|held| [held.not_before, held.not_after])
            .filter(|edge| *edge > now)
            .fold(next, Moment::min)
    }
}
