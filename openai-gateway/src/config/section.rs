//! A part of the file, as keys that are taken one by one. What a key means is said where it is
//! taken; what happens to those that nobody takes, the table of [`keys`](super::keys) says.

use std::time::Duration;

use serde_json::Value as Json;

use super::keys::{self, Part, Treatment};
use super::reference::Environment;
use super::report::Report;
use super::yaml::{Map, Node, Place, Scalar, Value, YamlKey};

/// The longest time that a setting may ask for.
const MAX_SECONDS: f64 = 86_400.0;

pub(super) struct Section<'a> {
    part: Part,
    /// As a reader of the file would write it: `model_list[0].litellm_params`.
    path: String,
    pub(super) place: Place,
    left: Vec<(&'a YamlKey, &'a Node)>,
}

impl<'a> Section<'a> {
    /// Nothing under its key is an empty one.
    pub(super) fn of(node: &'a Node, part: Part, path: String, report: &mut Report) -> Self {
        let left = match &node.value {
            Value::Map(Map(entries)) => entries.iter().map(|(key, node)| (key, node)).collect(),
            _ if node.is_null() => Vec::new(),
            _ => {
                let path = if path.is_empty() { "the file" } else { &path };
                let what = format!("{path}: keys with values belong here, not {}", node.kind());
                report.mistake(node.place, what);
                Vec::new()
            }
        };
        Self { part, path, place: node.place, left }
    }

    /// The node of a key, unless nothing stands there. It then counts as read.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a Node> {
        debug_assert!(
            keys::treatment(self.part, name) == Some(Treatment::Obeyed),
            "the table of keys doesn't say that {name} of {:?} is obeyed",
            self.part
        );
        let index = self.left.iter().position(|(key, _)| key.name == name)?;
        let (_, node) = self.left.remove(index);
        (!node.is_null()).then_some(node)
    }

    /// What a key says, if it is there and says something that can be read.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        report: &mut Report,
        read: impl FnOnce(&'a Node, &Environment) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.take(name)?;
        match read(node, &report.environment) {
            Ok(value) => Some(value),
            Err(what) => {
                report.mistake(node.place, format!("{}: {what}", self.at(name)));
                None
            }
        }
    }

    pub(super) fn text(&mut self, name: &str, report: &mut Report) -> Option<String> {
        self.read(name, report, text)
    }

    pub(super) fn flag(&mut self, name: &str, report: &mut Report) -> Option<bool> {
        self.read(name, report, flag)
    }

    pub(super) fn whole(&mut self, name: &str, report: &mut Report) -> Option<u64> {
        self.read(name, report, whole)
    }

    /// A whole number that a 32-bit one holds; a larger one is as good as none.
    pub(super) fn count(&mut self, name: &str, report: &mut Report) -> Option<u32> {
        self.whole(name, report).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// A number of 0 or more.
    pub(super) fn number(&mut self, name: &str, report: &mut Report) -> Option<f64> {
        self.read(name, report, not_negative)
    }

    /// A time of 0 or more.
    pub(super) fn seconds(&mut self, name: &str, report: &mut Report) -> Option<Duration> {
        self.read(name, report, seconds)
    }

    /// A time above 0.
    pub(super) fn time_out(&mut self, name: &str, report: &mut Report) -> Option<Duration> {
        self.read(name, report, |node, environment| match seconds(node, environment)? {
            Duration::ZERO => Err("0 seconds are too short".to_owned()),
            time => Ok(time),
        })
    }

    pub(super) fn texts(&mut self, name: &str, report: &mut Report) -> Option<Vec<String>> {
        self.read(name, report, texts)
    }

    /// Where a key stands that was not taken yet, else the section.
    pub(super) fn place_of(&self, name: &str) -> Place {
        let key = self.left.iter().find(|(key, _)| key.name == name);
        key.map_or(self.place, |(key, _)| key.place)
    }

    /// The path of a key, for messages.
    pub(super) fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// What nobody took and the table doesn't know.
    pub(super) fn take_unknown(&mut self) -> Vec<(&'a YamlKey, &'a Node)> {
        let part = self.part;
        let is_known = |(key, _): &(&YamlKey, &Node)| keys::treatment(part, &key.name).is_some();
        let (known, unknown) = std::mem::take(&mut self.left).into_iter().partition(is_known);
        self.left = known;
        unknown
    }

    /// Says what is not done with the keys that nobody took.
    pub(super) fn close(mut self, report: &mut Report) {
        self.left.sort_by_key(|(key, _)| key.place);
        for (key, node) in &self.left {
            if node.is_null() {
                continue;
            }
            match keys::find(self.part, &key.name) {
                Some(row) if row.treatment == Treatment::Refused => {
                    report.mistake(key.place, format!("{}: {}", self.at(&key.name), row.says));
                }
                None if self.part == Part::Quota => {
                    let what = format!("{}: there is no such setting", self.at(&key.name));
                    report.mistake(key.place, what);
                }
                _ => report.ignore(match self.part {
                    Part::File => key.name.clone(),
                    part => format!("{}.{}", part.path(), key.name),
                }),
            }
        }
    }
}

/// The scalar that a node is, or that the variable holds that it names.
fn scalar(node: &Node, environment: &Environment) -> Result<Scalar, String> {
    match &node.value {
        Value::Scalar(scalar) => environment.resolve(scalar),
        _ => Err(format!("a single value belongs here, not {}", node.kind())),
    }
}

/// A single value as it is written, for messages: what a variable holds may be a key.
pub(super) fn written(node: &Node) -> &str {
    match &node.value {
        Value::Scalar(scalar) => &scalar.text,
        _ => "",
    }
}

pub(super) fn text(node: &Node, environment: &Environment) -> Result<String, String> {
    scalar(node, environment).map(|scalar| scalar.text)
}

pub(super) fn texts(node: &Node, environment: &Environment) -> Result<Vec<String>, String> {
    match &node.value {
        Value::List(nodes) => nodes.iter().map(|node| text(node, environment)).collect(),
        _ => Err(format!("a list belongs here, not {}", node.kind())),
    }
}

fn flag(node: &Node, environment: &Environment) -> Result<bool, String> {
    let scalar = scalar(node, environment)?;
    let plain = Scalar { plain: true, ..scalar };
    plain.as_bool().ok_or_else(|| format!("{:?} is neither true nor false", written(node)))
}

fn number(node: &Node, environment: &Environment) -> Result<f64, String> {
    let scalar = scalar(node, environment)?;
    scalar.as_number().ok_or_else(|| format!("{:?} is not a number", written(node)))
}

fn not_negative(node: &Node, environment: &Environment) -> Result<f64, String> {
    match number(node, environment)? {
        number if number < 0.0 => Err(format!("{} is below 0", written(node))),
        number => Ok(number),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number between 0 and 2^53"
)]
fn whole(node: &Node, environment: &Environment) -> Result<u64, String> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    match not_negative(node, environment)? {
        number if number.fract() != 0.0 => Err(format!("{} is not a whole number", written(node))),
        number if number > MOST => Err(format!("{} is above {MOST}", written(node))),
        number => Ok(number as u64),
    }
}

fn seconds(node: &Node, environment: &Environment) -> Result<Duration, String> {
    match not_negative(node, environment)? {
        seconds if seconds > MAX_SECONDS => {
            Err(format!("{} seconds are more than {MAX_SECONDS}", written(node)))
        }
        seconds => Ok(Duration::from_secs_f64(seconds)),
    }
}

/// As JSON, for what is passed on to a provider.
pub(super) fn json(node: &Node, environment: &Environment) -> Result<Json, String> {
    match &node.value {
        Value::Scalar(scalar) => Ok(environment.resolve(scalar)?.to_json()),
        Value::List(nodes) => nodes.iter().map(|node| json(node, environment)).collect(),
        Value::Map(Map(entries)) => {
            let field =
                |(key, node): &(YamlKey, Node)| Ok((key.name.clone(), json(node, environment)?));
            entries
                .iter()
                .map(field)
                .collect::<Result<serde_json::Map<_, _>, _>>()
                .map(Json::Object)
        }
    }
}
