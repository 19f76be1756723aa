use serde::Serialize;

use crate::{State, Unit, Usage};

/// An error, as an RFC 9457 problem document (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A URI reference that names the kind of problem: `/problems/` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request.
    pub detail: String,
    /// The kind, for programs.
    pub code: Code,
    /// When asking again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The deployment's state, with a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// The unit that ran out, with a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The period that it ran out in, with a denial by a limit over a longer period than the
    /// window: `day`, `24h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// How full the window is, with a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl Problem {
    /// A problem of this kind, with what is wrong in this case.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            retry_after_ms: None,
            state: None,
            unit: None,
            per: None,
            usage: None,
        }
    }

    /// The same, with when asking again makes sense.
    #[must_use]
    pub fn retry_after_ms(self, retry_after_ms: u64) -> Self {
        Self { retry_after_ms: Some(retry_after_ms), ..self }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = match self.code {
            Code::Unknown(_) => self.kind.as_str(),
            known => known.as_str(),
        };
        write!(f, "{code}: {}", self.detail)
    }
}

impl std::error::Error for Problem {}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal, $status:literal, $retry:literal, $happened:literal, $title:literal;)*) => {
        /// What kind of problem it is: stable, for programs. Every code answers three questions:
        /// its [`Code::status`], whether the same request can succeed later
        /// ([`Code::may_have_happened`]). Of a code that only a newer server has, its status
        /// answers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// One that this reader does not know, with the status that it came with. Never sent.
            Unknown(u16),
        }

        impl Code {
            /// All codes that there are here.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* Self::Unknown(_) => "unknown" }
            }

            /// The HTTP status that it goes with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* Self::Unknown(status) => status }
            }

            /// Whether the same request, repeated later, can succeed.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                match self {
                    $(Self::$name => $retry,)*
                    Self::Unknown(status) => matches!(status, 300..=399 | 408 | 425 | 429 | 500..),
                }
            }

            /// Whether the request may have taken effect all the same. Repeating it is safe either
            /// way: requests carry ids and running totals.
            #[must_use]
            pub const fn may_have_happened(self) -> bool {
                match self {
                    $(Self::$name => $happened,)*
                    Self::Unknown(status) => matches!(status, 0..=299 | 408 | 500..),
                }
            }

            /// The kind in words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* Self::Unknown(_) => "An error of a newer kind" }
            }

            /// The code of this name, or what is known of another: the status that it came with.
            #[must_use]
            pub fn named(name: &str, status: u16) -> Self {
                match name { $($wire => Self::$name,)* _ => Self::Unknown(status) }
            }
        }
    };
}

codes! {
    /// Another server is the active one: `Location` names it.
    Standby = "standby", 307, true, false, "This server is a standby";
    /// The body is not JSON, or not of the call's shape: a wrong type, an unknown field.
    MalformedBody = "malformed_body", 400, false, false, "The body is not what this call takes";
    /// A path or query parameter is not of the call's shape.
    MalformedParameter = "malformed_parameter", 400, false, false, "A parameter is not what this call takes";
    /// No token, or one that is not known.
    Unauthenticated = "unauthenticated", 401, false, false, "A bearer token is needed";
    /// The token's role may not do this.
    Forbidden = "forbidden", 403, false, false, "This role may not do this";
    /// The lease was acquired with another credential.
    NotYourLease = "not_your_lease", 403, false, false, "The lease belongs to another credential";
    /// No such route.
    NoSuchRoute = "no_such_route", 404, false, false, "There is nothing at this path";
    /// No such deployment.
    DeploymentNotFound = "deployment_not_found", 404, false, false, "There is no such deployment";
    /// No such lease.
    LeaseNotFound = "lease_not_found", 404, false, false, "There is no such lease";
    /// The route is there, but not with this method.
    MethodNotAllowed = "method_not_allowed", 405, false, false, "This path has no such method";
    /// The request did not arrive in time.
    RequestTimeout = "request_timeout", 408, true, true, "The request took too long";
    /// The next window was asked for too long before it opens.
    TooEarly = "too_early", 409, true, false, "The next window cannot be asked for yet";
    /// The same `request_id` asked for something else before.
    RequestIdReused = "request_id_reused", 409, false, false, "This `request_id` asked for something else before";
    /// The lease that this `request_id` was given is closed.
    LeaseClosed = "lease_closed", 409, false, false, "The lease of this `request_id` is closed";
    /// A field that is fixed at a deployment's making would change.
    FixedField = "fixed_field", 409, false, false, "This field is fixed once the deployment is made";
    /// `If-Match` does not hold.
    PreconditionFailed = "precondition_failed", 412, false, false, "The deployment has changed since";
    /// The body is larger than the server takes.
    BodyTooLarge = "body_too_large", 413, false, false, "The body is too large";
    /// The body is not `application/json`.
    UnsupportedMediaType = "unsupported_media_type", 415, false, false, "The body must be application/json";
    /// A value is out of its bounds.
    InvalidValue = "invalid_value", 422, false, false, "A value is out of its bounds";
    /// `min` is above the limit itself, so it can never be granted.
    NeverFits = "never_fits", 422, false, false, "More than the limit itself";
    /// There are as many deployments as there may be.
    TooManyDeployments = "too_many_deployments", 422, false, false, "Too many deployments";
    /// More was given back or used than was leased.
    ExceedsLease = "exceeds_lease", 422, false, false, "More than the lease held";
    /// The window has not enough left.
    Exhausted = "exhausted", 429, true, false, "The window has not enough left";
    /// The credential asked for more leases than it may in a minute.
    TooManyLeases = "too_many_leases", 429, true, false, "Too many leases asked for";
    /// The server keeps as many leases as it has memory for, in all or for this credential.
    NoRoom = "no_room", 429, true, false, "No room for more leases";
    /// Too many wrong tokens came from the caller's address.
    TooManyFailedLogins = "too_many_failed_logins", 429, true, false, "Too many wrong tokens";
    /// Too many requests at once for this server.
    Overloaded = "overloaded", 503, true, false, "The server has too much to do";
    /// The window's ledger cannot be vouched for.
    Quarantined = "quarantined", 503, true, false, "The window is quarantined";
    /// The ledger does not answer, or cannot write.
    LedgerUnavailable = "ledger_unavailable", 503, true, true, "The ledger is away";
    /// The audit log cannot be written, so nothing is changed.
    AuditUnavailable = "audit_unavailable", 503, true, false, "The audit log cannot be written";
    /// The server is stopping.
    ShuttingDown = "shutting_down", 503, true, false, "The server is stopping";
    /// A fault of the server's own.
    Internal = "internal", 500, true, true, "A fault of the server's own";
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The derive would put [`Code::Unknown`] into the document.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Code {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some(
                "What kind of problem it is: stable, for programs. Codes are only ever added, so a reader judges \
                 one that it does not know by the status.",
            ))
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Code {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_by_its_name() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(Code::named(code.as_str(), 599), *code);
        }
    }

    #[test]
    fn a_code_of_a_newer_server_is_judged_by_its_status() {
        for status in [400, 401, 404, 409, 418, 422] {
            assert!(!Code::named("newer", status).is_retryable(), "{status}");
        }
        for status in [307, 408, 429, 500, 503, 599, 999] {
            assert!(Code::named("newer", status).is_retryable(), "{status}");
        }
        assert!(Code::named("newer", 500).may_have_happened());
        assert!(!Code::named("newer", 422).may_have_happened());
    }

    #[test]
    fn every_status_tells_that_it_was_not_done_here() {
        assert!(Code::ALL.iter().all(|code| (300..600).contains(&code.status())));
    }
}
