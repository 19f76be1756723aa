//! What all calls have in common: find the group, draw, send, and try again where another may do
//! better.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use rand::RngExt;
use tokio::time::Instant;

use super::error::ApiError;
use super::limits;
use crate::app::App;
use crate::routing::{Group, Member, Request, Size, Target, Tries};
use crate::upstream::{Answer, Failure, Outgoing, Remedy};

const DEPLOYMENT: HeaderName = HeaderName::from_static("x-tokenlease-deployment");

pub(super) fn find<'a>(app: &'a App, model: &str) -> Result<&'a Group, ApiError> {
    app.groups.find(model).ok_or_else(|| ApiError::model_not_found(model))
}

/// Sends the request to a deployment that has room, and to another when its provider fails. Nothing
/// of an answer has gone to the caller by then.
pub(super) async fn serve(
    app: &App,
    (group, request): (&Group, Request),
    outgoing: &Outgoing<'_>,
    need: &(impl Size<Target> + Sync),
) -> Result<Response, ApiError> {
    let began = Instant::now();
    let mut tries = app.groups.tries(group, request);
    let mut failure: Option<Failure> = None;
    let mut is_added = false;
    // Whose provider refused to be told to end the stream with its usage: after that none is told
    // so.
    let mut refused_usage: Option<Arc<Member>> = None;
    loop {
        let choice = match tries.next(need, &mut app.dice.roll()).await {
            Ok(choice) => choice,
            Err(denial) => {
                app.groups.metrics(tries.group()).denied(denial.refusal);
                let lot = app.dice.roll().random::<f64>();
                let told = || Err(ApiError::denied(group.name(), &denial, lot));
                return failure.map_or_else(told, respond_failure);
            }
        };
        if !is_added {
            app.groups.metrics(group).added(began.elapsed());
            is_added = true;
        }
        let member = Arc::clone(choice.stay.member());
        let failed = match app.upstream.call(choice, outgoing, refused_usage.is_none()).await {
            Ok(answer) => {
                let has_refused = refused_usage.is_some_and(|it| Arc::ptr_eq(&it, &member));
                if has_refused && answer.status.is_success() {
                    member.target.learn_no_stream_options();
                }
                return Ok(respond(answer));
            }
            Err(failed) => failed,
        };
        if failed.remedy == Some(Remedy::Reword) {
            // Of a field that the caller never wrote it is not told.
            tries.again();
            refused_usage = Some(member);
            continue;
        }
        if !goes_on(&mut tries, failed.remedy) {
            return respond_failure(failed);
        }
        app.groups.metrics(group).retried();
        failure = Some(failed);
        if !app.retry_pause.is_zero() {
            tokio::time::sleep(app.retry_pause).await;
        }
    }
}

/// Whether the request may be tried once more.
fn goes_on(tries: &mut Tries<'_>, remedy: Option<Remedy>) -> bool {
    match remedy {
        Some(Remedy::Sibling) => tries.failed(),
        Some(Remedy::Leave(why)) => tries.leave(why),
        Some(Remedy::Reword) | None => false,
    }
}

fn respond_failure(failure: Failure) -> Result<Response, ApiError> {
    (*failure.said).map(respond).map_err(|error| ApiError::from(&error))
}

/// An answer says how much is left. A provider's own denial keeps the provider's headers: its limit
/// is what binds then.
fn respond(answer: Answer) -> Response {
    let mut response = answer.body.into_response();
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    let headers = response.headers_mut();
    headers.insert(DEPLOYMENT, HeaderValue::clone(&answer.member.target.id));
    if answer.status != StatusCode::TOO_MANY_REQUESTS
        && let Some(quota) = answer.member.quota()
    {
        limits::replace(headers, quota);
    }
    response
}
