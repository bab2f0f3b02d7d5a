//! Whether every name an expression reads exists where it runs: roots, inputs, steps and what a trigger may lack. The
//! faults here are of the document alone; what is installed is compared in `check`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, Notify, Step, StepKind, TriggerKind, Workflow, node::Position, reader::nearest};
use crate::domain::expression::{Expression, Path};

/// The fields of `incident`.
const INCIDENT: &[&str] =
    &["id", "number", "title", "kind", "severity", "stage", "labels", "alerts", "roles", "responders", "stakeholders"];

/// Adds every fault of the workflow's names, predecessors and notifications.
pub(super) fn check(workflow: &Workflow, faults: &mut Vec<Fault>) {
    let ancestors = needs(workflow, faults);
    let mut checker = Checker { workflow, faults, guarded: false };
    let always = workflow.condition.as_ref().is_some_and(guards_incident);
    for (index, trigger) in workflow.on.iter().enumerate() {
        for (pointer, expression) in trigger.with.iter().flat_map(super::Template::expressions) {
            let path = format!("on[{index}].with{}", pointer.replace('/', "."));
            // A trigger's own inputs are made before the run: only the event and its incident are there.
            checker.guarded = !matches!(trigger.kind, TriggerKind::Manual { .. }) || guards_incident(&expression);
            checker.expression(&expression, trigger.at, &path, &["incident", "trigger"], &BTreeSet::new());
        }
    }
    if let Some(condition) = &workflow.condition {
        let at = workflow.position("if");
        checker.guarded = guards_incident(condition);
        checker.expression(condition, at, "if", &["incident", "trigger", "inputs"], &BTreeSet::new());
    }
    let none = BTreeSet::new();
    for step in &workflow.steps {
        let before = ancestors.get(step.id.as_str()).unwrap_or(&none);
        checker.guarded = always || step.condition.as_ref().is_some_and(guards_incident);
        checker.step(step, before);
    }
}

/// For each step, the steps that have certainly ended before it; unknown needs and circles are faults.
fn needs<'a>(workflow: &'a Workflow, faults: &mut Vec<Fault>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut ancestors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for step in &workflow.steps {
        for need in &step.needs {
            if workflow.step(need).is_none() {
                let near = nearest(need, workflow.steps.iter().map(|step| step.id.as_str()));
                let hint = near.map_or_else(String::new, |near| format!(": did you mean {near}?"));
                let at = workflow.position(&format!("{}.needs", step.id));
                faults.push(Fault::new(at, format!("{}.needs", step.id), format!("there is no step {need:?}{hint}")));
            }
        }
        ancestors.insert(&step.id, BTreeSet::new());
    }
    // Grows the sets until they are stable; a step that comes to stand before itself is in a circle.
    loop {
        let mut grown = false;
        for step in &workflow.steps {
            let mut before: BTreeSet<&str> = BTreeSet::new();
            for need in step.needs.iter().filter_map(|need| workflow.step(need)) {
                before.insert(&need.id);
                before.extend(ancestors.get(need.id.as_str()).into_iter().flatten());
            }
            if let Some(known) = ancestors.get_mut(step.id.as_str())
                && before.len() > known.len()
            {
                *known = before;
                grown = true;
            }
        }
        if !grown {
            break;
        }
    }
    for step in &workflow.steps {
        if ancestors.get(step.id.as_str()).is_some_and(|before| before.contains(step.id.as_str())) {
            let at = workflow.position(&step.id);
            faults.push(Fault::new(at, format!("{}.needs", step.id), "the step waits for itself, in a circle"));
        }
    }
    ancestors
}

/// Whether an expression tests that there is an incident before it reads one.
fn guards_incident(expression: &Expression) -> bool {
    let source: String = expression.source().split_whitespace().collect();
    source.contains("incident!=null") || source.contains("null!=incident")
}

struct Checker<'a> {
    workflow: &'a Workflow,
    faults: &'a mut Vec<Fault>,
    /// Whether a null test stands before what is read.
    guarded: bool,
}

impl Checker<'_> {
    fn step(&mut self, step: &Step, before: &BTreeSet<&str>) {
        let roots = ["incident", "trigger", "inputs", "steps", "run"];
        if let Some(condition) = &step.condition {
            let path = format!("{}.if", step.id);
            self.expression(condition, self.workflow.position(&path), &path, &roots, before);
        }
        match &step.kind {
            StepKind::Action { with, .. } => {
                for (pointer, expression) in with.expressions() {
                    let path = format!("{}.with{pointer}", step.id);
                    self.expression(&expression, self.workflow.position(&path), &path, &roots, before);
                }
            }
            StepKind::Approve(approve) => {
                if let Notify::Step(told) = &approve.notify
                    && !before.contains(told.as_str())
                {
                    let path = format!("{}.approve/notify", step.id);
                    let message = format!("step {told} has not certainly ended before this one: add it to `needs`");
                    self.faults.push(Fault::new(self.workflow.position(&path), path, message));
                }
            }
        }
    }

    fn expression(
        &mut self,
        expression: &Expression,
        at: Position,
        path: &str,
        roots: &[&str],
        before: &BTreeSet<&str>,
    ) {
        for read in expression.paths() {
            if let Some(message) = self.wrong(read, roots, before) {
                self.faults.push(Fault::new(at, path, message));
            }
        }
    }

    fn wrong(&self, read: &Path, roots: &[&str], before: &BTreeSet<&str>) -> Option<String> {
        let root = read.names[0].as_str();
        let field = read.names.get(1).map(String::as_str);
        if root == "secrets" {
            return Some("secrets are in scope nowhere: a connection's `auth` names them".to_owned());
        }
        if !roots.contains(&root) {
            return Some(format!("{root} is not in scope here: {} are", roots.join(", ")));
        }
        match (root, field) {
            ("inputs", Some(input)) if !self.workflow.inputs.contains_key(input) => {
                Some(format!("the workflow has no input {input:?}: declare it under `inputs`"))
            }
            ("steps", Some(step)) if !before.contains(step) => Some(if self.workflow.step(step).is_some() {
                format!("step {step} has not certainly ended before this one: add it to `needs`")
            } else {
                format!("there is no step {step:?}")
            }),
            ("steps", Some(step)) => match read.names.get(2).map(String::as_str) {
                Some("output" | "status") | None => None,
                Some(other) => Some(format!("steps.{step} has `output` and `status`, but no {other}")),
            },
            ("incident", Some(field)) if !INCIDENT.contains(&field) => {
                let near = nearest(field, INCIDENT.iter().copied());
                let hint = near
                    .map_or_else(|| format!("it has {}", INCIDENT.join(", ")), |near| format!("did you mean {near}?"));
                Some(format!("incident has no {field}: {hint}"))
            }
            ("incident", Some(field)) => self.lacking(field, read),
            _ => None,
        }
    }

    /// What a trigger may lack: a manual start may come without an incident, and labels may be missing in every case.
    fn lacking(&self, field: &str, read: &Path) -> Option<String> {
        let manual = self.workflow.on.iter().position(|trigger| matches!(trigger.kind, TriggerKind::Manual { .. }));
        match manual {
            Some(index) if !self.guarded => Some(format!(
                "incident.{field}: a run started by on[{index}] (manual) may have no incident: test `incident != null` in `if`"
            )),
            _ if field == "kind" && read.names.len() > 2 => {
                Some("incident.kind is a word, it has no fields".to_owned())
            }
            _ => None,
        }
    }
}
