//! YAML as PyYAML reads it, which LiteLLM's files are written for: a key that is given twice has
//! its last value, `<<` merges, `yes` and `off` are booleans, `010` is 8. Every node knows its
//! line.
//!
//! A scalar is kept as it was written. What it means depends on who asks: `api_version: 2024-10-21`
//! is a text for one that wants a text, whatever YAML makes of it.

mod build;
mod scalar;

pub(super) use build::parse;
pub(super) use scalar::Scalar;

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which of the files that were read, the first is 0.
    pub(super) file: usize,
    /// From 1.
    pub(super) line: usize,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Map),
}

/// Keys and values in the file's order, each key once.
#[derive(Debug, Clone, Default)]
pub(super) struct Map(pub(super) Vec<(YamlKey, Node)>);

#[derive(Debug, Clone)]
pub(super) struct YamlKey {
    pub(super) name: String,
    pub(super) place: Place,
}

/// What is wrong with a file's text.
#[derive(Debug)]
pub(super) struct Unparsed {
    pub(super) place: Place,
    pub(super) what: String,
}

impl Node {
    /// Nothing stands there: `key:` alone, `~` or `null`.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.is_null())
    }

    /// What kind of thing it is, for messages.
    pub(super) const fn kind(&self) -> &'static str {
        match self.value {
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "keys with values",
        }
    }
}

impl Map {
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// Takes what the other has and this one lacks.
    pub(super) fn complete_from(&mut self, other: &Self) {
        for (key, node) in &other.0 {
            if self.get(&key.name).is_none() {
                self.0.push((key.clone(), node.clone()));
            }
        }
    }
}
