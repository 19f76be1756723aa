//! Where a request's fate is decided and written down, in one step.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    OfKey, Settings,
    audit::{Arrival, Audit, Fate},
    clock::{self, MINUTE_MS},
    refusal::Refusal,
};

/// The upstream: how it behaves, and what reached it.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) settings: Settings,
    desk: Mutex<Desk>,
}

/// What one request at a time may touch, so that the audit is in the order of arrival.
#[derive(Debug)]
struct Desk {
    audit: Audit,
    rng: StdRng,
}

/// What a request asks for, in tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) input: u64,
    /// Of one answer; all that it may have.
    pub(crate) max_output: u64,
    /// How many answers.
    pub(crate) answers: u64,
}

/// A request that is going to be answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    pub(crate) latency: Duration,
    /// Of one answer.
    pub(crate) output: u64,
    pub(crate) billed_input: u64,
    pub(crate) billed_output: u64,
}

impl Upstream {
    pub(crate) fn new(settings: Settings) -> Self {
        let rng = StdRng::seed_from_u64(settings.seed);
        let desk = Mutex::new(Desk { audit: Audit::default(), rng });
        Self { settings, desk }
    }

    /// Looks at the audit.
    pub(crate) fn with_audit<T>(&self, look: impl FnOnce(&mut Audit) -> T) -> T {
        look(&mut self.desk().audit)
    }

    /// Takes a request in. What it is refused for comes after its latency, if it fails, and at
    /// once if a limit is reached.
    pub(crate) async fn take(&self, headers: &HeaderMap, size: Size) -> Result<Accepted, Refusal> {
        let (accepted, verdict) = self.decide(key(headers), size);
        if let Err(limit @ Refusal::RateLimited { .. }) = verdict {
            return Err(limit);
        }
        tokio::time::sleep(accepted.latency).await;
        verdict.map(|()| accepted)
    }

    fn decide(&self, key: String, size: Size) -> (Accepted, Result<(), Refusal>) {
        let mut desk = self.desk();
        let at_unix_ms = clock::unix_ms();
        let accepted = self.plan(&mut desk.rng, &key, size);
        let reserved = size.input + size.max_output * size.answers;
        let verdict = self.verdict(&mut desk, &key, at_unix_ms, reserved);
        desk.audit.record(Arrival {
            at_unix_ms,
            key,
            input_tokens: size.input,
            reserved_tokens: reserved,
            used_tokens: accepted.billed_input + accepted.billed_output,
            fate: fate(&verdict),
        });
        (accepted, verdict)
    }

    fn plan(&self, rng: &mut StdRng, key: &str, size: Size) -> Accepted {
        let output = self.settings.answer_tokens.unwrap_or(u64::MAX).min(size.max_output);
        let latency = OfKey::find(&self.settings.latency_of, key);
        Accepted {
            latency: latency.unwrap_or(&self.settings.latency).sample(rng),
            output,
            billed_input: self.billed(size.input),
            billed_output: self.billed(output * size.answers),
        }
    }

    fn verdict(
        &self,
        desk: &mut Desk,
        key: &str,
        at_ms: u64,
        reserved: u64,
    ) -> Result<(), Refusal> {
        if let Some(&retry_after_s) = OfKey::find(&self.settings.deny, key) {
            return Err(Refusal::RateLimited { unit: "requests", retry_after_s });
        }
        let so_far = desk.audit.accepted(key, at_ms / MINUTE_MS);
        let retry_after_s = (MINUTE_MS - at_ms % MINUTE_MS).div_ceil(1_000);
        let full = |limit: Option<u64>, sum: u64| limit.is_some_and(|limit| sum > limit);
        if full(self.settings.tpm, so_far.reserved_tokens + reserved) {
            return Err(Refusal::RateLimited { unit: "tokens", retry_after_s });
        }
        if full(self.settings.rpm, so_far.requests + 1) {
            return Err(Refusal::RateLimited { unit: "requests", retry_after_s });
        }
        if desk.rng.random::<f64>() < self.settings.error_rate {
            return Err(Refusal::Failed(self.settings.error_status));
        }
        Ok(())
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "token counts are far below 2^52, and a cast from a float saturates"
    )]
    fn billed(&self, tokens: u64) -> u64 {
        (tokens as f64 * self.settings.bill_factor).ceil() as u64
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fate(verdict: &Result<(), Refusal>) -> Fate {
    match verdict {
        Ok(()) => Fate::Served,
        Err(Refusal::Failed(_)) => Fate::Failed,
        Err(_) => Fate::Refused,
    }
}

/// The bearer's key, or Azure's.
fn key(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let azure = || text(HeaderName::from_static("api-key"));
    bearer.or_else(azure).unwrap_or("no key").to_owned()
}
