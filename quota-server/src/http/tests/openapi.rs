//! The document.

use serde_json::Value;

use crate::http::testing::World;

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.push(reference.clone());
            }
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn it_is_whole() {
    let world = World::new().await;
    let document: Value = world.get("/openapi.json").await.done(200);
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.contains(&"#/components/schemas/Problem".to_owned()));
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} points nowhere");
    }
}

#[tokio::test]
async fn every_call_is_in_it_and_needs_a_token() {
    let world = World::new().await;
    let document: Value = world.get("/openapi.json").await.done(200);
    let index = world.get("/").await.text;
    let lines = index.lines().filter(|line| line.contains(" /v1/"));
    let mut calls = 0;
    for line in lines {
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap().to_lowercase(), words.next().unwrap());
        let operation = &document["paths"][path][&method];
        assert!(operation.is_object(), "{line}");
        assert!(operation["security"][0]["bearer"].is_array(), "{line}");
        for status in ["401", "403", "500", "503"] {
            assert!(operation["responses"][status].is_object(), "{line}: {status}");
        }
        calls += 1;
    }
    assert_eq!(calls, 10);
}
