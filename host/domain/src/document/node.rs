//! A YAML (or JSON) document as a tree in which every node knows its place. Bounded in size and depth; anchors are refused,
//! because a few of them can stand for gigabytes.

use saphyr::{Scalar, ScanError};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

use super::Fault;
pub use crate::document::position::Position;

/// The largest document, in bytes.
pub const MAX_SOURCE: usize = 256 * 1024;
/// How deep a document may nest.
const MAX_DEPTH: usize = 32;

/// A node of the document.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) data: Data,
    /// How many characters stand between its place and its text: a quote or none.
    before: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// Null, a truth value, a number or a string.
    Scalar(Value),
    List(Vec<Node>),
    /// In the order written; names are unique.
    Object(Vec<(Name, Node)>),
}

#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) at: Position,
    pub(crate) text: String,
}

impl Node {
    /// The node without its places.
    pub(crate) fn value(&self) -> Value {
        match &self.data {
            Data::Scalar(value) => value.clone(),
            Data::List(items) => items.iter().map(Self::value).collect(),
            Data::Object(fields) => {
                let fields: Map<String, Value> =
                    fields.iter().map(|(name, node)| (name.text.clone(), node.value())).collect();
                Value::Object(fields)
            }
        }
    }

    /// Its text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The place of one of the characters of its text, as near as it can be told.
    pub(crate) fn character(&self, offset: usize) -> Position {
        self.at.plus(self.before + offset)
    }

    /// A value that has no source as a node: every part stands at the beginning.
    pub(crate) fn without_places(value: &Value) -> Self {
        let at = Position { line: 1, column: 1 };
        let data = match value {
            Value::Array(items) => Data::List(items.iter().map(Self::without_places).collect()),
            Value::Object(fields) => {
                let named =
                    |(name, value): (&String, &Value)| (Name { at, text: name.clone() }, Self::without_places(value));
                Data::Object(fields.iter().map(named).collect())
            }
            scalar => Data::Scalar(scalar.clone()),
        };
        Self { at, data, before: 0 }
    }

    /// The node a JSON pointer leads to, or the deepest one on the way.
    pub(crate) fn at_pointer(&self, pointer: &str) -> &Self {
        let mut node = self;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let next = match &node.data {
                Data::List(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
                Data::Object(fields) => fields.iter().find(|(name, _)| name.text == part).map(|(_, node)| node),
                Data::Scalar(_) => None,
            };
            let Some(next) = next else { break };
            node = next;
        }
        node
    }
}

/// Reads a document; gives the faults that can be told without knowing what it means.
pub(crate) fn load(source: &str) -> Result<Node, Vec<Fault>> {
    let start = Position { line: 1, column: 1 };
    if source.len() > MAX_SOURCE {
        let message = format!("the document has {} bytes: at most {MAX_SOURCE} are allowed", source.len());
        return Err(vec![Fault::new(start, "", message)]);
    }
    let mut loader = Loader { events: Parser::new_from_str(source), faults: Vec::new() };
    let root = loader.document(start);
    match root {
        Ok(root) if loader.faults.is_empty() => Ok(root),
        Ok(_) => Err(loader.faults),
        Err(fault) => {
            loader.faults.push(fault);
            Err(loader.faults)
        }
    }
}

struct Loader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    faults: Vec<Fault>,
}

impl<'a> Loader<'a> {
    fn document(&mut self, start: Position) -> Result<Node, Fault> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                other if root.is_none() => root = Some(self.node(other, span, 0)?),
                _ => return Err(Fault::new(position(span), "", "one document is wanted, and here a second begins")),
            }
        }
        root.ok_or_else(|| Fault::new(start, "", "the document is empty"))
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fault> {
        let at = position(span);
        if depth > MAX_DEPTH {
            return Err(Fault::new(at, "", format!("the document nests deeper than {MAX_DEPTH} levels")));
        }
        let before = match &event {
            Event::Scalar(_, style, ..) => quote(*style),
            _ => 0,
        };
        let data = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_anchor(anchor, at)?;
                let scalar = Scalar::parse_from_cow_and_metadata(text, style, tag.as_ref());
                let scalar = scalar.ok_or_else(|| Fault::new(at, "", "the value does not fit its tag"))?;
                Data::Scalar(scalar_value(&scalar, at)?)
            }
            Event::SequenceStart(anchor, _) => {
                refuse_anchor(anchor, at)?;
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Data::List(items),
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, _) => {
                refuse_anchor(anchor, at)?;
                self.object(depth)?
            }
            _ => return Err(Fault::new(at, "", "anchors and aliases are not allowed: write the value out")),
        };
        Ok(Node { at, data, before })
    }

    fn object(&mut self, depth: usize) -> Result<Data, Fault> {
        let mut fields: Vec<(Name, Node)> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Data::Object(fields));
            }
            let key = self.node(event, span, depth + 1)?;
            let text = match key.data {
                // YAML 1.1 readers took `on` for true; this one keeps it a name, whatever its type.
                Data::Scalar(Value::String(text)) => text,
                Data::Scalar(Value::Null) => String::new(),
                Data::Scalar(other) => other.to_string(),
                _ => return Err(Fault::new(key.at, "", "a name is wanted here, not a list or an object")),
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if fields.iter().any(|(name, _)| name.text == text) {
                self.faults.push(Fault::new(key.at, "", format!("`{text}` is here twice")));
            } else {
                fields.push((Name { at: key.at, text }, value));
            }
        }
    }
}

fn refuse_anchor(anchor: usize, at: Position) -> Result<(), Fault> {
    if anchor == 0 {
        Ok(())
    } else {
        Err(Fault::new(at, "", "anchors and aliases are not allowed: write the value out"))
    }
}

/// How many characters stand between a scalar's place and its text. That of a text in a block is the text's own.
fn quote(style: ScalarStyle) -> usize {
    match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => 0,
    }
}

fn scalar_value(scalar: &Scalar<'_>, at: Position) -> Result<Value, Fault> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(whole) => Value::from(*whole),
        Scalar::FloatingPoint(number) => Number::from_f64(number.into_inner())
            .map(Value::Number)
            .ok_or_else(|| Fault::new(at, "", "a finite number is wanted"))?,
        Scalar::String(text) => Value::String(text.to_string()),
    })
}

fn position(span: Span) -> Position {
    Position { line: span.start.line().max(1), column: span.start.col() + 1 }
}

fn syntax(error: &ScanError) -> Fault {
    let at = Position { line: error.marker().line().max(1), column: error.marker().col() + 1 };
    Fault::new(at, "", format!("is no YAML: {}", error.info()))
}
