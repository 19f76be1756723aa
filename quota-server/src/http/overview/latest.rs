//! The latest overview, shared by all who ask: however many dashboards are open, the ledger is read
//! once.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use quota_api::{Overview, ServerInfo};
use tokio::sync::Mutex;
use tokio::time::Instant;
use xxhash_rust::xxh3::Xxh3;

use super::gzip;
use crate::config::LedgerKind;
use crate::http::{Failure, wire};
use crate::ledger::{Ledger, Role, Stored, Unavailable, checks};

/// How long an overview is shown at least.
const FRESH: Duration = Duration::from_millis(500);

/// Making overviews takes at most this part of the time: one of many deployments is shown longer.
const PART: u32 = 20;

/// Makes overviews, one at a time.
pub struct Latest {
    kind: LedgerKind,
    started: Instant,
    latest: Mutex<Option<OverviewAnswer>>,
    shown: std::sync::Mutex<checks::Told>,
}

/// What was made, or why it was not.
struct OverviewAnswer {
    at: Instant,
    fresh_for: Duration,
    made: Result<Arc<Made>, Unavailable>,
}

/// An overview, as it is sent.
pub(super) struct Made {
    at: Instant,
    seen: Arc<Vec<(Stored, quota_core::Overview)>>,
    pub(super) etag: HeaderValue,
    pub(super) body: Bytes,
    gzip: OnceLock<Bytes>,
}

impl Made {
    /// The body, compressed when the first asks for it so.
    pub(super) fn gzip(&self) -> Bytes {
        self.gzip.get_or_init(|| gzip::of(&self.body)).clone()
    }

    /// How old it is, in seconds.
    pub(super) fn age(&self) -> HeaderValue {
        self.at.elapsed().as_secs().into()
    }
}

impl Latest {
    /// Of a ledger of this kind, in a server that starts now.
    #[must_use]
    pub fn new(kind: LedgerKind) -> Self {
        Self {
            kind,
            started: Instant::now(),
            latest: Mutex::new(None),
            shown: std::sync::Mutex::default(),
        }
    }

    /// What the overview was made of.
    ///
    /// # Errors
    /// The ledger is away.
    pub async fn seen(
        &self,
        ledger: &dyn Ledger,
    ) -> Result<Arc<Vec<(Stored, quota_core::Overview)>>, Failure> {
        Ok(Arc::clone(&self.of(ledger).await?.seen))
    }

    /// The overview, made anew if the latest is old. Who asks meanwhile waits for it.
    pub(super) async fn of(&self, ledger: &dyn Ledger) -> Result<Arc<Made>, Failure> {
        let mut latest = self.latest.lock().await;
        if let Some(answer) = &*latest
            && answer.at.elapsed() < answer.fresh_for
        {
            return Ok(answer.made.clone()?);
        }
        let at = Instant::now();
        let seen = LedgerView::of(ledger).await.inspect(|seen| self.check(seen));
        let fresh_for = FRESH.max(at.elapsed() * PART);
        let made = match seen {
            Ok(seen) => Ok(Arc::new(self.write(at, fresh_for, seen)?)),
            Err(away) => Err(away),
        };
        let answer = latest.insert(OverviewAnswer { at, fresh_for, made });
        Ok(answer.made.clone()?)
    }

    fn check(&self, seen: &LedgerView) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        seen.deployments.iter().for_each(|(stored, seen)| shown.page(&stored.id, &seen.page));
    }

    fn write(&self, at: Instant, fresh_for: Duration, seen: LedgerView) -> Result<Made, Failure> {
        let mut shown = Overview {
            server: ServerInfo {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                uptime_ms: 0,
                role: wire::role(seen.role),
                ledger: wire::ledger_kind(self.kind),
                writable: seen.writable,
                warnings: seen.warnings,
            },
            minute_ends_in_ms: seen.deployments.first().map_or(0, |(_, first)| first.ends_in_ms),
            fresh_for_ms: ms(fresh_for),
            deployments: wire::overviews(&seen.deployments)?,
        };
        let etag = etag_of(&shown);
        shown.server.uptime_ms = ms(self.started.elapsed());
        let body = serde_json::to_vec(&shown).map_err(|_| Failure::internal())?;
        Ok(Made {
            at,
            seen: Arc::new(seen.deployments),
            etag,
            body: body.into(),
            gzip: OnceLock::new(),
        })
    }
}

/// What the ledger says.
struct LedgerView {
    deployments: Vec<(Stored, quota_core::Overview)>,
    role: Role,
    writable: bool,
    warnings: Vec<String>,
}

impl LedgerView {
    async fn of(ledger: &dyn Ledger) -> Result<Self, Unavailable> {
        let deployments = ledger.overview().await?;
        let writable = ledger.health().await.is_ok();
        Ok(Self { deployments, role: ledger.role(), writable, warnings: ledger.warnings() })
    }
}

/// Of all but durations: weak, since bytes differ.
fn etag_of(shown: &Overview) -> HeaderValue {
    let mut hash = Xxh3::new();
    (&shown.server, &shown.deployments).hash(&mut hash);
    let tag = format!("W/\"{:016x}\"", hash.finish());
    HeaderValue::from_maybe_shared(Bytes::from(tag)).expect("quotes and digits")
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{Away, Fault};

    #[tokio::test(start_paused = true)]
    async fn a_ledger_that_is_away_is_asked_as_seldom() {
        let away = Away::new(Fault::Says(Unavailable::CannotWrite));
        let latest = Latest::new(LedgerKind::Redis);
        for asked in [1, 1, 1, 2] {
            assert!(latest.of(&away).await.is_err());
            assert_eq!(away.asked(), asked);
            tokio::time::advance(Duration::from_millis(200)).await;
        }
    }
}
