//! From text to steps: the part of a document that says what is done.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    ApproveStep, Foreach, Notify, OnError, OnTimeout, Position, RetryPolicy, Section, SleepStep, Step, StepKind,
    WaitStep, builtin,
    parse::{DAY, MAX_TIMEOUT},
};
use crate::{
    document::{Data, Fields, Node, Reader},
    expression::{Expression, Template},
};

/// The most steps.
pub const MAX_STEPS: usize = 200;
/// The longest attempt.
const MAX_ATTEMPT: Duration = Duration::from_mins(10);
/// How many items of a `foreach` are under way at once unless the document says otherwise.
const PARALLEL: u32 = 10;
/// The most people an approval names, and the most it wants.
const MAX_PEOPLE: usize = 20;
const MAX_QUORUM: u32 = 10;

/// The steps of a document while they are read.
pub(super) struct Steps {
    pub(super) positions: BTreeMap<String, Position>,
    pub(super) all: Vec<Step>,
}

impl Steps {
    /// Reads a section.
    pub(super) fn section(&mut self, reader: &mut Reader, node: &Node, section: Section) {
        let key = section.as_str();
        let items = reader.list(node, key);
        let room = MAX_STEPS.saturating_sub(self.all.len());
        if items.is_empty() || items.len() > room {
            reader.fault(node.at, key, format!("1 to {MAX_STEPS} steps are wanted in all"));
        }
        let mut above = None;
        for (index, item) in items.iter().take(room).enumerate() {
            let path = format!("{key}[{index}]");
            let Some(step) = self.step(reader, item, &path, section, above.clone()) else { continue };
            if self.all.iter().any(|known| known.id == step.id) {
                reader.fault(item.at, &format!("{path}.id"), format!("there are two steps {:?}", step.id));
            }
            above = Some(step.id.clone());
            self.all.push(step);
        }
    }

    /// An approval's `notify` names a step if there is one of that name, else a connection.
    pub(super) fn finish(mut self) -> (Vec<Step>, BTreeMap<String, Position>) {
        let ids: Vec<String> = self.all.iter().map(|step| step.id.clone()).collect();
        for step in &mut self.all {
            if let StepKind::Approve(ApproveStep { notify, .. }) = &mut step.kind
                && let Notify::Connection(name) = notify
                && ids.contains(name)
            {
                *notify = Notify::Step(std::mem::take(name));
            }
        }
        (self.all, self.positions)
    }

    fn step(
        &mut self,
        reader: &mut Reader,
        node: &Node,
        path: &str,
        section: Section,
        above: Option<String>,
    ) -> Option<Step> {
        let mut fields = reader.object(node, path)?;
        let id =
            fields.need(reader, "id").and_then(|node| reader.text(node, &fields.path("id")).map(|id| (id, node.at)));
        if let Some((id, at)) = id.as_ref().filter(|(id, _)| !is_identifier(id)) {
            reader.fault(*at, &fields.path("id"), format!("{id:?} is no step id: a word in snake_case is wanted"));
        }
        let needs = needs(reader, &mut fields, above);
        let condition = expression(reader, &mut fields, "if");
        let retry_if = expression(reader, &mut fields, "retry_if");
        let timeout = duration(reader, &mut fields, "timeout", Duration::from_millis(100), MAX_ATTEMPT);
        let deadline = duration(reader, &mut fields, "deadline", Duration::from_millis(100), MAX_TIMEOUT);
        let on_errors = [("fail", OnError::Fail), ("continue", OnError::Continue)];
        let on_error =
            fields.take("on_error").and_then(|node| reader.choice(node, &fields.path("on_error"), &on_errors));
        let retry_path = fields.path("retry");
        let retry = fields.take("retry").map(|node| retry(reader, node, &retry_path)).unwrap_or_default();
        for part in
            ["uses", "run", "connection", "with", "approve", "sleep", "wait_for", "foreach", "if", "retry_if", "needs"]
        {
            if let (Some((id, _)), Some(node)) = (&id, fields.take(part)) {
                note_positions(&mut self.positions, &format!("{id}.{part}"), node);
            }
        }
        let foreach = foreach(reader, &mut fields);
        let kind = kind(reader, &mut fields, section);
        fields.finish(reader);
        let (id, at) = id?;
        self.positions.insert(id.clone(), at);
        Some(Step {
            id,
            section,
            needs,
            condition,
            kind: kind?,
            foreach,
            retry,
            retry_if,
            timeout: timeout.unwrap_or(Duration::from_mins(1)),
            deadline,
            on_error: on_error.unwrap_or(OnError::Fail),
        })
    }
}

fn foreach(reader: &mut Reader, fields: &mut Fields<'_>) -> Option<Foreach> {
    let path = fields.path("max_parallel");
    let max_parallel = fields.take("max_parallel");
    let list = expression(reader, fields, "foreach");
    if let (None, Some(node)) = (fields.take("foreach"), max_parallel) {
        reader.fault(node.at, &path, "`max_parallel` belongs to `foreach`");
    }
    let max_parallel = max_parallel.and_then(|node| reader.whole(node, &path, 1, 100)).unwrap_or(PARALLEL);
    list.map(|list| Foreach { list, max_parallel })
}

fn expression(reader: &mut Reader, fields: &mut Fields<'_>, key: &'static str) -> Option<Expression> {
    let path = fields.path(key);
    fields.take(key).and_then(|node| reader.expression(node, &path))
}

fn duration(
    reader: &mut Reader,
    fields: &mut Fields<'_>,
    key: &'static str,
    least: Duration,
    most: Duration,
) -> Option<Duration> {
    let path = fields.path(key);
    fields.take(key).and_then(|node| reader.duration(node, &path, least, most))
}

/// Remembers where every value stands, for faults that only show later.
fn note_positions(positions: &mut BTreeMap<String, Position>, path: &str, node: &Node) {
    positions.insert(path.to_owned(), node.at);
    match &node.data {
        Data::Scalar(_) => {}
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                note_positions(positions, &format!("{path}/{index}"), item);
            }
        }
        Data::Object(fields) => {
            for (name, node) in fields {
                note_positions(positions, &format!("{path}/{}", name.text), node);
            }
        }
    }
}

fn needs(reader: &mut Reader, fields: &mut Fields<'_>, above: Option<String>) -> Vec<String> {
    let path = fields.path("needs");
    match fields.take("needs") {
        None => above.into_iter().collect(),
        Some(node) => {
            let items = reader.list(node, &path);
            items.iter().filter_map(|item| reader.text(item, &path)).collect()
        }
    }
}

fn retry(reader: &mut Reader, node: &Node, path: &str) -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    let Some(mut fields) = reader.object(node, path) else { return policy };
    if let Some(node) = fields.take("attempts") {
        policy.attempts = reader.whole(node, &fields.path("attempts"), 1, 100).unwrap_or(policy.attempts);
    }
    let pause = (Duration::from_millis(1), DAY);
    if let Some(node) = fields.take("initial") {
        policy.initial = reader.duration(node, &fields.path("initial"), pause.0, pause.1).unwrap_or(policy.initial);
    }
    if let Some(node) = fields.take("factor") {
        let factor = match &node.data {
            Data::Scalar(Value::Number(number)) => number.as_f64().filter(|factor| (1.0..=10.0).contains(factor)),
            _ => None,
        };
        match factor {
            Some(factor) => policy.factor = factor,
            None => reader.fault(node.at, &fields.path("factor"), "a number from 1 to 10 is wanted"),
        }
    }
    if let Some(node) = fields.take("max") {
        policy.max = reader.duration(node, &fields.path("max"), pause.0, pause.1).unwrap_or(policy.max);
    }
    fields.finish(reader);
    policy
}

fn kind(reader: &mut Reader, fields: &mut Fields<'_>, section: Section) -> Option<StepKind> {
    let kinds = ["uses", "run", "approve", "sleep", "wait_for"].map(|key| fields.take(key).map(|node| (key, node)));
    let mut kinds = kinds.into_iter().flatten();
    let (Some((key, node)), None) = (kinds.next(), kinds.next()) else {
        reader.fault(
            fields.at,
            &fields.path,
            "one of `uses`, `run`, `approve`, `sleep` or `wait_for` is wanted in each step",
        );
        return None;
    };
    if key == "uses" {
        return action(reader, fields, node);
    }
    let foreign: &[&'static str] = match key {
        "run" => &["connection", "retry", "retry_if", "timeout"],
        _ => &["connection", "with", "foreach", "max_parallel", "retry", "retry_if", "timeout", "deadline"],
    };
    for other in foreign.iter().copied() {
        if let Some(node) = fields.take(other) {
            reader.fault(node.at, &fields.path(other), format!("a step with `{key}` has no `{other}`"));
        }
    }
    let path = fields.path(key);
    match key {
        "run" => child(reader, fields, node),
        "approve" | "wait_for" if section == Section::Finally => {
            reader.fault(node.at, &path, "`finally` waits for nobody: it has 2 minutes");
            None
        }
        "approve" => approval(reader, node, &path).map(StepKind::Approve),
        "wait_for" => wait_for(reader, node, &path).map(StepKind::WaitFor),
        _ => sleep(reader, node, &path).map(StepKind::Sleep),
    }
}

fn action(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> Option<StepKind> {
    let (plugin, action) = action_name(reader, node, &fields.path("uses"))?;
    let connection_path = fields.path("connection");
    let connection = fields.take("connection").and_then(|node| reader.text(node, &connection_path));
    if plugin == builtin::NAME
        && let Some(connection) = &connection
    {
        reader.fault(fields.at, &connection_path, format!("{plugin} works without a connection, not {connection}"));
    }
    let with_path = fields.path("with");
    let with = fields.take("with").map_or_else(empty_template, |node| reader.object_template(node, &with_path));
    Some(StepKind::Action { plugin, action, connection, with: with? })
}

/// A step that runs another workflow.
fn child(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> Option<StepKind> {
    let workflow = reader.text(node, &fields.path("run"));
    let with_path = fields.path("with");
    let with = fields.take("with").map_or_else(empty_template, |node| reader.object_template(node, &with_path));
    Some(StepKind::Run { workflow: workflow?, with: with? })
}

fn wait_for(reader: &mut Reader, node: &Node, path: &str) -> Option<WaitStep> {
    let (signal, timeout) = if let Data::Object(_) = &node.data {
        let mut fields = reader.object(node, path)?;
        let signal = fields.need(reader, "signal");
        let timeout = duration(reader, &mut fields, "timeout", Duration::from_secs(1), MAX_TIMEOUT);
        fields.finish(reader);
        (signal?, timeout)
    } else {
        (node, None)
    };
    Some(WaitStep { signal: signal_name(reader, signal, path)?, timeout })
}

/// The name of a signal.
pub(crate) fn signal_name(reader: &mut Reader, node: &Node, path: &str) -> Option<String> {
    let name = reader.text(node, path)?;
    if !is_identifier(&name) {
        reader.fault(node.at, path, format!("{name:?} is no signal: a word in snake_case is wanted"));
        return None;
    }
    Some(name)
}

fn sleep(reader: &mut Reader, node: &Node, path: &str) -> Option<SleepStep> {
    if let Data::Object(_) = &node.data {
        let mut fields = reader.object(node, path)?;
        let until_path = fields.path("until");
        let until = fields.need(reader, "until").and_then(|node| {
            reader.text(node, &until_path)?;
            reader.template(node, &until_path)
        });
        fields.finish(reader);
        return until.map(SleepStep::Until);
    }
    reader.duration(node, path, Duration::from_millis(1), MAX_TIMEOUT).map(SleepStep::For)
}

fn empty_template() -> Option<Template> {
    Template::parse(&Value::Object(serde_json::Map::new())).ok()
}

fn action_name(reader: &mut Reader, node: &Node, path: &str) -> Option<(String, String)> {
    let text = reader.text(node, path)?;
    match text.split_once('/') {
        Some((plugin, action)) if !plugin.is_empty() && !action.is_empty() && !action.contains('/') => {
            Some((plugin.to_owned(), action.to_owned()))
        }
        _ => {
            reader.fault(node.at, path, format!("{text:?} names no action: plugin/action is wanted"));
            None
        }
    }
}

fn approval(reader: &mut Reader, node: &Node, path: &str) -> Option<ApproveStep> {
    let mut fields = reader.object(node, path)?;
    let role = fields.take("role").and_then(|node| reader.text(node, &fields.path("role")));
    let people = people(reader, &mut fields);
    let quorum_path = fields.path("quorum");
    let quorum = fields.take("quorum").and_then(|node| reader.whole(node, &quorum_path, 1, MAX_QUORUM)).unwrap_or(1);
    if role.is_none() && !people.is_empty() && people.len() < quorum as usize {
        reader.fault(fields.at, &quorum_path, format!("{quorum} approvals cannot come from {} people", people.len()));
    }
    let timeout_path = fields.path("timeout");
    let timeout = fields.take("timeout");
    let timeout = timeout.and_then(|node| reader.duration(node, &timeout_path, Duration::from_secs(1), MAX_TIMEOUT));
    let silences = [("reject", OnTimeout::Reject), ("approve", OnTimeout::Approve)];
    let on_timeout =
        fields.take("on_timeout").and_then(|node| reader.choice(node, &fields.path("on_timeout"), &silences));
    let notify = if let Some(node) = fields.take("notify") {
        reader.text(node, &fields.path("notify"))
    } else {
        let message = "`notify` is missing: name a step or connection that tells people, or write `none`";
        reader.fault(fields.at, path, message);
        None
    };
    fields.finish(reader);
    let notify = match notify?.as_str() {
        "none" => Notify::None,
        // Which of the two it is shows when all steps are known.
        name => Notify::Connection(name.to_owned()),
    };
    Some(ApproveStep { role, people, quorum, timeout, on_timeout: on_timeout.unwrap_or(OnTimeout::Reject), notify })
}

/// The handles of those who may decide.
fn people(reader: &mut Reader, fields: &mut Fields<'_>) -> Vec<String> {
    let path = fields.path("people");
    let Some(node) = fields.take("people") else { return Vec::new() };
    let items = reader.list(node, &path);
    if items.is_empty() || items.len() > MAX_PEOPLE {
        reader.fault(node.at, &path, format!("1 to {MAX_PEOPLE} handles are wanted"));
    }
    items.iter().take(MAX_PEOPLE).filter_map(|item| reader.text(item, &path)).collect()
}

/// Whether a text is a CEL identifier in `snake_case`, and none of CEL's own words.
pub fn is_identifier(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let reserved = ["true", "false", "null", "in", "as", "if", "for", "let", "var", "while", "return", "import"];
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(allowed)
        && !reserved.contains(&text)
}
