//! The file, and those that it includes.

use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::report::Report;
use super::yaml::{self, Map, Node, Place, Value, YamlKey};

/// The largest file that is read: thousands of deployments.
const MAX_BYTES: u64 = 16 << 20;

/// Everything that was read, as one.
pub(super) struct Files {
    /// Their names, by number.
    pub(super) paths: Vec<PathBuf>,
    /// What they say together.
    pub(super) node: Node,
}

impl Files {
    /// Reads a file and those beside it that it includes, as LiteLLM does: a list of an included
    /// file goes behind the one that is there, any other part takes its place. An included file
    /// includes nothing.
    ///
    /// # Errors
    /// The file itself can't be read. What is wrong in it is in the report.
    pub(super) fn read(path: &Path, report: &mut Report) -> Result<Self, ConfigError> {
        let text = text(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let mut files = Self::of_text(&text, path, report);
        let included = includes(&files.node, report);
        for (name, place) in included {
            let path = path.parent().unwrap_or_else(|| Path::new("")).join(&name);
            match self::text(&path) {
                Ok(text) => files.add(&text, &path, report),
                Err(error) => {
                    let what = format!("include: {}: {error}", path.display());
                    report.mistake(place, what);
                }
            }
        }
        Ok(files)
    }

    /// The same of a text alone. What it includes is not read.
    pub(super) fn of_text(text: &str, path: &Path, report: &mut Report) -> Self {
        Self { paths: vec![path.to_owned()], node: parsed(text, 0, report) }
    }

    fn add(&mut self, text: &str, path: &Path, report: &mut Report) {
        let file = self.paths.len();
        self.paths.push(path.to_owned());
        if let (Value::Map(there), Value::Map(more)) =
            (&mut self.node.value, parsed(text, file, report).value)
        {
            more.0.into_iter().for_each(|(key, node)| include(there, key, node));
        }
    }
}

fn include(there: &mut Map, key: YamlKey, node: Node) {
    let found = there.0.iter_mut().find(|(known, _)| known.name == key.name);
    match (found, node) {
        (
            Some((_, Node { value: Value::List(items), .. })),
            Node { value: Value::List(more), .. },
        ) => {
            items.extend(more);
        }
        (Some(found), node) => *found = (key, node),
        (None, node) => there.0.push((key, node)),
    }
}

/// The names of the files that a file includes; what is no name is told where the file is checked.
fn includes(node: &Node, report: &Report) -> Vec<(String, Place)> {
    let Value::Map(map) = &node.value else {
        return Vec::new();
    };
    let Some(Node { value: Value::List(nodes), .. }) = map.get("include") else {
        return Vec::new();
    };
    let name = |node: &Node| {
        let name = super::section::text(node, &report.environment).ok()?;
        Some((name, node.place))
    };
    nodes.iter().filter_map(name).collect()
}

fn parsed(text: &str, file: usize, report: &mut Report) -> Node {
    match yaml::parse(text, file) {
        Ok((node, warnings)) => {
            report.warnings.extend(warnings);
            node
        }
        Err(error) => {
            report.mistake(error.place, error.what);
            Node { place: error.place, value: Value::Map(Map::default()) }
        }
    }
}

fn text(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > MAX_BYTES {
        return Err(std::io::Error::other(format!("larger than {MAX_BYTES} bytes")));
    }
    std::fs::read_to_string(path)
}
