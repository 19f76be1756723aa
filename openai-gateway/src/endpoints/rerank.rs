//! `POST /v1/rerank` and `/rerank`, as Jina, Cohere, vLLM and others have it.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{Asked, Endpoint, Received};
use crate::body::{BadRequest, JsonBody};
use crate::config::BodyRules;
use crate::tokens::{Encoding, document_tokens};

pub(super) const RERANK: Endpoint = Endpoint {
    path: "rerank",
    read: |received| Ok(Box::new(Rerank::read(received)?)),
    ..Endpoint::OPENAI
};

/// Defaults of a deployment that mean something here.
const FIELDS: [&str; 3] = ["top_n", "return_documents", "max_chunks_per_doc"];

/// Documents to be put in order.
#[derive(Debug)]
struct Rerank<'a> {
    body: JsonBody<'a>,
    query: &'a RawValue,
    documents: &'a RawValue,
}

impl<'a> Rerank<'a> {
    fn read(received: Received<'a>) -> Result<Self, BadRequest> {
        let body = JsonBody::read(received.body)?;
        let documents = body.required("documents")?;
        if !documents.get().starts_with('[') {
            return Err(BadRequest::about("documents", "must be a list"));
        }
        Ok(Self { query: body.required("query")?, documents, body })
    }
}

impl Asked for Rerank<'_> {
    fn json(&self) -> Option<&JsonBody<'_>> {
        Some(&self.body)
    }

    /// The query is read with each document.
    fn input_tokens(&self, encoding: Encoding) -> u64 {
        document_tokens(self.query, self.documents, encoding)
    }

    fn body(&self, model: &str, rules: &BodyRules, _asks_usage: bool) -> Bytes {
        self.body.for_model(model, rules, |field| FIELDS.contains(&field), |_| ())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn the_query_counts_for_each_document() {
        let headers = HeaderMap::new();
        let count = |body: &str| {
            let read = Rerank::read(Received { headers: &headers, body: body.as_bytes() });
            read.map(|read| read.input_tokens(Encoding::O200k)).map_err(|bad| bad.param)
        };
        assert_eq!(count(r#"{"query":"hello","documents":["hello",{"text":"hello"}]}"#), Ok(4));
        assert_eq!(count(r#"{"query":"hello","documents":"hello"}"#), Err(Some("documents")));
    }
}
