//! Whether every name an expression reads exists where it runs: roots, inputs, steps and what a trigger may lack. The
//! faults here are of the document alone; what is installed is compared in `check`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, Notify, Position, Section, SleepStep, Step, StepKind, TriggerKind, Workflow};
use crate::{
    document::nearest,
    dossier::scope::FIELDS,
    expression::{Expression, Path, Template},
    schedule::document::unknown_field,
};

/// The fields of `run`, and those that are known once the steps have come to rest.
const RUN: &[&str] = &["id", "workflow", "mode"];
const OUTCOME: &[&str] = &["outcome", "failure"];
/// What the `with` of a step with `foreach` sees.
const ITEM_ROOTS: [&str; 6] = ["incident", "trigger", "inputs", "steps", "run", "item"];
/// The fields of `error` in `retry_if`.
const ERROR: &[&str] = &["code", "message", "details", "attempt"];

/// Adds every fault of the workflow's names, predecessors and notifications.
pub(super) fn check(workflow: &Workflow, faults: &mut Vec<Fault>) {
    let ancestors = needs(workflow, faults);
    let mut checker = Checker { workflow, faults, guarded: false, late: false };
    let always = workflow.condition.as_ref().is_some_and(guards_incident);
    for (index, trigger) in workflow.on.iter().enumerate() {
        if let TriggerKind::Becomes { condition } = &trigger.kind {
            checker.guarded = true;
            let path = format!("on[{index}].becomes");
            checker.expression(condition, trigger.at, &path, &["incident"], &BTreeSet::new());
        }
        for (pointer, expression) in trigger.with.iter().flat_map(Template::expressions) {
            let path = format!("on[{index}].with{}", pointer.replace('/', "."));
            // A trigger's own inputs are made before the run: only the event and its incident are there.
            checker.guarded = may_lack_incident(&trigger.kind).is_none() || guards_incident(&expression);
            if trigger.terms().is_some() {
                checker.of_tick(&expression, trigger.at, &path);
                continue;
            }
            checker.expression(&expression, trigger.at, &path, &["incident", "trigger"], &BTreeSet::new());
        }
    }
    if let Some(condition) = &workflow.condition {
        let at = workflow.position("if");
        checker.guarded = guards_incident(condition);
        checker.expression(condition, at, "if", &["incident", "trigger", "inputs"], &BTreeSet::new());
    }
    for (_, expression) in workflow.concurrency.iter().flat_map(|concurrency| concurrency.key.expressions()) {
        checker.guarded = always || guards_incident(&expression);
        let at = workflow.position("concurrency");
        checker.expression(&expression, at, "concurrency.key", &["incident", "trigger", "inputs"], &BTreeSet::new());
    }
    for step in &workflow.steps {
        // A section begins when the ones before it have come to rest.
        let earlier = workflow.steps.iter().filter(|other| other.section < step.section);
        let mut before: BTreeSet<&str> = earlier.map(|step| step.id.as_str()).collect();
        before.extend(ancestors.get(step.id.as_str()).into_iter().flatten());
        checker.guarded = always || step.condition.as_ref().is_some_and(guards_incident);
        checker.step(step, &before);
    }
}

/// For each step, the steps that have certainly ended before it; unknown needs and circles are faults.
fn needs<'a>(workflow: &'a Workflow, faults: &mut Vec<Fault>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut ancestors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for step in &workflow.steps {
        for need in &step.needs {
            let key = step.section.as_str();
            let message = match workflow.step(need) {
                Some(needed) if needed.section == step.section => continue,
                Some(needed) => format!("step {need} stands in `{}`, not in `{key}`", needed.section.as_str()),
                None => {
                    let near = nearest(need, workflow.section(step.section).map(|step| step.id.as_str()));
                    let hint = near.map_or_else(String::new, |near| format!(": did you mean {near}?"));
                    format!("there is no step {need:?}{hint}")
                }
            };
            let path = format!("{}.needs", step.id);
            faults.push(Fault::new(workflow.position(&path), path, message));
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

/// The word of a trigger that may come without an incident.
pub(super) fn may_lack_incident(kind: &TriggerKind) -> Option<&'static str> {
    match kind {
        TriggerKind::Manual { .. } => Some("manual"),
        TriggerKind::RunFinished { .. } => Some("run_finished"),
        TriggerKind::Signal { .. } => Some("signal"),
        TriggerKind::Called => Some("called"),
        TriggerKind::ScheduleFailing { .. } => Some("schedule_failing"),
        TriggerKind::Scheduled(terms) => Some(terms.key()),
        _ => None,
    }
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
    /// Whether it stands in `on_failure` or `finally`, where the outcome of the steps is known.
    late: bool,
}

impl Checker<'_> {
    fn step(&mut self, step: &Step, before: &BTreeSet<&str>) {
        let roots = ["incident", "trigger", "inputs", "steps", "run"];
        self.late = step.section != Section::Main;
        if let Some(condition) = &step.condition {
            self.part(step, "if", condition, &roots, before);
        }
        if let Some(condition) = &step.retry_if {
            self.part(step, "retry_if", condition, &["incident", "trigger", "inputs", "steps", "run", "error"], before);
        }
        if let Some(foreach) = &step.foreach {
            self.part(step, "foreach", &foreach.list, &roots, before);
        }
        match &step.kind {
            StepKind::Action { with, .. } | StepKind::Run { with, .. } => {
                let roots = if step.foreach.is_some() { &ITEM_ROOTS[..] } else { &roots };
                for (pointer, expression) in with.expressions() {
                    self.part(step, &format!("with{pointer}"), &expression, roots, before);
                }
            }
            StepKind::Sleep(SleepStep::Until(until)) => {
                for (_, expression) in until.expressions() {
                    self.part(step, "sleep/until", &expression, &roots, before);
                }
            }
            StepKind::Undo(_) | StepKind::Sleep(SleepStep::For(_)) | StepKind::WaitFor(_) => {}
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

    fn part(&mut self, step: &Step, part: &str, expression: &Expression, roots: &[&str], before: &BTreeSet<&str>) {
        let path = format!("{}.{part}", step.id);
        self.expression(expression, self.workflow.position(&path), &path, roots, before);
    }

    /// What a scheduled trigger gives sees the tick alone.
    fn of_tick(&mut self, expression: &Expression, at: Position, path: &str) {
        for read in expression.paths() {
            let fault = self.wrong(read, &["trigger"], &BTreeSet::new());
            if let Some(message) = fault.or_else(|| unknown_field(read.names.get(1)?)) {
                self.faults.push(Fault::new(at, path, message));
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
            return Some(match roots {
                [only] => format!("{root} is not in scope here: only {only} is"),
                several => format!("{root} is not in scope here: {} are", several.join(", ")),
            });
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
            ("run", Some(field)) if OUTCOME.contains(&field) && !self.late => {
                Some(format!("run.{field} is known in `on_failure` and `finally` only"))
            }
            ("run", Some(field)) if !RUN.contains(&field) && !OUTCOME.contains(&field) => {
                Some(format!("run has no {field}: it has {}, {}", RUN.join(", "), OUTCOME.join(", ")))
            }
            ("error", Some(field)) if !ERROR.contains(&field) => {
                Some(format!("error has no {field}: it has {}", ERROR.join(", ")))
            }
            ("incident", Some(field)) if !FIELDS.contains(&field) => {
                let near = nearest(field, FIELDS.iter().copied());
                let hint = near
                    .map_or_else(|| format!("it has {}", FIELDS.join(", ")), |near| format!("did you mean {near}?"));
                Some(format!("incident has no {field}: {hint}"))
            }
            ("incident", Some(field)) => self.lacking(field, read),
            _ => None,
        }
    }

    /// What a trigger may lack: a manual start may come without an incident, and labels may be missing in every case.
    fn lacking(&self, field: &str, read: &Path) -> Option<String> {
        let mut triggers = self.workflow.on.iter().enumerate();
        let lacking = triggers.find_map(|(index, trigger)| Some((index, may_lack_incident(&trigger.kind)?)));
        match lacking {
            Some((index, kind)) if !self.guarded => Some(format!(
                "incident.{field}: a run started by on[{index}] ({kind}) may have no incident: test `incident != null` in \
                 `if`"
            )),
            _ if field == "kind" && read.names.len() > 2 => {
                Some("incident.kind is a word, it has no fields".to_owned())
            }
            _ => None,
        }
    }
}
