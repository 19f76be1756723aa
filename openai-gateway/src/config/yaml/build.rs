//! From the parser's events to nodes.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle};

use super::{Map, Node, Place, Scalar, Unparsed, Value, YamlKey};

/// Far above any configuration; it bounds what aliases of aliases can unfold to.
const MAX_NODES: usize = 200_000;
/// Lists and maps in one another: reading them takes the stack.
const MAX_DEPTH: usize = 64;

/// Reads one file's text. The second is what deserves a warning.
pub(in super::super) fn parse(
    text: &str,
    file: usize,
) -> Result<(Node, Vec<(Place, String)>), Unparsed> {
    let mut options = Options::default();
    options.emit_comments = false;
    let mut builder = Builder::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| Unparsed {
            place: Place { file, line: error.marker().line() },
            what: format!("this is not YAML: {}", error.info()),
        })?;
        let place = Place { file, line: span.start.line().max(1) };
        builder.take(event, place).map_err(|what| Unparsed { place, what })?;
    }
    let nothing = Node { place: Place { file, line: 1 }, value: Value::Map(Map::default()) };
    Ok((builder.root.unwrap_or(nothing), builder.warnings))
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    warnings: Vec<(Place, String)>,
}

/// A list or a map whose end has not come.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { map: Map, merged: Vec<Map>, key: Option<YamlKey> },
}

impl Builder {
    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.suffix() == "str");
                let plain = style == ScalarStyle::Plain && !is_text;
                let scalar = Scalar { text: text.into_owned(), plain };
                self.complete(Node { place, value: Value::Scalar(scalar) }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(place, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, _) => {
                let map = Content::Map { map: Map::default(), merged: Vec::new(), key: None };
                self.begin(place, anchor, map)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let mut node = node.ok_or("an alias that stands inside of what it names")?;
                self.count(size(&node))?;
                node.place = place;
                self.complete(node, 0)
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                Err("a second document: the file must be one".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, content: Content) -> Result<(), String> {
        if self.open.len() == MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} lists and maps in one another"));
        }
        self.open.push(Open { place, anchor, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(Open { place, anchor, content }) = self.open.pop() else {
            return Ok(());
        };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map { mut map, merged, .. } => {
                merged.iter().for_each(|merged| map.complete_from(merged));
                Value::Map(map)
            }
        };
        self.complete(Node { place, value }, anchor)
    }

    /// Puts a node where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        self.count(1)?;
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { map, merged, key }) => match key.take() {
                None => *key = Some(as_key(node)?),
                Some(key) if key.name == MERGE => merged.extend(as_merged(node)?),
                Some(key) => {
                    if let Some((there, value)) = map.0.iter_mut().find(|(k, _)| k.name == key.name)
                    {
                        let what = format!(
                            "{} is given again (line {}): the last one counts",
                            key.name, there.place.line
                        );
                        self.warnings.push((key.place, what));
                        (*there, *value) = (key, node);
                    } else {
                        map.0.push((key, node));
                    }
                }
            },
        }
        Ok(())
    }

    fn count(&mut self, more: usize) -> Result<(), String> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            return Err(format!("more than {MAX_NODES} values, with what aliases stand for"));
        }
        Ok(())
    }
}

/// The merge key.
const MERGE: &str = "<<";

fn as_key(node: Node) -> Result<YamlKey, String> {
    match node.value {
        Value::Scalar(scalar) => Ok(YamlKey { name: scalar.text, place: node.place }),
        _ => Err(format!("{} can't be a key", node.kind())),
    }
}

fn as_merged(node: Node) -> Result<Vec<Map>, String> {
    let nodes = match node.value {
        Value::List(nodes) => nodes,
        _ => vec![node],
    };
    let map = |node: Node| match node.value {
        Value::Map(map) => Ok(map),
        _ => Err(format!("<< takes keys with values, not {}", node.kind())),
    };
    nodes.into_iter().map(map).collect()
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::Scalar(_) => 0,
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(map) => map.0.iter().map(|(_, node)| size(node)).sum(),
    }
}
