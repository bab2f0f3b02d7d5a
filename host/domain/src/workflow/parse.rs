//! From text to a [`Workflow`]: every fault of the document with its place, in one reading.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Concurrency, Fault, Section, Workflow, scope,
    steps::{Steps, is_identifier},
    triggers::triggers,
};
pub(super) use crate::workflow::limits::{DAY, MAX_TIMEOUT};
use crate::{
    document::{Node, Reader, load},
    run::SlotPolicy,
    schema::Schema,
};

/// Keys that stand elsewhere, and where.
const ELSEWHERE: [(&str, &str); 5] = [
    ("cron", "in a trigger under `on`, or in a schedule, which says `kind: schedule`"),
    ("every", "in a trigger under `on`, or in a schedule, which says `kind: schedule`"),
    ("at", "in a trigger under `on`, or in a schedule, which says `kind: schedule`"),
    ("workflow", "in a schedule, which says `kind: schedule`"),
    ("kind", "a workflow's document has no kind; a schedule's says `kind: schedule`"),
];

/// Parses a document and checks everything that can be checked without knowing what is installed.
pub fn parse(source: &str) -> Result<Workflow, Vec<Fault>> {
    let root = load(source)?;
    let mut reader = Reader::default();
    let workflow = workflow(&mut reader, &root);
    if let Some(workflow) = &workflow {
        scope::check(workflow, &mut reader.faults);
    }
    match workflow {
        Some(workflow) if reader.faults.is_empty() => Ok(workflow),
        _ => {
            reader.faults.sort_by_key(|fault| fault.at);
            Err(reader.faults)
        }
    }
}

fn workflow(reader: &mut Reader, root: &Node) -> Option<Workflow> {
    let mut fields = reader.object(root, "")?;
    let name = fields.need(reader, "name").and_then(|node| reader.name(node, "name"));
    let description = fields.take("description").and_then(|node| reader.text(node, "description")).unwrap_or_default();
    let on = fields.need(reader, "on").map(|node| triggers(reader, node)).unwrap_or_default();
    let mut positions = BTreeMap::new();
    let condition = fields.take("if").and_then(|node| {
        positions.insert("if".to_owned(), node.at);
        reader.expression(node, "if")
    });
    let inputs = fields.take("inputs").map(|node| inputs(reader, node)).unwrap_or_default();
    let concurrency = fields.take("concurrency").and_then(|node| {
        positions.insert("concurrency".to_owned(), node.at);
        concurrency(reader, node)
    });
    let undo = fields.take("undo").and_then(|node| reader.flag(node, "undo"));
    let timeout = fields.take("timeout");
    let timeout = timeout.and_then(|node| reader.duration(node, "timeout", Duration::from_secs(1), MAX_TIMEOUT));
    let mut steps = Steps { positions, all: Vec::new() };
    if let Some(node) = fields.need(reader, "steps") {
        steps.section(reader, node, Section::Main);
    }
    for section in [Section::OnFailure, Section::Finally] {
        if let Some(node) = fields.take(section.as_str()) {
            steps.section(reader, node, section);
        }
    }
    for (key, place) in ELSEWHERE {
        if let Some(node) = fields.peek(key) {
            fields.take(key);
            reader.fault(node.at, key, format!("`{key}` does not stand here: {place}"));
        }
    }
    fields.finish(reader);
    let (steps, positions) = steps.finish();
    Some(Workflow {
        name: name?,
        description,
        on,
        condition,
        inputs,
        concurrency,
        undo: undo.unwrap_or(false),
        timeout: timeout.unwrap_or(DAY),
        steps,
        positions,
    })
}

fn concurrency(reader: &mut Reader, node: &Node) -> Option<Concurrency> {
    let mut fields = reader.object(node, "concurrency")?;
    let key = fields.need(reader, "key").and_then(|node| {
        reader.text(node, "concurrency.key")?;
        reader.template(node, "concurrency.key")
    });
    let policies = [SlotPolicy::Queue, SlotPolicy::Skip, SlotPolicy::CancelRunning];
    let policies = policies.map(|policy| (policy.as_str(), policy));
    let policy = fields.take("policy").and_then(|node| reader.choice(node, "concurrency.policy", &policies));
    fields.finish(reader);
    Some(Concurrency { key: key?, policy: policy.unwrap_or(SlotPolicy::Queue) })
}

fn inputs(reader: &mut Reader, node: &Node) -> BTreeMap<String, Schema> {
    let mut inputs = BTreeMap::new();
    let Some(fields) = reader.object(node, "inputs") else { return inputs };
    for (name, node) in fields.all() {
        let path = format!("inputs.{}", name.text);
        if !is_identifier(&name.text) {
            reader.fault(name.at, &path, "an input's name is a word in snake_case");
        }
        let schema = Schema::from(node.value());
        if let Err(error) = schema.validator() {
            reader.fault(node.at, &path, format!("is no JSON Schema: {error}"));
        }
        inputs.insert(name.text.clone(), schema);
    }
    inputs
}
