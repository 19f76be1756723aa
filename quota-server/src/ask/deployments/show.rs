use quota_api::LimitSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Output, Refusal, json, limit};
use crate::ask::call::AskedServer;
use crate::ask::table::pairs;

pub(super) async fn show(
    server: &AskedServer,
    id: &str,
    output: Output,
) -> Result<String, Refusal> {
    let deployment = server.deployment(id).await?;
    Ok(match output {
        Output::Table => pairs(settings(&deployment)),
        Output::Json => json(&deployment),
    })
}

/// All that is set, flat: `lease.life_ms`, `labels.region`, `limits.tokens/day`.
pub(super) fn settings(shown: &impl Serialize) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    flatten("", &serde_json::to_value(shown).unwrap_or_default(), &mut rows);
    rows
}

fn flatten(name: &str, value: &Value, rows: &mut Vec<[String; 2]>) {
    match value {
        Value::Object(fields) => {
            let dot = if name.is_empty() { "" } else { "." };
            for (field, value) in fields {
                flatten(&format!("{name}{dot}{field}"), value, rows);
            }
        }
        Value::Array(entries) => {
            for (at, entry) in entries.iter().enumerate() {
                match LimitSpec::deserialize(entry) {
                    Ok(limit) => {
                        let name = format!("{name}.{}", limit::name(&limit));
                        rows.push([name, limit.most.to_string()]);
                    }
                    Err(_) => flatten(&format!("{name}[{at}]"), entry, rows),
                }
            }
        }
        Value::String(text) => rows.push([name.to_owned(), text.clone()]),
        other => rows.push([name.to_owned(), other.to_string()]),
    }
}
