use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::app::App;

#[derive(Serialize)]
pub(super) struct ModelList {
    object: &'static str,
    data: Vec<Model>,
}

#[derive(Serialize)]
struct Model {
    id: String,
    object: &'static str,
    /// OpenAI's clients want one; a group has no day of birth.
    created: u64,
    owned_by: &'static str,
}

/// `GET /v1/models`: the model groups.
pub(super) async fn list(State(app): State<Arc<App>>) -> Json<ModelList> {
    let model = |name: &str| Model {
        id: name.to_owned(),
        object: "model",
        created: 0,
        owned_by: "tokenlease",
    };
    Json(ModelList {
        object: "list",
        data: app.groups.iter().map(|group| model(&group.name)).collect(),
    })
}
