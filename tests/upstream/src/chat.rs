use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    count::{self, Message},
    intake::{Accepted, Size, Upstream},
    refusal::Refusal,
};

/// The output that a request allows which names no maximum.
const DEFAULT_MAX_OUTPUT: u64 = 16;
/// The most words of an answer that are really written; `usage` counts all.
const MAX_WORDS: u64 = 64;

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
    #[serde(default)]
    n: Option<u64>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

impl Request {
    fn size(&self) -> Size {
        let max_output = self.max_completion_tokens.or(self.max_tokens);
        Size {
            input: count::of_messages(&self.model, &self.messages),
            max_output: max_output.unwrap_or(DEFAULT_MAX_OUTPUT),
            answers: self.n.unwrap_or(1),
        }
    }

    fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage)
    }
}

/// `POST /v1/chat/completions`
pub(crate) async fn create(
    State(upstream): State<Arc<Upstream>>,
    headers: HeaderMap,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(request) = body.map_err(|why| Refusal::Malformed(why.body_text()))?;
    let accepted = upstream.take(&headers, request.size()).await?;
    if request.stream {
        let gap = Duration::from_millis(upstream.settings.chunk_gap_ms);
        return Ok(Sse::new(events(&request, accepted, gap)).into_response());
    }
    Ok(Json(answer(&request, accepted)).into_response())
}

fn answer(request: &Request, accepted: Accepted) -> Value {
    let message = json!({"role": "assistant", "content": words(accepted).concat()});
    let choices: Vec<Value> = (0..request.n.unwrap_or(1))
        .map(|index| json!({"index": index, "message": message, "finish_reason": "stop"}))
        .collect();
    let mut answer = envelope(request, "chat.completion", &choices);
    answer["usage"] = usage(accepted);
    answer
}

/// One chunk a word, the end, the usage if it was asked for, and `[DONE]`.
fn events(
    request: &Request,
    accepted: Accepted,
    gap: Duration,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let mut chunks = vec![chunk(request, &json!({"role": "assistant", "content": ""}), None)];
    chunks
        .extend(words(accepted).iter().map(|word| chunk(request, &json!({"content": word}), None)));
    chunks.push(chunk(request, &json!({}), Some("stop")));
    if request.wants_usage() {
        let mut last = envelope(request, "chat.completion.chunk", &[]);
        last["usage"] = usage(accepted);
        chunks.push(last);
    }
    let events = chunks.into_iter().map(|chunk| Event::default().data(chunk.to_string()));
    let events = events.chain([Event::default().data("[DONE]")]).enumerate();
    stream::iter(events).then(move |(index, event)| async move {
        if index > 0 && !gap.is_zero() {
            tokio::time::sleep(gap).await;
        }
        Ok(event)
    })
}

fn chunk(request: &Request, delta: &Value, finish_reason: Option<&str>) -> Value {
    let choices: Vec<Value> = (0..request.n.unwrap_or(1))
        .map(|index| json!({"index": index, "delta": delta, "finish_reason": finish_reason}))
        .collect();
    envelope(request, "chat.completion.chunk", &choices)
}

fn envelope(request: &Request, object: &str, choices: &[Value]) -> Value {
    json!({"id": "chatcmpl-upstream", "object": object, "created": 0, "model": request.model,
        "choices": choices})
}

fn words(accepted: Accepted) -> Vec<&'static str> {
    (0..accepted.output.min(MAX_WORDS)).map(|_| "word ").collect()
}

fn usage(accepted: Accepted) -> Value {
    json!({"prompt_tokens": accepted.billed_input, "completion_tokens": accepted.billed_output,
        "total_tokens": accepted.billed_input + accepted.billed_output})
}
