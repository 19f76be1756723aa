use std::sync::Arc;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::HeaderMap,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    count::{self, Input},
    intake::{Size, Upstream},
    refusal::Refusal,
};

const DIMENSIONS: usize = 8;
const MAX_DIMENSIONS: usize = 3_072;

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    model: String,
    input: Input,
    #[serde(default)]
    dimensions: Option<usize>,
    #[serde(default)]
    encoding_format: Option<String>,
}

/// `POST /v1/embeddings`
pub(crate) async fn create(
    State(upstream): State<Arc<Upstream>>,
    headers: HeaderMap,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(request) = body.map_err(|why| Refusal::Malformed(why.body_text()))?;
    let input = count::of_input(&request.model, &request.input);
    let accepted = upstream.take(&headers, Size { input, max_output: 0, answers: 1 }).await?;
    Ok(Json(answer(&request, accepted.billed_input)))
}

fn answer(request: &Request, tokens: u64) -> Value {
    let embedding = embedding(request);
    let data: Vec<Value> = (0..request.input.len())
        .map(|index| json!({"object": "embedding", "index": index, "embedding": embedding}))
        .collect();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    json!({"object": "list", "data": data, "model": request.model, "usage": usage})
}

/// The vector means nothing; its form is the one that was asked for. OpenAI's own client asks for
/// base64.
fn embedding(request: &Request) -> Value {
    let dimensions = request.dimensions.unwrap_or(DIMENSIONS).min(MAX_DIMENSIONS);
    let vector = vec![0.25_f32; dimensions];
    if request.encoding_format.as_deref() == Some("base64") {
        let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
        json!(STANDARD.encode(bytes))
    } else {
        json!(vector)
    }
}
