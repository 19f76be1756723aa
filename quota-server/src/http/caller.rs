//! Who calls, and whether it may.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use edge::Peer;
use edge::same_site::{self, Foreign};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use quota_api::Code;
use tokio::time::Instant;

use super::request_id::X_REQUEST_ID;
use super::{Api, Failure};
use crate::audit::{Author, Refused};
use crate::auth::{Credential, NotAdmitted, Permission, Shown};

/// A caller that has the permission `P`.
pub(super) struct Caller<P> {
    pub(super) credential: Credential,
    permission: PhantomData<P>,
}

/// A permission, as a type: a handler states it in its arguments.
pub(super) trait Needs {
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($($name:ident),*) => {$(
        pub(super) struct $name;

        impl Needs for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )*};
}

needs!(TakeLeases, ReadDeployments, ReadBooks, ChangeDeployments);

impl<P: Needs> FromRequestParts<Arc<Api>> for Caller<P> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let (why, credential) = match admitted(parts, api) {
            Ok(credential) if credential.role.may(P::PERMISSION) => {
                return Ok(Self { credential, permission: PhantomData });
            }
            Ok(credential) => {
                let detail = format!("the role `{}` may not do this", credential.role.as_str());
                (Failure::new(Code::Forbidden, detail), Some(credential))
            }
            Err(why) => (why, None),
        };
        let Origin { from, request_id } = Origin::of(parts);
        let refused = Refused {
            credential: credential.as_ref(),
            from,
            request_id: &request_id,
            method: parts.method.as_str(),
            path: parts.uri.path(),
            outcome: why.problem().code.as_str(),
        };
        api.audit.refused(refused).await;
        Err(why)
    }
}

/// Where a change comes from, for the audit log; [`Caller`] says who, and whether it may.
pub(super) struct Origin {
    from: Option<SocketAddr>,
    request_id: String,
}

impl FromRequestParts<Arc<Api>> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl Origin {
    fn of(parts: &Parts) -> Self {
        let from = parts.extensions.get::<Arc<Peer>>().map(|peer| peer.address);
        let id = parts.headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
        Self { from, request_id: id.unwrap_or_default().to_owned() }
    }
}

impl Caller<ChangeDeployments> {
    pub(super) fn author(self, origin: Origin) -> Author {
        let Origin { from, request_id } = origin;
        Author { credential: self.credential, from, request_id }
    }
}

fn admitted(parts: &Parts, api: &Api) -> Result<Credential, Failure> {
    if api.gate.is_anonymous() {
        same_site::check(&parts.uri, &parts.headers, api.is_local).map_err(foreign)?;
    }
    let peer = parts.extensions.get::<Arc<Peer>>();
    let names = peer.map_or(&[][..], |peer| &peer.names);
    let shown = Shown { token: bearer(&parts.headers), names };
    let from = peer.map(|peer| peer.address.ip());
    Ok(api.gate.admit(shown, from, Instant::now())?)
}

impl From<NotAdmitted> for Failure {
    fn from(why: NotAdmitted) -> Self {
        match why {
            NotAdmitted::Stranger(stranger) => {
                Self::new(Code::Unauthenticated, stranger.to_string())
            }
            NotAdmitted::TooManyFailures { retry_after } => {
                Self::too_many_failed_logins(retry_after)
            }
        }
    }
}

fn foreign(why: Foreign) -> Failure {
    let detail = format!(
        "{why}: a server without tokens answers no page of another site. Give it tokens, or ask it by its own name"
    );
    Failure::new(Code::Forbidden, detail)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
