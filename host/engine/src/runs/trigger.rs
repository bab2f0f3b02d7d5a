//! Which workflows an event starts, with which inputs, and why the others do not start. Pure: it reads the event and the
//! workflows, and decides.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use wardroom_domain::{
    self,
    alert::AlertStatus,
    event::{Event, Fact, MAX_DEPTH},
    excerpt,
    expression::{Expression, Scope, Template},
    id::RunId,
    is_too_deep,
    run::MAX_QUEUED,
    workflow::{AlertChange, Concurrency, Direction, Entry, TriggerKind, Workflow},
};

/// What an event means for one workflow.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// None of its triggers listens to such events: nothing is recorded.
    NotAsked,
    /// A trigger listens, but it does not start.
    No {
        /// Why, for people.
        why: String,
    },
    /// It starts.
    Start {
        /// The checked inputs.
        inputs: Value,
        /// Whether a condition that became true starts it, which it does once for the incident.
        becomes: bool,
    },
}

/// The frozen event as expressions see it.
pub fn frozen(event: &Event) -> Value {
    let mut trigger = serde_json::to_value(&event.fact).unwrap_or_default();
    if let Some(trigger) = trigger.as_object_mut() {
        trigger.insert("at".to_owned(), json!(event.at));
        trigger.insert("event".to_owned(), json!(event.id));
    }
    trigger
}

/// Decides for one workflow; `planned` is what the incident's playbook gives it at this event, if it brings it; `became` says whether a condition of its has become true for the event's incident before.
pub fn judge(workflow: &Workflow, event: &Event, planned: Option<&Template>, became: bool) -> Verdict {
    if let Some(with) = planned {
        return start(workflow, Some(with), false, event);
    }
    let mut why = None;
    for trigger in &workflow.on {
        let heard = match &trigger.kind {
            TriggerKind::Becomes { condition } => becomes(condition, event, became),
            kind => listens(&workflow.name, kind, &event.fact),
        };
        match heard {
            Match::Other => {}
            Match::No(reason) => drop(why.get_or_insert(reason)),
            Match::Yes => {
                let becomes = matches!(trigger.kind, TriggerKind::Becomes { .. });
                return start(workflow, trigger.with.as_ref(), becomes, event);
            }
        }
    }
    why.map_or(Verdict::NotAsked, |why| Verdict::No { why })
}

enum Match {
    /// Another kind of event.
    Other,
    /// The kind it listens to, but not this one.
    No(String),
    /// It listens.
    Yes,
}

fn becomes(condition: &Expression, event: &Event, before: bool) -> Match {
    if event.incident.is_none() {
        return Match::Other;
    }
    match condition.holds(&Scope { names: BTreeMap::from([("incident", event.snapshot.clone())]) }) {
        Ok(true) if before => Match::No("its `becomes` has started it for this incident before".to_owned()),
        Ok(true) => Match::Yes,
        Ok(false) => Match::No("its `becomes` is false".to_owned()),
        Err(error) => Match::No(format!("its `becomes`: {error}")),
    }
}

fn listens(name: &str, kind: &TriggerKind, fact: &Fact) -> Match {
    match (kind, fact) {
        (TriggerKind::Stage { stage: wanted, entry }, Fact::StageEntered { stage, first, .. }) => {
            if wanted != stage {
                Match::Other
            } else if *entry == Entry::First && !first {
                Match::No(format!("the incident has been in {stage} before, and the trigger wants its first entry"))
            } else {
                Match::Yes
            }
        }
        (TriggerKind::Left { stage }, Fact::StageEntered { from: Some(from), .. }) if stage == from => Match::Yes,
        (TriggerKind::Severity { direction }, Fact::SeverityChanged { from, to }) => {
            // The most severe comes first.
            let wanted = match direction {
                Direction::Raised => to < from,
                Direction::Lowered => to > from,
                Direction::Changed => true,
            };
            if wanted { Match::Yes } else { Match::No(format!("the severity went from {from} to {to}")) }
        }
        (TriggerKind::Role { role: wanted }, Fact::RoleAssigned { role, primary, backup }) if wanted == role => {
            if primary.is_none() && backup.is_none() {
                return Match::No(format!("nobody is {role} now"));
            }
            Match::Yes
        }
        // A workflow that listened to its own end would never rest.
        (TriggerKind::RunFinished { .. }, Fact::RunFinished { workflow, .. }) if workflow == name => Match::Other,
        (TriggerKind::RunFinished { workflow: wanted, status: ends }, Fact::RunFinished { workflow, status, .. }) => {
            if wanted.as_ref().is_some_and(|wanted| wanted != workflow) {
                Match::Other
            } else if !ends.is_empty() && !ends.contains(status) {
                Match::No(format!("the run of {workflow} is {}", status.as_str()))
            } else {
                Match::Yes
            }
        }
        (TriggerKind::Event { kinds }, Fact::Milestone(milestone)) if kinds.contains(&milestone.kind) => Match::Yes,
        (TriggerKind::Timer { name: wanted }, Fact::TimerFired { name, .. }) if wanted == name => Match::Yes,
        (TriggerKind::ScheduleFailing { schedule: wanted }, Fact::ScheduleFailing { schedule, .. }) => {
            if wanted.as_ref().is_none_or(|wanted| wanted == schedule) { Match::Yes } else { Match::Other }
        }
        (TriggerKind::Signal { name: wanted }, Fact::Signaled { name, .. }) => {
            if wanted == name {
                Match::Yes
            } else {
                Match::Other
            }
        }
        (TriggerKind::Alert { status, labels }, Fact::AlertChanged { alert } | Fact::AlertRefired { alert }) => {
            let refired = matches!(fact, Fact::AlertRefired { .. });
            let change = match alert.status {
                _ if refired => AlertChange::Refired,
                AlertStatus::Firing => AlertChange::Firing,
                AlertStatus::Resolved => AlertChange::Resolved,
            };
            // Firing again is a change of its own: who listens to every change hears of the firing itself.
            if status.is_none() && refired {
                return Match::Other;
            }
            if status.is_some_and(|status| status != change) {
                return Match::No("the alert did not do what the trigger wants".to_owned());
            }
            match labels.iter().find(|(name, value)| alert.labels.get(*name) != Some(value)) {
                Some((name, value)) => Match::No(format!("the alert has no label {name}={value}")),
                None => Match::Yes,
            }
        }
        _ => Match::Other,
    }
}

fn start(workflow: &Workflow, with: Option<&Template>, becomes: bool, event: &Event) -> Verdict {
    if event.depth >= MAX_DEPTH {
        return Verdict::No { why: format!("{MAX_DEPTH} runs stand between this event and an outside cause") };
    }
    let scope = Scope { names: BTreeMap::from([("incident", event.snapshot.clone()), ("trigger", frozen(event))]) };
    let given = match with.map(|with| with.resolve(&scope)).transpose() {
        Ok(given) => given.unwrap_or_else(|| json!({})),
        Err(error) => return Verdict::No { why: format!("the trigger's `with`: {error}") },
    };
    match admit(workflow, given, scope) {
        Ok(inputs) => Verdict::Start { inputs, becomes },
        Err(refusal) => Verdict::No { why: refusal.to_string() },
    }
}

/// Why inputs do not start a workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// The inputs do not fit.
    #[error("input {field}: {message}")]
    Input {
        /// The input.
        field: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The workflow's `if` is false.
    #[error("its `if` was false")]
    Condition,
    /// The workflow's `if`, or its key, cannot be evaluated.
    #[error("{0}")]
    Expression(String),
    /// Another run of its key goes on.
    #[error("run {run} of {key:?} goes on, and the policy is to skip")]
    Occupied {
        /// The key.
        key: String,
        /// That run.
        run: RunId,
    },
    /// Too many wait for their turn.
    #[error("{MAX_QUEUED} runs of {0:?} wait already")]
    QueueFull(String),
}

/// Checks inputs against the workflow's schemas, fills in defaults, and asks its `if`.
pub fn admit(workflow: &Workflow, given: Value, mut scope: Scope) -> Result<Value, NotAdmitted> {
    let inputs = inputs(workflow, given)?;
    scope.names.insert("inputs", inputs.clone());
    match workflow.condition.as_ref().map_or(Ok(true), |condition| condition.holds(&scope)) {
        Ok(true) => Ok(inputs),
        Ok(false) => Err(NotAdmitted::Condition),
        Err(error) => Err(NotAdmitted::Expression(format!("its `if`: {error}"))),
    }
}

/// The key of a run, from names that hold its inputs too.
pub fn key_of(concurrency: &Concurrency, scope: &Scope) -> Result<String, String> {
    let key = match concurrency.key.resolve(scope).map_err(|error| format!("its `concurrency.key`: {error}"))? {
        Value::String(key) => key,
        key @ (Value::Number(_) | Value::Bool(_)) => key.to_string(),
        other => return Err(format!("its `concurrency.key`: a text is wanted, not {}", excerpt(&other))),
    };
    match key.chars().count() {
        1..=MAX_KEY => Ok(key),
        length => Err(format!("its `concurrency.key` has {length} characters: 1 to {MAX_KEY} are wanted")),
    }
}

/// The longest key, in characters.
const MAX_KEY: usize = 200;

fn inputs(workflow: &Workflow, given: Value) -> Result<Value, NotAdmitted> {
    let refuse = |field: &str, message: String| NotAdmitted::Input { field: field.to_owned(), message };
    let mut given = match given {
        Value::Object(given) => given,
        Value::Null => Map::new(),
        other => return Err(refuse("inputs", format!("an object is wanted, not {other}"))),
    };
    if given.values().any(is_too_deep) {
        return Err(refuse("inputs", format!("at most {} levels of nesting are wanted", wardroom_domain::MAX_DEPTH)));
    }
    let mut checked = Map::new();
    for (name, schema) in &workflow.inputs {
        let Some(value) = given.remove(name).or_else(|| schema.source().get("default").cloned()) else {
            return Err(refuse(name, "is missing, and it has no default".to_owned()));
        };
        let validator = schema.validator().map_err(|error| refuse(name, error.to_owned()))?;
        validator.validate(&value).map_err(|error| refuse(name, error.to_string()))?;
        checked.insert(name.clone(), value);
    }
    match given.keys().next() {
        Some(unknown) => Err(refuse(unknown, format!("workflow {} has no such input", workflow.name))),
        None => Ok(Value::Object(checked)),
    }
}
