use quota_api::Code;
use serde_json::Value;

use super::{
    markdown::{Markdown, code},
    schema::{fields, kind, values, words},
};

/// All operations, types and error codes.
pub(super) fn page() -> String {
    let document = quota_server::http::document();
    let document: Value = serde_json::from_str(&document).expect("the server's own document");
    let mut page = Markdown::default();
    page.paragraph(INTRODUCTION);
    page.heading(2, "Operations");
    for (path, methods) in entries(&document["paths"]) {
        for (method, operation) in entries(methods) {
            self::operation(&mut page, &format!("{} {path}", method.to_uppercase()), operation);
        }
    }
    page.heading(2, "Error codes");
    page.paragraph(CODES);
    page.table(["code", "status", "again", "may have happened", "says"], codes());
    page.heading(2, "Types");
    for (name, schema) in entries(&document["components"]["schemas"]) {
        self::schema(&mut page, name, schema);
    }
    page.finish("API reference", "the OpenAPI document")
}

const INTRODUCTION: &str = "\
JSON over HTTP. Requests refuse unknown fields; answers may grow fields, so ignore those that you do not know. Durations, never \
instants: an end counts from before you sent the request, a start from when the answer came. The server has the \
OpenAPI 3.1 document itself at `/openapi.json`; `quota-server openapi` prints it.";

const CODES: &str = "\
Errors are problem documents (RFC 9457, `application/problem+json`) with a stable `code`. *Again*: the same request, repeated \
later, can succeed. *May have happened*: it may have taken effect all the same; repeating is safe either way, since requests \
carry ids and running totals.";

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

fn operation(page: &mut Markdown, title: &str, operation: &Value) {
    page.heading(3, &code(title));
    let summary = words(&operation["summary"]);
    page.paragraph(&if summary.is_empty() { summary } else { format!("{summary}.") });
    page.paragraph(&words(&operation["description"]));
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|parameter| {
        let name = code(parameter["name"].as_str().unwrap_or_default());
        let place = parameter["in"].as_str().unwrap_or_default().to_owned();
        [name, place, kind(&parameter["schema"]), words(&parameter["description"])]
    });
    page.table(["parameter", "in", "type", "is"], parameters.collect());
    let body = content(&operation["requestBody"]);
    if !body.is_empty() {
        page.paragraph(&format!("Body: {body}"));
    }
    let answers = entries(&operation["responses"])
        .map(|(status, answer)| [status.clone(), content(answer), words(&answer["description"])]);
    page.table(["status", "body", "when"], answers.collect());
}

fn content(of: &Value) -> String {
    let kinds = entries(&of["content"]).map(|(media, content)| {
        let kind = kind(&content["schema"]);
        if media.contains("json") { kind } else { media.clone() }
    });
    kinds.collect::<Vec<_>>().join(" or ")
}

fn codes() -> Vec<[String; 5]> {
    let yes = |is: bool| if is { "yes" } else { "" }.to_owned();
    let row = |each: &Code| {
        let (name, status) = (code(each.as_str()), each.status().to_string());
        let (again, happened) = (yes(each.is_retryable()), yes(each.may_have_happened()));
        [name, status, again, happened, each.title().to_owned()]
    };
    Code::ALL.iter().map(row).collect()
}

fn schema(page: &mut Markdown, name: &str, schema: &Value) {
    page.heading(3, name);
    page.paragraph(&words(&schema["description"]));
    page.table(["field", "type", "always", "is"], fields(schema));
    page.table(["value", "is"], values(schema));
}
