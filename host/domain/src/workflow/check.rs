//! Comparing a workflow with what is installed: actions, their inputs, connections, and who can tell people.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Fault, Notify, Section, Step, StepKind, Workflow};
use crate::{
    connection::Connection,
    document::nearest,
    expression::Template,
    plugin::{Action, Manifest},
};

/// What is installed and configured.
#[derive(Debug, Clone, Default)]
pub struct Installed {
    /// Manifests by plugin name.
    pub plugins: BTreeMap<String, Arc<Manifest>>,
    /// Connections by name.
    pub connections: BTreeMap<String, Arc<Connection>>,
    /// Workflows by name.
    pub workflows: BTreeMap<String, Arc<Workflow>>,
}

/// Every fault of the workflow against what is installed.
pub fn check(workflow: &Workflow, installed: &Installed) -> Vec<Fault> {
    let mut checker = Checker { workflow, installed, faults: Vec::new() };
    for step in &workflow.steps {
        checker.step(step);
    }
    checker.faults.sort_by_key(|fault| fault.at);
    checker.faults
}

struct Checker<'a> {
    workflow: &'a Workflow,
    installed: &'a Installed,
    faults: Vec<Fault>,
}

impl Checker<'_> {
    fn step(&mut self, step: &Step) {
        match &step.kind {
            StepKind::Action { plugin, action, connection, with } => {
                let Some(manifest) = self.installed.plugins.get(plugin) else {
                    let near = nearest(plugin, self.installed.plugins.keys().map(String::as_str));
                    let hint = near.map_or_else(String::new, |near| format!(": did you mean {near}?"));
                    self.fault(step, "uses", format!("plugin {plugin} is not installed{hint}"));
                    return;
                };
                self.connection(step, manifest, connection.as_deref());
                if let Some(action) = manifest.action(action) {
                    self.with(step, action, with);
                    self.ending(step, plugin, action, connection.as_deref());
                } else {
                    let names: Vec<&str> = manifest.actions.iter().map(|action| action.name.as_str()).collect();
                    self.fault(step, "uses", format!("{plugin} has no action {action}: it has {}", names.join(", ")));
                }
            }
            StepKind::Run { workflow, with } => self.child(step, workflow, with),
            StepKind::Approve(approve) => self.notify(step, &approve.notify),
            StepKind::Undo(_) | StepKind::Sleep(_) | StepKind::WaitFor(_) => {}
        }
    }

    /// What a step begins has to be ended in `finally`, where its action asks for that.
    fn ending(&mut self, step: &Step, plugin: &str, action: &Action, connection: Option<&str>) {
        let Some(ending) = &action.ended_by else { return };
        let ends = |other: &Step| match &other.kind {
            StepKind::Action { plugin: its, action, connection: through, .. } => {
                its == plugin && action == ending && through.as_deref() == connection
            }
            _ => false,
        };
        if !self.workflow.section(Section::Finally).any(ends) {
            let message = format!(
                "what {plugin}/{} begins is ended in `finally`: a step there with `uses: {plugin}/{ending}` and the same \
                 connection is wanted",
                action.name
            );
            self.fault(step, "uses", message);
        }
    }

    /// A step that runs another workflow, which has to allow it and to know what it is given.
    fn child(&mut self, step: &Step, name: &str, with: &Template) {
        let Some(child) = self.installed.workflows.get(name).filter(|_| name != self.workflow.name) else {
            let near = nearest(name, self.installed.workflows.keys().map(String::as_str));
            let hint = near.map_or_else(String::new, |near| format!(": did you mean {near}?"));
            let message = if name == self.workflow.name {
                "a workflow does not run itself".to_owned()
            } else {
                format!("there is no workflow {name}{hint}")
            };
            return self.fault(step, "run", message);
        };
        if !child.is_callable() {
            let message = format!("workflow {name} does not let others run it: it needs the trigger `called: {{}}`");
            return self.fault(step, "run", message);
        }
        let given = with.source().as_object();
        for input in given.into_iter().flat_map(|given| given.keys()) {
            if !child.inputs.contains_key(input) {
                self.fault(step, &format!("with/{input}"), format!("workflow {name} has no input {input:?}"));
            }
        }
        for (input, schema) in &child.inputs {
            let needed = schema.source().get("default").is_none();
            if needed && !given.is_some_and(|given| given.contains_key(input)) {
                self.fault(step, "with", format!("workflow {name} needs the input {input:?}"));
            }
        }
    }

    fn connection(&mut self, step: &Step, manifest: &Manifest, connection: Option<&str>) {
        match (connection, &manifest.connection) {
            (None, None) => {}
            (None, Some(_)) => {
                let fitting: Vec<&str> = self.connections_of(&manifest.name);
                let hint = if fitting.is_empty() { "there is none yet".to_owned() } else { fitting.join(", ") };
                self.fault(step, "uses", format!("{} needs a `connection`: {hint}", manifest.name));
            }
            (Some(_), None) => {
                self.fault(step, "connection", format!("{} works without a connection", manifest.name));
            }
            (Some(name), Some(_)) => match self.installed.connections.get(name) {
                Some(connection) if connection.plugin == manifest.name => {}
                Some(connection) => {
                    let message =
                        format!("connection {name} is of plugin {}, not {}", connection.plugin, manifest.name);
                    self.fault(step, "connection", message);
                }
                None => {
                    let near = nearest(name, self.installed.connections.keys().map(String::as_str));
                    let hint = near.map_or_else(String::new, |near| format!(": did you mean {near}?"));
                    self.fault(step, "connection", format!("there is no connection {name}{hint}"));
                }
            },
        }
    }

    fn connections_of(&self, plugin: &str) -> Vec<&str> {
        let fitting = self.installed.connections.values().filter(|connection| connection.plugin == plugin);
        fitting.map(|connection| connection.name.as_str()).collect()
    }

    /// Checks what is constant in `with`; an expression may become anything.
    fn with(&mut self, step: &Step, action: &Action, with: &Template) {
        let Ok(validator) = action.input.validator() else {
            self.fault(step, "uses", format!("the input schema of {} is broken: tell its author", action.name));
            return;
        };
        let dynamic: Vec<String> = with.expressions().into_iter().map(|(pointer, _)| pointer).collect();
        for error in validator.iter_errors(with.source()) {
            let pointer = error.instance_path().to_string();
            let computed = dynamic.iter().any(|place| *place == pointer || place.starts_with(&format!("{pointer}/")));
            // A missing or unknown field of the object itself shows although one of its fields is computed.
            if computed && !is_about_names(&error.to_string()) {
                continue;
            }
            self.fault(step, &format!("with{pointer}"), short(&error.to_string()));
        }
    }

    fn notify(&mut self, step: &Step, notify: &Notify) {
        let connection = match notify {
            Notify::None => return,
            Notify::Connection(name) => Some(name.as_str()),
            Notify::Step(told) => self.workflow.step(told).and_then(|told| match &told.kind {
                StepKind::Action { connection, .. } => connection.as_deref(),
                _ => None,
            }),
        };
        let Some(connection) = connection else {
            self.fault(
                step,
                "approve/notify",
                "that step goes through no connection, so nobody can be told".to_owned(),
            );
            return;
        };
        let Some(known) = self.installed.connections.get(connection) else {
            let message = format!("there is no step and no connection {connection}: write `none` to tell nobody");
            self.fault(step, "approve/notify", message);
            return;
        };
        let tells = self.installed.plugins.get(&known.plugin).is_some_and(|manifest| manifest.notify.is_some());
        if !tells {
            let message = format!("plugin {} of connection {connection} cannot tell people", known.plugin);
            self.fault(step, "approve/notify", message);
        }
    }

    fn fault(&mut self, step: &Step, part: &str, message: String) {
        let path = format!("{}.{part}", step.id);
        self.faults.push(Fault::new(self.workflow.position(&path), path, message));
    }
}

fn is_about_names(message: &str) -> bool {
    message.contains("is a required property") || message.contains("Additional properties are not allowed")
}

/// A schema's message, cut where it quotes a large value.
fn short(message: &str) -> String {
    message.chars().take(300).collect()
}

/// Checks a resolved input against an action's schema, before the guest sees it.
pub fn check_input(action: &Action, input: &Value) -> Result<(), String> {
    let validator = action.input.validator().map_err(|error| format!("input schema: {error}"))?;
    validator.validate(input).map_err(|error| {
        let pointer = error.instance_path().to_string().replace('/', ".");
        short(&format!("with{pointer}: {error}"))
    })
}
