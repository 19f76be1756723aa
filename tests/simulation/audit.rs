//! What reached the upstream, and what should have: judged from the draws alone.

use quota_core::WindowKind;

const MINUTE_US: u64 = 60_000_000;

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) at_us: u64,
    pub(crate) reserved: u64,
    /// Used within the reservation; the whole of it until it is settled.
    pub(crate) used: u64,
    pub(crate) is_admitted: bool,
    /// From its arrival to its admission.
    pub(crate) waited_us: u64,
    /// One of the large ones that come besides the load.
    pub(crate) is_large: bool,
}

/// All requests of a run.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) requests: Vec<Request>,
    /// Used above the reservations, tokens.
    pub(crate) overrun: u64,
    pub(crate) messages: u64,
    pub(crate) endgame: Endgame,
}

/// How long the deployment was in its endgame, as far as answers showed it.
#[derive(Debug, Default)]
pub(crate) struct Endgame {
    pub(crate) us: u64,
    since_us: Option<u64>,
}

impl Endgame {
    /// So it was at this time.
    pub(crate) fn note(&mut self, is_endgame: bool, at_us: u64) {
        self.us += self.since_us.map_or(0, |since_us| at_us - since_us);
        self.since_us = is_endgame.then_some(at_us);
    }
}

/// The two shares that an endgame is about, as parts of the limit and of the offered requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    pub(crate) stranded: f64,
    pub(crate) denied_wrongly: f64,
}

impl Audit {
    /// Names a minute or 60 s in which more was used than the limit allows.
    pub(crate) fn over(
        &self,
        kind: WindowKind,
        tpm_limit: u64,
        rpm_limit: Option<u64>,
    ) -> Option<String> {
        let mut admitted: Vec<_> =
            self.requests.iter().filter(|request| request.is_admitted).collect();
        admitted.sort_by_key(|request| request.at_us);
        let (mut first, mut tokens, mut requests) = (0, 0, 0);
        for last in &admitted {
            tokens += last.used;
            requests += 1;
            while !together(kind, admitted[first].at_us, last.at_us) {
                tokens -= admitted[first].used;
                requests -= 1;
                first += 1;
            }
            if tokens > tpm_limit || rpm_limit.is_some_and(|limit| requests > limit) {
                return Some(format!(
                    "{tokens} tokens in {requests} requests up to {} µs",
                    last.at_us
                ));
            }
        }
        None
    }

    /// Of the load, without the large requests: how long the slowest but one of a hundred waited,
    /// µs, and the messages for a request.
    pub(crate) fn pace(&self) -> (u64, f64) {
        let load = self.requests.iter().filter(|request| !request.is_large);
        let mut waits: Vec<_> = load.map(|request| request.waited_us).collect();
        waits.sort_unstable();
        let p99_us = waits.get(waits.len() * 99 / 100).copied().unwrap_or(0);
        (p99_us, self.messages as f64 / waits.len().max(1) as f64)
    }

    /// In the whole minutes of the run: quota that was left at the end though somebody was denied
    /// whom it would have served, and those who were.
    pub(crate) fn shares(&self, tpm_limit: u64, minutes: u64) -> Shares {
        let (mut stranded, mut wrongly) = (0, 0);
        for minute in 0..minutes {
            let of_minute =
                || self.requests.iter().filter(move |request| request.at_us / MINUTE_US == minute);
            let used: u64 =
                of_minute().filter(|request| request.is_admitted).map(|request| request.used).sum();
            let left = tpm_limit.saturating_sub(used);
            let denied =
                || of_minute().filter(|request| !request.is_admitted && request.reserved <= left);
            // Each of them would have fitted alone; together only so many.
            let mut room = left;
            for request in denied() {
                if request.reserved <= room {
                    room -= request.reserved;
                    wrongly += 1;
                }
            }
            stranded += left - room;
        }
        let offered =
            self.requests.iter().filter(|request| request.at_us / MINUTE_US < minutes).count();
        Shares {
            stranded: stranded as f64 / (tpm_limit * minutes) as f64,
            denied_wrongly: f64::from(wrongly) / offered.max(1) as f64,
        }
    }
}

fn together(kind: WindowKind, first_us: u64, last_us: u64) -> bool {
    match kind {
        WindowKind::Minute => first_us / MINUTE_US == last_us / MINUTE_US,
        WindowKind::Rolling => last_us - first_us < MINUTE_US,
    }
}
