//! From text to a [`Workflow`]: every fault of the document with its place, in one reading.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    AlertChange, Concurrency, Direction, Entry, Fault, Section, Trigger, TriggerKind, Workflow, scope,
    steps::{Steps, is_identifier, signal_name},
};
use crate::domain::{
    alert::Labels,
    document::{Data, Node, Reader, load},
    person::AccessRole,
    run::{RunStatus, SlotPolicy},
    schema::Schema,
};

pub(super) const DAY: Duration = Duration::from_hours(24);
/// The longest run, waiting included.
pub(super) const MAX_TIMEOUT: Duration = Duration::from_hours(24 * 30);

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

fn triggers(reader: &mut Reader, node: &Node) -> Vec<Trigger> {
    let items = reader.list(node, "on");
    if items.is_empty() {
        reader.fault(node.at, "on", "at least one trigger is wanted, such as `- manual: {}`");
    }
    let each = items.iter().enumerate();
    each.filter_map(|(index, node)| trigger(reader, node, &format!("on[{index}]"))).collect()
}

fn trigger(reader: &mut Reader, node: &Node, path: &str) -> Option<Trigger> {
    let mut fields = reader.object(node, path)?;
    let mut kinds = Vec::new();
    if let Some(stage) = fields.take("stage") {
        let entries = [("first", Entry::First), ("any", Entry::Any)];
        let entry = fields.take("entry").and_then(|node| reader.choice(node, &fields.path("entry"), &entries));
        let stage = reader.word(stage, &fields.path("stage"));
        kinds.push(stage.map(|stage| TriggerKind::Stage { stage, entry: entry.unwrap_or(Entry::First) }));
    }
    if let Some(node) = fields.take("left") {
        let stage = reader.word(node, &fields.path("left"));
        kinds.push(stage.map(|stage| TriggerKind::Left { stage }));
    }
    if let Some(node) = fields.take("severity") {
        let words = [("raised", Direction::Raised), ("lowered", Direction::Lowered), ("changed", Direction::Changed)];
        let direction = reader.choice(node, &fields.path("severity"), &words);
        kinds.push(direction.map(|direction| TriggerKind::Severity { direction }));
    }
    if let Some(node) = fields.take("role") {
        kinds.push(reader.text(node, &fields.path("role")).map(|role| TriggerKind::Role { role }));
    }
    if let Some(node) = fields.take("run_finished") {
        let path = fields.path("run_finished");
        kinds.push(run_trigger(reader, node, &path));
    }
    if let Some(alert) = fields.take("alert") {
        let path = fields.path("alert");
        kinds.push(alert_trigger(reader, alert, &path));
    }
    if let Some(node) = fields.take("becomes") {
        let condition = reader.expression(node, &fields.path("becomes"));
        kinds.push(condition.map(|condition| TriggerKind::Becomes { condition }));
    }
    if let Some(node) = fields.take("signal") {
        let name = signal_name(reader, node, &fields.path("signal"));
        kinds.push(name.map(|name| TriggerKind::Signal { name }));
    }
    if let Some(node) = fields.take("called") {
        let empty = matches!(node.data, Data::Scalar(Value::Null)) || {
            let path = fields.path("called");
            reader.object(node, &path).map(|fields| fields.finish(reader)).is_some()
        };
        kinds.push(empty.then_some(TriggerKind::Called));
    }
    if let Some(manual) = fields.take("manual") {
        let path = fields.path("manual");
        kinds.push(manual_trigger(reader, manual, &path));
    }
    let with_path = fields.path("with");
    let with = fields.take("with").and_then(|node| reader.object_template(node, &with_path));
    let at = fields.at;
    fields.finish(reader);
    if kinds.len() != 1 {
        let kinds =
            "`stage`, `left`, `severity`, `role`, `becomes`, `alert`, `run_finished`, `signal`, `called` or `manual`";
        reader.fault(at, path, format!("one of {kinds} is wanted in each trigger"));
    }
    kinds.pop().flatten().map(|kind| Trigger { kind, with, at })
}

fn alert_trigger(reader: &mut Reader, node: &Node, path: &str) -> Option<TriggerKind> {
    let mut fields = reader.object(node, path)?;
    let statuses =
        [("firing", AlertChange::Firing), ("resolved", AlertChange::Resolved), ("refired", AlertChange::Refired)];
    let status = fields.take("status").and_then(|node| reader.choice(node, &fields.path("status"), &statuses));
    let mut labels = Labels::new();
    let labels_path = fields.path("labels");
    if let Some(given) = fields.take("labels").and_then(|node| reader.object(node, &labels_path)) {
        for (name, node) in given.all() {
            if let Some(value) = reader.text(node, &given.path(&name.text)) {
                labels.insert(name.text.clone(), value);
            }
        }
    }
    fields.finish(reader);
    Some(TriggerKind::Alert { status, labels })
}

fn run_trigger(reader: &mut Reader, node: &Node, path: &str) -> Option<TriggerKind> {
    let mut fields = reader.object(node, path)?;
    let workflow_path = fields.path("workflow");
    let workflow = fields.take("workflow").and_then(|node| reader.name(node, &workflow_path));
    let ends = [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Rejected, RunStatus::Canceled, RunStatus::TimedOut];
    let ends = ends.map(|status| (status.as_str(), status));
    let path = fields.path("status");
    let mut status = Vec::new();
    match fields.take("status") {
        Some(node @ Node { data: Data::List(items), .. }) => {
            if items.is_empty() {
                reader.fault(node.at, &path, "at least one status is wanted");
            }
            status.extend(items.iter().filter_map(|node| reader.choice(node, &path, &ends)));
        }
        Some(node) => status.extend(reader.choice(node, &path, &ends)),
        None => {}
    }
    fields.finish(reader);
    Some(TriggerKind::RunFinished { workflow, status })
}

fn manual_trigger(reader: &mut Reader, node: &Node, path: &str) -> Option<TriggerKind> {
    if matches!(node.data, Data::Scalar(Value::Null)) {
        return Some(TriggerKind::Manual { allow: Vec::new() });
    }
    let mut fields = reader.object(node, path)?;
    let roles = [
        ("viewer", AccessRole::Viewer),
        ("responder", AccessRole::Responder),
        ("engineer", AccessRole::Engineer),
        ("admin", AccessRole::Admin),
    ];
    let allow_path = fields.path("allow");
    let mut allow = Vec::new();
    if let Some(node) = fields.take("allow") {
        for item in reader.list(node, &allow_path) {
            allow.extend(reader.choice(item, &allow_path, &roles));
        }
    }
    fields.finish(reader);
    Some(TriggerKind::Manual { allow })
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
