use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use super::dispatch::find;
use super::error::ApiError;
use crate::app::App;

#[derive(Serialize)]
pub(super) struct ModelList {
    object: &'static str,
    data: Vec<Model>,
}

#[derive(Serialize)]
pub(super) struct Model {
    id: String,
    object: &'static str,
    /// OpenAI's clients want one; a group has no day of birth.
    created: u64,
    owned_by: &'static str,
}

impl Model {
    fn named(name: &str) -> Self {
        Self { id: name.to_owned(), object: "model", created: 0, owned_by: "tokenlease" }
    }
}

/// `GET /v1/models`: the model groups.
pub(super) async fn list(State(app): State<Arc<App>>) -> Json<ModelList> {
    let names = app.groups.listed().iter();
    Json(ModelList { object: "list", data: names.map(|name| Model::named(name)).collect() })
}

/// `GET /v1/models/{model}`: one of them. Names may have slashes in them.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<Model>, ApiError> {
    find(&app, &name)?;
    Ok(Json(Model::named(&name)))
}
