use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;

use crate::endpoints::{Asked, Dialect, Endpoint};
use crate::routing::Target;

/// Anthropic's API has this version where a caller says none: the only one that it has had since it
/// is stable.
const ANTHROPIC_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));
/// Of a caller's own headers these go on, at Anthropic's endpoints: they say how its body is to be
/// read.
const ANTHROPIC_CARRIED: [HeaderName; 2] =
    [HeaderName::from_static("anthropic-version"), HeaderName::from_static("anthropic-beta")];

/// What is sent, to whichever deployment is chosen.
pub struct Outgoing<'a> {
    /// Of which endpoint it is.
    pub endpoint: &'static Endpoint,
    /// The request, read.
    pub asked: &'a dyn Asked,
    /// The model, as the caller calls it.
    pub requested: &'a str,
    /// The caller's headers.
    pub caller: &'a HeaderMap,
}

impl Outgoing<'_> {
    pub(super) fn url(&self, target: &Target) -> Url {
        target.url(self.endpoint, self.requested)
    }

    pub(super) fn body(&self, target: &Target, asks_usage: bool) -> Bytes {
        self.asked.body(&target.model_for(self.requested), &target.body, asks_usage)
    }

    /// What goes with it there: the deployment's own headers stand above a caller's.
    pub(super) fn headers(&self, target: &Target) -> HeaderMap {
        let dialect = self.endpoint.dialect;
        let mut headers = HeaderMap::new();
        if dialect == Dialect::Anthropic {
            headers.extend([ANTHROPIC_VERSION]);
            for name in ANTHROPIC_CARRIED {
                let values = self.caller.get_all(&name);
                if values.iter().next().is_some() {
                    headers.remove(&name);
                }
                for value in values {
                    headers.append(name.clone(), value.clone());
                }
            }
        }
        // Where it speaks another protocol it isn't chosen.
        for (name, value) in target.headers(dialect).into_iter().flatten() {
            headers.insert(name, value.clone());
        }
        self.asked.headers(&mut headers);
        headers.entry(ACCEPT).or_insert_with(|| match self.endpoint.is_raw {
            true => HeaderValue::from_static("*/*"),
            false => HeaderValue::from_static("application/json, text/event-stream"),
        });
        // What is compressed would have to be undone for its usage.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers
    }
}
