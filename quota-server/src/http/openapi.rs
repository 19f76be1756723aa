//! The OpenAPI 3.1 document: made from the handlers' annotations, their types, and the problems
//! that each says it can answer.

use std::collections::BTreeMap;

use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use quota_api::{Code, Problem};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref,
    RefOr, Response, ResponseBuilder, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::problem::PROBLEM_JSON;

/// Declares a type that stands for the problems of a call in its `responses(..)`.
macro_rules! problems {
    ($name:ident: $($code:ident),* $(,)?) => {
        struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::http::openapi::by_status(&[$(quota_api::Code::$code),*])
            }
        }
    };
}

pub(super) use problems;

/// What the document says apart from the calls.
pub(super) fn frame() -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of the server's; not needed where none are configured."))
        .build();
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .build();
    let info =
        InfoBuilder::new().title("tokenlease").version(env!("CARGO_PKG_VERSION")).description(
            Some("Leases on parts of a minute's LLM quota, for gateways of many replicas."),
        );
    OpenApiBuilder::new().info(info.build()).components(Some(components)).build()
}

/// Serves the document.
pub(super) fn serve<S: Clone + Send + Sync + 'static>(document: Bytes) -> MethodRouter<S> {
    get(move || std::future::ready(([(CONTENT_TYPE, "application/json")], document.clone())))
}

/// One response for each status that these codes have. Every call can also meet a fault of ours,
/// and where a token can be wrong, too many can be.
pub(super) fn by_status(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut answers: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    let guessed = codes.contains(&Code::Unauthenticated).then_some(&Code::TooManyFailedLogins);
    for &code in codes.iter().chain(guessed).chain([&Code::Internal]) {
        answers.entry(code.status()).or_default().push(code);
    }
    answers
        .into_iter()
        .map(|(status, codes)| (status.to_string(), RefOr::T(response(status, &codes))))
        .collect()
}

fn response(status: u16, codes: &[Code]) -> Response {
    let titles = codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.title()));
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name())));
    let response = ResponseBuilder::new()
        .description(titles.collect::<Vec<_>>().join(" "))
        .content(PROBLEM_JSON, content.build());
    match status {
        307 => response.header("Location", active()).build(),
        429 | 503 => response.header("Retry-After", seconds()).build(),
        _ => response.build(),
    }
}

fn active() -> utoipa::openapi::header::Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .description(Some("The same call on the active server."))
        .build()
}

fn seconds() -> utoipa::openapi::header::Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer).build()))
        .description(Some("When asking again makes sense, in seconds, rounded up."))
        .build()
}
