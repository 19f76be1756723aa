use std::time::Duration;

use quota_api::{State, Usage};
use quota_units::{Amount, Unit};

use crate::{Denied, Moment, Reason};

/// What the server told of a deployment last, with what follows from it for draws that no lease
/// covers. Replaced as a whole, so that a denied draw reads it without a lock.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The state, until the window is over.
    pub state: Option<State>,
    /// How full the window was.
    pub usage: Option<Usage>,
    /// When that was told.
    pub usage_at: Moment,
    /// When the window ends, if it is of a kind that ends.
    pub window_ends: Option<Moment>,
    /// The server did not answer the last message.
    pub is_away: bool,
    /// Whether it has such a deployment, by its last word.
    pub is_known: Option<bool>,
    pub(crate) bans: Vec<Ban>,
}

/// A denial that is remembered: no size of which it says so is worth asking for before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ban {
    pub(crate) reason: Reason,
    pub(crate) until: Moment,
    /// The size that was denied.
    pub(crate) least: Amount,
    /// The unit that it was denied for; both, if the server did not say.
    pub(crate) unit: Option<Unit>,
    /// The window is what lacks it, and no longer period: what is told of the window says whether
    /// it is there again.
    pub(crate) of_window: bool,
}

impl Ban {
    /// A ban on every size.
    pub(crate) fn on_all(reason: Reason, until: Moment) -> Self {
        Self { reason, until, least: Amount::default(), unit: None, of_window: true }
    }

    /// Whether it is about the size of what was asked for, so that more quota lifts it.
    fn is_of_size(&self) -> bool {
        matches!(self.reason, Reason::NeverFits | Reason::Exhausted | Reason::Endgame)
    }

    /// Whether the size that was denied fits into `room`, in the unit that it was denied for. The
    /// same says whether a draw of the size `room` is denied.
    pub(crate) fn fits(&self, room: Amount) -> bool {
        match self.unit {
            Some(unit) => self.least[unit] <= room[unit],
            None => self.least.fits(room),
        }
    }
}

/// What a rolling window held has left it after so long.
const ROLLING: Duration = Duration::from_secs(60);

impl Told {
    /// How full the window was when the server last told, unless that window is over at `now`.
    #[must_use]
    pub fn usage(&self, now: Moment) -> Option<Usage> {
        let ends = self.window_ends.unwrap_or_else(|| self.usage_at + ROLLING);
        self.usage.filter(|_| now < ends)
    }

    /// Why no draw of this size can be hoped for at `now`, if that is known.
    #[must_use]
    pub fn denial(&self, amount: Amount, now: Moment) -> Option<Denied> {
        let bans = self.bans.iter().filter(|ban| now < ban.until && ban.fits(amount));
        let ban = bans.min_by_key(|ban| ban.reason)?;
        let is_for_good = ban.until == Moment::NEVER;
        let retry_after = if is_for_good { Duration::ZERO } else { ban.until.since(now) };
        Some(Denied { unit: ban.unit, ..self.denied(ban.reason, retry_after) })
    }

    pub(crate) fn denied(&self, reason: Reason, retry_after: Duration) -> Denied {
        Denied { state: self.state, usage: self.usage, ..Denied::because(reason, retry_after) }
    }

    /// Remembers a denial, in the place of an older one of its kind.
    pub(crate) fn ban(&mut self, ban: Ban) {
        let kind = |ban: &Ban| (ban.reason, ban.unit, ban.of_window);
        self.bans.retain(|other| kind(other) != kind(&ban));
        self.bans.push(ban);
    }

    pub(crate) fn lift(&mut self, reason: Reason) {
        self.bans.retain(|ban| ban.reason != reason);
    }

    /// The smallest size that was denied for want of room, or for the limit itself.
    pub(crate) fn least_denied(&self, now: Moment) -> Option<Amount> {
        let bans = self.bans.iter().filter(|ban| now < ban.until && ban.is_of_size());
        bans.map(|ban| ban.least).min_by_key(|least| least.counts())
    }

    /// So much was granted: what was denied that is no larger may be asked for again.
    pub(crate) fn granted(&mut self, amount: Amount) {
        self.bans.retain(|ban| !(ban.is_of_size() && ban.fits(amount)));
    }

    /// The limit is known anew: what was denied as above it, and is not, may be asked for again.
    pub(crate) fn limited(&mut self, usage: &Usage) {
        let limits = Amount::by_unit(|unit| usage.of(unit).limit.unwrap_or(u64::MAX));
        let is_news = |ban: &Ban| ban.reason == Reason::NeverFits && ban.of_window;
        self.bans.retain(|ban| !(is_news(ban) && ban.fits(limits)));
    }
}
