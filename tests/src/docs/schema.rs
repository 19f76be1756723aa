use serde_json::Value;

/// A schema of the OpenAPI document, in words.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(any) = ["oneOf", "anyOf", "allOf"].iter().find_map(|of| schema[of].as_array()) {
        let kinds: Vec<String> =
            any.iter().filter(|kind| kind["type"] != "null").map(kind).collect();
        return kinds.join(" or ");
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => {
            format!("list of {}", self::kind(&schema["items"]))
        }
        Value::String(kind) if kind == "object" && schema["additionalProperties"].is_object() => {
            format!("map to {}", self::kind(&schema["additionalProperties"]))
        }
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            kinds.collect::<Vec<_>>().join(" or ")
        }
        _ => String::new(),
    }
}

/// The name of the schema that is pointed to.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// Fields in their order: of the schema itself, and of those that it is composed of.
pub(super) fn fields(schema: &Value) -> Vec<[String; 4]> {
    let parts = schema["allOf"].as_array().map_or(&[][..], Vec::as_slice);
    let composed = parts.iter().flat_map(|part| match reference(part) {
        Some(_) => {
            vec![[format!("all of {}", kind(part)), String::new(), String::new(), String::new()]]
        }
        None => fields(part),
    });
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, field)| {
        let needed = if required.contains(&name.as_str()) { "yes" } else { "" };
        [format!("`{name}`"), kind(field), needed.to_owned(), words(&field["description"])]
    });
    composed.chain(own).collect()
}

/// The values that there are, with what they mean where that is told.
pub(super) fn values(schema: &Value) -> Vec<[String; 2]> {
    let row = |value: &Value, words: String| [format!("`{}`", value.as_str().unwrap_or("")), words];
    let plain =
        schema["enum"].as_array().into_iter().flatten().map(|value| row(value, String::new()));
    let told = schema["oneOf"].as_array().into_iter().flatten().filter_map(|one| {
        let value = one["enum"].as_array()?.first()?;
        Some(row(value, words(&one["description"])))
    });
    plain.chain(told).collect()
}

/// A description, without the marks of links between items of the code.
pub(super) fn words(description: &Value) -> String {
    let text = description.as_str().unwrap_or_default();
    let text = text.replace("[`crate::", "`").replace("[`", "`").replace("`]", "`");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
