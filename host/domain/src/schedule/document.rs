//! The document of a schedule: which workflow runs when, under which terms and with which inputs. YAML or JSON; every fault
//! of it with its place, in one reading. Reads no clock and knows nothing of what is installed.

use serde_json::{Map, Value, json};

use super::{Terms, terms};
use crate::{
    document::{Fault, Fields, Node, Position, Reader, load},
    expression::{Path, Template},
};

/// The JSON Schema (2020-12) of a schedule's document, as it is published. It knows the parser's keys, types and limits; what
/// a cron expression means, and how times stand to each other, it cannot see.
pub const SCHEMA: &str = include_str!("../../../../docs/schedule.schema.json");

/// What `kind` says in the document of a schedule.
pub const KIND: &str = "schedule";

/// The fields of `trigger` in a run that a schedule started.
pub const TRIGGER: [&str; 5] = ["type", "at", "schedule", "tick", "kind"];

/// A checked document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The schedule's name: 1 to 64 of `a-z 0-9 -`, beginning with a letter.
    pub name: String,
    /// The workflow it starts, a name of the same form. Whether there is one is not known here.
    pub workflow: String,
    /// The inputs as they were written: an object, whose texts may hold `${{ trigger.… }}`.
    pub inputs: Value,
    /// When, and under which rules.
    pub terms: Terms,
}

impl Document {
    /// The document as JSON, without what would hold anyway. [`parse`] reads the same document from its text.
    pub fn to_value(&self) -> Value {
        let mut written = Map::new();
        written.insert("kind".to_owned(), json!(KIND));
        written.insert("name".to_owned(), json!(self.name));
        written.insert("workflow".to_owned(), json!(self.workflow));
        if let Value::Object(terms) = self.terms.to_document() {
            written.extend(terms);
        }
        if self.inputs.as_object().is_some_and(|inputs| !inputs.is_empty()) {
            written.insert("inputs".to_owned(), self.inputs.clone());
        }
        Value::Object(written)
    }
}

/// Parses a document, YAML or JSON, and checks everything that can be checked without knowing what is installed. Gives every
/// fault, in the order of their places.
pub fn parse(source: &str) -> Result<Document, Vec<Fault>> {
    let root = load(source)?;
    let mut reader = Reader::default();
    let document = document(&mut reader, &root);
    finish(reader, document)
}

/// Reads terms from what [`Terms::to_document`] wrote. The places of faults say nothing.
pub fn from_value(value: &Value) -> Result<Terms, Vec<Fault>> {
    let root = Node::without_places(value);
    let mut reader = Reader::default();
    let terms = reader.object(&root, "").and_then(|mut fields| {
        let terms = terms::read(&mut reader, &mut fields);
        fields.finish(&mut reader);
        terms
    });
    finish(reader, terms)
}

fn finish<T>(mut reader: Reader, read: Option<T>) -> Result<T, Vec<Fault>> {
    match read {
        Some(read) if reader.faults.is_empty() => Ok(read),
        _ => {
            reader.faults.sort_by_key(|fault| fault.at);
            Err(reader.faults)
        }
    }
}

fn document(reader: &mut Reader, root: &Node) -> Option<Document> {
    let mut fields = reader.object(root, "")?;
    if let Some(node) = fields.take("kind") {
        reader.choice(node, "kind", &[(KIND, ())]);
    }
    let name = fields.need(reader, "name").and_then(|node| reader.name(node, "name"));
    let workflow = fields.need(reader, "workflow").and_then(|node| reader.name(node, "workflow"));
    let terms = terms::read(reader, &mut fields);
    let inputs = inputs(reader, &mut fields);
    fields.finish(reader);
    Some(Document { name: name?, workflow: workflow?, inputs: inputs?, terms: terms? })
}

fn inputs(reader: &mut Reader, fields: &mut Fields<'_>) -> Option<Value> {
    let Some(node) = fields.take("inputs") else { return Some(json!({})) };
    let template = reader.object_template(node, "inputs")?;
    for (pointer, message) in unknown_names(&template) {
        let at: Position = node.at_pointer(&pointer).at;
        reader.fault(at, &format!("inputs{}", pointer.replace('/', ".")), message);
    }
    Some(template.source().clone())
}

/// What the inputs of a schedule read and do not have, by place: there is no incident, and the trigger is a tick.
fn unknown_names(inputs: &Template) -> Vec<(String, String)> {
    let expressions = inputs.expressions();
    let reads = expressions
        .iter()
        .flat_map(|(pointer, expression)| expression.paths().iter().map(move |path| (pointer.clone(), path)));
    reads.filter_map(|(pointer, path)| Some((pointer, unknown_name(path)?))).collect()
}

/// Why a name cannot be read in the inputs of a tick's run.
fn unknown_name(path: &Path) -> Option<String> {
    match path.names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["trigger"] | [] => None,
        ["trigger", field, ..] => unknown_field(field),
        [root, ..] => Some(format!("{root} is not in scope here: only trigger is")),
    }
}

/// Why a field of `trigger` cannot be read in a run that a schedule started.
pub(crate) fn unknown_field(field: &str) -> Option<String> {
    (!TRIGGER.contains(&field)).then(|| format!("trigger has no {field} here: it has {}", TRIGGER.join(", ")))
}
