//! From text to triggers: the part of a document that says what starts the workflow.

use serde_json::Value;

use super::{AlertChange, Direction, Entry, Trigger, TriggerKind, steps::signal_name};
use crate::{
    alert::Labels,
    document::{Data, Fields, Node, Reader},
    milestone::MilestoneKind,
    person::AccessRole,
    run::RunStatus,
    schedule::terms,
};

/// The most triggers of a workflow that are schedules.
pub const MAX_SCHEDULED: usize = 20;

/// What one of the keys of a trigger says; none when its fault was told.
type Kind = Option<TriggerKind>;

pub(super) fn triggers(reader: &mut Reader, node: &Node) -> Vec<Trigger> {
    let items = reader.list(node, "on");
    if items.is_empty() {
        reader.fault(node.at, "on", "at least one trigger is wanted, such as `- manual: {}`");
    }
    let each = items.iter().enumerate();
    let triggers: Vec<Trigger> =
        each.filter_map(|(index, node)| trigger(reader, node, &format!("on[{index}]"))).collect();
    let scheduled = triggers.iter().filter(|trigger| trigger.terms().is_some()).count();
    if scheduled > MAX_SCHEDULED {
        reader.fault(node.at, "on", format!("{scheduled} triggers are schedules: at most {MAX_SCHEDULED} are wanted"));
    }
    triggers
}

fn trigger(reader: &mut Reader, node: &Node, path: &str) -> Option<Trigger> {
    let mut fields = reader.object(node, path)?;
    let mut kinds = of_incidents(reader, &mut fields);
    kinds.extend(of_others(reader, &mut fields));
    if terms::are_in(&fields) {
        kinds.push(terms::read(reader, &mut fields).map(|terms| TriggerKind::Scheduled(Box::new(terms))));
    } else {
        terms::refuse(reader, &mut fields);
    }
    let with_path = fields.path("with");
    let with = fields.take("with").and_then(|node| reader.object_template(node, &with_path));
    let at = fields.at;
    fields.finish(reader);
    if kinds.len() != 1 {
        let kinds = "`stage`, `left`, `severity`, `role`, `becomes`, `alert`, `event`, `timer`, `run_finished`, \
                     `schedule_failing`, `signal`, `called`, `manual`, `cron`, `every` or `at`";
        reader.fault(at, path, format!("one of {kinds} is wanted in each trigger"));
    }
    kinds.pop().flatten().map(|kind| Trigger { kind, with, at })
}

/// What happens to incidents.
fn of_incidents(reader: &mut Reader, fields: &mut Fields<'_>) -> Vec<Kind> {
    let mut kinds = Vec::new();
    let entry = fields.take("entry");
    if let Some(node) = entry.filter(|_| fields.peek("stage").is_none()) {
        reader.fault(node.at, &fields.path("entry"), "`entry` belongs to `stage`");
    }
    if let Some(stage) = fields.take("stage") {
        let entries = [("first", Entry::First), ("any", Entry::Any)];
        let entry = entry.and_then(|node| reader.choice(node, &fields.path("entry"), &entries));
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
    if let Some(alert) = fields.take("alert") {
        let path = fields.path("alert");
        kinds.push(alert_trigger(reader, alert, &path));
    }
    if let Some(node) = fields.take("becomes") {
        let condition = reader.expression(node, &fields.path("becomes"));
        kinds.push(condition.map(|condition| TriggerKind::Becomes { condition }));
    }
    if let Some(node) = fields.take("event") {
        let path = fields.path("event");
        kinds.push(event_trigger(reader, node, &path));
    }
    if let Some(node) = fields.take("timer") {
        kinds.push(reader.name(node, &fields.path("timer")).map(|name| TriggerKind::Timer { name }));
    }
    kinds
}

/// What happens elsewhere, and what people and other workflows ask for.
fn of_others(reader: &mut Reader, fields: &mut Fields<'_>) -> Vec<Kind> {
    let mut kinds = Vec::new();
    if let Some(node) = fields.take("run_finished") {
        let path = fields.path("run_finished");
        kinds.push(run_trigger(reader, node, &path));
    }
    if let Some(node) = fields.take("schedule_failing") {
        let path = fields.path("schedule_failing");
        kinds.push(schedule_trigger(reader, node, &path));
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
    kinds
}

/// One word, or a list of them.
fn event_trigger(reader: &mut Reader, node: &Node, path: &str) -> Kind {
    let words: Vec<(&str, MilestoneKind)> = MilestoneKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
    let kinds: Vec<MilestoneKind> = match &node.data {
        Data::List(items) if items.is_empty() => {
            reader.fault(node.at, path, "at least one event is wanted, such as task.overdue");
            return None;
        }
        Data::List(items) => items.iter().filter_map(|node| reader.choice(node, path, &words)).collect(),
        _ => reader.choice(node, path, &words).into_iter().collect(),
    };
    (!kinds.is_empty()).then_some(TriggerKind::Event { kinds })
}

fn schedule_trigger(reader: &mut Reader, node: &Node, path: &str) -> Kind {
    if matches!(node.data, Data::Scalar(Value::Null)) {
        return Some(TriggerKind::ScheduleFailing { schedule: None });
    }
    let mut fields = reader.object(node, path)?;
    let path = fields.path("schedule");
    let schedule = fields.take("schedule").and_then(|node| {
        let text = reader.text(node, &path)?;
        if !is_schedule(&text) {
            let message = format!("{text:?} is no schedule: a name such as nightly or sweep.1 is wanted");
            reader.fault(node.at, &path, message);
        }
        Some(text)
    });
    fields.finish(reader);
    Some(TriggerKind::ScheduleFailing { schedule })
}

/// Whether a text names a schedule: one of its own, or one of a workflow's triggers (`sweep.2`).
fn is_schedule(text: &str) -> bool {
    let (name, number) = text.split_once('.').unwrap_or((text, "1"));
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(allowed)
        && (1..=2).contains(&number.len())
        && !number.starts_with('0')
        && number.chars().all(|c| c.is_ascii_digit())
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
