//! The one place where what went wrong becomes a problem document.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use quota_api::{Code, Problem};
use quota_core::{Denial, Period, Refusal, Standing};

use super::ratelimit;
use super::wire::{self, usage};
use crate::audit::NotWritten;
use crate::ledger::{OpError, PutError, Unavailable};

/// The media type of problem documents (RFC 9457).
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// When a server that could not do it is asked again, ms.
const UNAVAILABLE_MS: u64 = 1_000;

/// Why a call was not done. Boxed: a result with it stays small.
#[derive(Debug)]
pub struct Failure(Box<Problem>, Option<ActiveServer>);

/// Where the server is that does what a standby does not, on its way to the edge, which knows the
/// path.
#[derive(Debug, Clone)]
pub(super) struct ActiveServer(pub(super) Arc<str>);

impl Failure {
    /// A failure of this kind, with what is wrong in this case.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let problem = Problem::new(code, detail);
        let problem = match code.status() {
            503 => problem.retry_after_ms(UNAVAILABLE_MS),
            _ => problem,
        };
        Self(Box::new(problem), None)
    }

    /// A value that is out of its bounds.
    pub fn invalid(field: &str, rule: impl std::fmt::Display) -> Self {
        Self::new(Code::InvalidValue, format!("`{field}` {rule}"))
    }

    /// A fault of the server's own, of which the caller is told nothing more.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, "the request could not be handled; its id is in the log")
    }

    /// There is no such deployment.
    #[must_use]
    pub fn no_deployment() -> Self {
        Self::new(Code::DeploymentNotFound, "there is no such deployment")
    }

    /// There is no such lease.
    #[must_use]
    pub fn no_lease() -> Self {
        Self::new(Code::LeaseNotFound, "there is no such lease")
    }

    /// The credential asked for too many leases.
    #[must_use]
    pub fn too_many_leases(retry_after: Duration) -> Self {
        let detail = "this credential has asked for as many leases as it may in a minute";
        let retry_after_ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
        Self::new(Code::TooManyLeases, detail).retry_after_ms(retry_after_ms)
    }

    /// Too many wrong tokens came from the caller's address.
    #[must_use]
    pub fn too_many_failed_logins(retry_after: Duration) -> Self {
        let detail = "too many wrong tokens came from this address";
        let retry_after_ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
        Self::new(Code::TooManyFailedLogins, detail).retry_after_ms(retry_after_ms)
    }

    /// The problem document.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        *self.0
    }

    /// The document.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    /// The URL of the server that does what a standby does not, if that is what is wrong.
    #[must_use]
    pub fn active_server(&self) -> Option<&str> {
        self.1.as_ref().map(|ActiveServer(url)| &**url)
    }

    fn retry_after_ms(mut self, retry_after_ms: u64) -> Self {
        self.0.retry_after_ms = Some(retry_after_ms);
        self
    }

    fn denied(denial: Denial, standing: Option<Standing>) -> Self {
        let unit = denial.unit;
        let mut failure = match denial.state {
            // However much is left: what was granted before is not known.
            quota_core::State::Quarantined => {
                Self::new(Code::Quarantined, "grants of this window may be lost")
            }
            _ => Self::new(Code::Exhausted, format!("not enough {} left", unit.name())),
        };
        if let Some(period) = denial.period {
            let per = quota_api::per(period);
            failure.0.detail = match period {
                Period::Calendar { .. } => format!("{} of this {per}", failure.0.detail),
                Period::Rolling { .. } => format!("{} of the last {per}", failure.0.detail),
            };
            failure.0.per = Some(per);
        }
        let mut failure = failure.retry_after_ms(denial.retry_after_ms);
        failure.0.unit = Some(unit);
        failure.0.state = Some(wire::state(denial.state));
        failure.0.usage = standing.as_ref().map(usage);
        failure
    }
}

impl From<OpError> for Failure {
    fn from(error: OpError) -> Self {
        match error {
            OpError::NoSuchDeployment => Self::no_deployment(),
            OpError::NotYourLease => Self::new(Code::NotYourLease, error.to_string()),
            OpError::NoRoom { retry_after_ms } => {
                Self::new(Code::NoRoom, error.to_string()).retry_after_ms(retry_after_ms)
            }
            OpError::Unavailable(unavailable) => unavailable.into(),
            OpError::Refused { refusal: Refusal::Denied(denial), standing } => {
                Self::denied(denial, standing)
            }
            OpError::Refused { refusal, .. } => refusal.into(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Denied(denial) => return Self::denied(denial, None),
            Refusal::TooEarly { in_ms } => {
                return Self::new(Code::TooEarly, refusal.to_string()).retry_after_ms(in_ms);
            }
            Refusal::NeverFits { unit, period, limit } => {
                let name = unit.name();
                let detail = format!("`{name}.min` is above {limit}, the most there could ever be");
                let mut failure = Self::new(Code::NeverFits, detail);
                failure.0.unit = Some(unit);
                failure.0.per = period.map(quota_api::per);
                return failure;
            }
            Refusal::WantBelowMin | Refusal::NothingAsked => Code::InvalidValue,
            Refusal::NoSuchLease => Code::LeaseNotFound,
            Refusal::NotYours => Code::NotYourLease,
            Refusal::ExceedsLease => Code::ExceedsLease,
            Refusal::OtherWish => Code::RequestIdReused,
            Refusal::LeaseClosed => Code::LeaseClosed,
            Refusal::KindIsFixed => Code::FixedField,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Self {
        let code = match &unavailable {
            Unavailable::CannotWrite => Code::LedgerUnavailable,
            Unavailable::Overloaded => Code::Overloaded,
            Unavailable::Stopping => Code::ShuttingDown,
            Unavailable::Standby(_) => Code::Standby,
        };
        let failure = Self::new(code, unavailable.to_string());
        match unavailable {
            Unavailable::Standby(active) => Self(failure.0, Some(ActiveServer(active))),
            _ => failure,
        }
    }
}

impl From<NotWritten> for Failure {
    fn from(error: NotWritten) -> Self {
        Self::new(Code::AuditUnavailable, error.to_string())
    }
}

impl From<PutError> for Failure {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Unexpected => Self::new(Code::PreconditionFailed, error.to_string()),
            PutError::KindIsFixed => Self::new(Code::FixedField, format!("`window`: {error}")),
            PutError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(problem, active) = self;
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        if let Some(active) = active {
            response.extensions_mut().insert(active);
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if problem.code == Code::TooManyFailedLogins {
            // Each further guess costs a connection.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let (429 | 503, Some(ms)) = (problem.status, problem.retry_after_ms) {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(ms)));
        }
        if let (Code::Exhausted, Some(usage)) = (problem.code, &problem.usage) {
            ratelimit::write(headers, usage, problem.retry_after_ms);
        }
        response
    }
}

/// Rounded up: a client that waits so long waited long enough.
pub(super) fn whole_seconds(ms: u64) -> u64 {
    ms.div_ceil(1_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_are_rounded_up() {
        for (ms, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_940, 60)] {
            assert_eq!(whole_seconds(ms), seconds);
        }
    }

    #[test]
    fn every_503_says_when_to_come_back() {
        for unavailable in
            [Unavailable::CannotWrite, Unavailable::Overloaded, Unavailable::Stopping]
        {
            let response = Failure::from(unavailable).into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], "1");
        }
    }

    #[test]
    fn a_quarantine_is_no_lack_of_quota() {
        for (state, code, status) in [
            (quota_core::State::Quarantined, Code::Quarantined, 503),
            (quota_core::State::Exhausted, Code::Exhausted, 429),
        ] {
            let unit = quota_core::Unit::Tokens;
            let denial = Denial { unit, period: None, retry_after_ms: 41_000, state };
            let problem = Failure::from(Refusal::Denied(denial)).into_problem();
            assert_eq!((problem.code, problem.status), (code, status));
            assert_eq!(problem.retry_after_ms, Some(41_000));
            assert_eq!(problem.state, Some(wire::state(state)));
        }
    }

    #[test]
    fn a_fault_of_our_own_tells_nothing() {
        let problem = Failure::internal().into_problem();
        assert_eq!((problem.status, problem.code), (500, Code::Internal));
    }
}
