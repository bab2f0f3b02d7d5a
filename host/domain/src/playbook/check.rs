//! What each part of a playbook allows alone and not together with another: names that are there twice, tasks that wait for
//! each other or for none, roles and groups nobody has, and expressions that read what is not there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Playbook, TaskPlan};
use crate::{
    document::{Fault, Node, Position, nearest},
    dossier::scope::FIELDS,
    expression::{Expression, Path},
};

/// Adds every such fault.
pub(super) fn check(playbook: &Playbook, root: &Node, faults: &mut Vec<Fault>) {
    let mut checker = Checker { playbook, root, faults };
    checker.unique();
    checker.needs();
    checker.roles();
    checker.groups();
    checker.expressions();
}

struct Checker<'a> {
    playbook: &'a Playbook,
    root: &'a Node,
    faults: &'a mut Vec<Fault>,
}

impl Checker<'_> {
    /// `pointer` leads to the place as JSON pointers do; the path says it as people write it.
    fn fault(&mut self, pointer: &str, message: String) {
        let at: Position = self.root.at_pointer(pointer).at;
        let parts = pointer.split('/').skip(1);
        let path = parts.fold(String::new(), |path, part| match part.parse::<usize>() {
            Ok(index) => format!("{path}[{index}]"),
            Err(_) if path.is_empty() => part.to_owned(),
            Err(_) => format!("{path}.{part}"),
        });
        self.faults.push(Fault::new(at, path, message));
    }

    fn tasks(&self) -> Vec<(String, TaskPlan)> {
        let stages = self.playbook.stages.iter();
        let tasks = stages.flat_map(|(stage, plan)| {
            let each = plan.tasks.iter().enumerate();
            each.map(move |(index, task)| (format!("/stages/{stage}/tasks/{index}"), task.clone()))
        });
        tasks.collect()
    }

    fn unique(&mut self) {
        let mut named: Vec<(&str, String, String)> = Vec::new();
        named.extend(self.tasks().into_iter().map(|(place, task)| ("task", place, task.id)));
        let playbook = self.playbook;
        for (stage, plan) in &playbook.stages {
            let exit = plan.exit.iter().enumerate();
            named.extend(
                exit.map(|(index, one)| ("criterion", format!("/stages/{stage}/exit/{index}"), one.id.clone())),
            );
            let workflows = plan.workflows.iter().enumerate();
            named.extend(workflows.map(|(index, one)| {
                (
                    "workflow of this stage",
                    format!("/stages/{stage}/workflows/{index}"),
                    format!("{stage} {}", one.name),
                )
            }));
        }
        let list = |noun, key: &str, ids: Vec<String>| {
            let each = ids.into_iter().enumerate();
            each.map(|(index, id)| (noun, format!("/{key}/{index}"), id)).collect::<Vec<_>>()
        };
        named.extend(list("role", "roles", playbook.roles.iter().map(|one| one.name.clone()).collect()));
        named.extend(list("question", "questions", playbook.questions.iter().map(|one| one.id.clone()).collect()));
        named.extend(list("deadline", "deadlines", playbook.deadlines.iter().map(|one| one.id.clone()).collect()));
        let sections = playbook.retrospective.sections.iter().map(|one| one.id.clone()).collect();
        named.extend(list("section", "retrospective/sections", sections));
        let mut seen: BTreeSet<(&str, String)> = BTreeSet::new();
        for (noun, place, id) in named {
            let shown = id.rsplit(' ').next().unwrap_or_default().to_owned();
            if !seen.insert((noun, id)) {
                self.fault(&place, format!("there are two of this {noun}: {shown}"));
            }
        }
    }

    fn needs(&mut self) {
        let tasks = self.tasks();
        let known: BTreeMap<String, Vec<String>> =
            tasks.iter().map(|(_, task)| (task.id.clone(), task.needs.clone())).collect();
        for (place, task) in &tasks {
            for (index, need) in task.needs.iter().enumerate() {
                if !known.contains_key(need) {
                    let near = nearest(need, known.keys().map(String::as_str));
                    let hint = near.map_or_else(String::new, |near| format!(": did you mean {near}?"));
                    self.fault(&format!("{place}/needs/{index}"), format!("there is no task {need:?}{hint}"));
                }
            }
            if waits_for_itself(&task.id, &known) {
                self.fault(&format!("{place}/needs"), "the task waits for itself, in a circle".to_owned());
            }
        }
    }

    fn roles(&mut self) {
        let known: BTreeSet<String> = self.playbook.roles.iter().map(|role| role.name.clone()).collect();
        let mut used: Vec<(String, String)> = Vec::new();
        for (place, task) in self.tasks() {
            used.extend(task.role.map(|role| (format!("{place}/role"), role)));
            used.extend(task.backup.map(|role| (format!("{place}/backup"), role)));
        }
        for (place, role) in used {
            if !known.contains(&role) {
                let near = nearest(&role, known.iter().map(String::as_str));
                let hint =
                    near.map_or_else(|| "name it under `roles`".to_owned(), |near| format!("did you mean {near}?"));
                self.fault(&place, format!("the playbook has no role {role:?}: {hint}"));
            }
        }
    }

    fn groups(&mut self) {
        for (index, deadline) in self.playbook.deadlines.iter().enumerate() {
            let Some(group) = deadline.group.as_ref().filter(|group| !self.playbook.stakeholders.contains_key(*group))
            else {
                continue;
            };
            let message = format!("there is no group {group:?} under `stakeholders`");
            self.fault(&format!("/deadlines/{index}/group"), message);
        }
    }

    fn expressions(&mut self) {
        let playbook = self.playbook;
        for (stage, plan) in &playbook.stages {
            for (index, criterion) in plan.exit.iter().enumerate() {
                self.expression(&format!("/stages/{stage}/exit/{index}/when"), &criterion.when, &["incident"]);
            }
            for (index, workflow) in plan.workflows.iter().enumerate() {
                for (pointer, expression) in workflow.with.expressions() {
                    let place = format!("/stages/{stage}/workflows/{index}/with{pointer}");
                    self.expression(&place, &expression, &["incident", "trigger"]);
                }
            }
        }
        for (index, deadline) in playbook.deadlines.iter().enumerate() {
            self.expression(&format!("/deadlines/{index}/when"), &deadline.when, &["incident"]);
        }
        for (name, template) in &playbook.templates {
            for (_, expression) in template.text.expressions() {
                self.expression(&format!("/templates/{name}/text"), &expression, &["incident"]);
            }
        }
    }

    fn expression(&mut self, place: &str, expression: &Expression, roots: &[&str]) {
        for path in expression.paths() {
            if let Some(message) = self.wrong(path, roots) {
                self.fault(place, message);
            }
        }
    }

    fn wrong(&self, path: &Path, roots: &[&str]) -> Option<String> {
        let names: Vec<&str> = path.names.iter().map(String::as_str).collect();
        match names[..] {
            [root, ..] if !roots.contains(&root) => {
                Some(format!("{root} is not in scope here: {} is", roots.join(", ")))
            }
            ["incident", field, ..] if !FIELDS.contains(&field) => {
                let near = nearest(field, FIELDS.iter().copied());
                let hint = near
                    .map_or_else(|| format!("it has {}", FIELDS.join(", ")), |near| format!("did you mean {near}?"));
                Some(format!("incident has no {field}: {hint}"))
            }
            ["incident", "answers", id, ..] if !self.playbook.questions.iter().any(|one| one.id == id) => {
                Some(format!("the playbook has no question {id:?}"))
            }
            ["incident", "tasks", id, ..] if !self.playbook.tasks().any(|(_, task)| task.id == id) => {
                Some(format!("the playbook has no task {id:?}"))
            }
            _ => None,
        }
    }
}

fn waits_for_itself(task: &str, needs: &BTreeMap<String, Vec<String>>) -> bool {
    let mut open: Vec<&String> = needs.get(task).into_iter().flatten().collect();
    let mut seen = BTreeSet::new();
    while let Some(need) = open.pop() {
        if need == task {
            return true;
        }
        if seen.insert(need) {
            open.extend(needs.get(need).into_iter().flatten());
        }
    }
    false
}
