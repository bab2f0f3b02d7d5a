//! What a playbook's document says of stages: checklists, workflows, exit criteria.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Criterion, GuardMode, StagePlan, TaskPlan, WorkflowPlan,
    document::{bounded, field, identifier, items, need, word},
};
use crate::{
    document::{Node, Reader},
    expression::Template,
    incident::Stage,
};

/// The most tasks, and criteria, of a stage; and of a playbook.
const MAX_TASKS: usize = 100;
const MAX_CRITERIA: usize = 50;
const MAX_WORKFLOWS: usize = 20;
const MAX_DUE: Duration = Duration::from_hours(24 * 366);

pub(super) fn stages(reader: &mut Reader, node: &Node, path: &str) -> BTreeMap<Stage, StagePlan> {
    let Some(fields) = reader.object(node, path) else { return BTreeMap::new() };
    let mut stages = BTreeMap::new();
    for (name, node) in fields.all() {
        let path = fields.path(&name.text);
        match name.text.parse::<Stage>() {
            Ok(Stage::Closed | Stage::Canceled) => {
                reader.fault(name.at, &path, "nothing is to be done in a stage that is the end");
            }
            Ok(stage) => stages.extend(plan(reader, node, &path).map(|plan| (stage, plan))),
            Err(error) => reader.fault(name.at, &path, error.to_string()),
        }
    }
    let tasks: usize = stages.values().map(|plan: &StagePlan| plan.tasks.len()).sum();
    if tasks > MAX_TASKS {
        reader.fault(node.at, path, format!("there are {tasks} tasks: at most {MAX_TASKS} are wanted"));
    }
    stages
}

fn plan(reader: &mut Reader, node: &Node, path: &str) -> Option<StagePlan> {
    let mut fields = reader.object(node, path)?;
    let tasks = field(&mut fields, "tasks", |node, path| Some(items(reader, node, path, MAX_TASKS, task)));
    let workflows =
        field(&mut fields, "workflows", |node, path| Some(items(reader, node, path, MAX_WORKFLOWS, workflow)));
    let exit = field(&mut fields, "exit", |node, path| Some(items(reader, node, path, MAX_CRITERIA, criterion)));
    fields.finish(reader);
    Some(StagePlan {
        tasks: tasks.unwrap_or_default(),
        workflows: workflows.unwrap_or_default(),
        exit: exit.unwrap_or_default(),
    })
}

fn task(reader: &mut Reader, node: &Node, path: &str) -> Option<TaskPlan> {
    let mut fields = reader.object(node, path)?;
    let id = need(reader, &mut fields, "id", identifier);
    let text = need(reader, &mut fields, "text", |reader, node, path| bounded(reader, node, path, 500));
    let role = field(&mut fields, "role", |node, path| word(reader, node, path));
    let backup = field(&mut fields, "backup", |node, path| word(reader, node, path));
    let due = field(&mut fields, "due", |node, path| reader.duration(node, path, Duration::from_secs(1), MAX_DUE));
    let needs = field(&mut fields, "needs", |node, path| Some(items(reader, node, path, MAX_TASKS, identifier)));
    fields.finish(reader);
    Some(TaskPlan { id: id?, text: text?, role, backup, due, needs: needs.unwrap_or_default() })
}

fn workflow(reader: &mut Reader, node: &Node, path: &str) -> Option<WorkflowPlan> {
    let mut fields = reader.object(node, path)?;
    let name = need(reader, &mut fields, "name", Reader::name);
    let with = field(&mut fields, "with", |node, path| reader.object_template(node, path));
    fields.finish(reader);
    let with = with.or_else(|| Template::parse(&serde_json::json!({})).ok());
    Some(WorkflowPlan { name: name?, with: with? })
}

fn criterion(reader: &mut Reader, node: &Node, path: &str) -> Option<Criterion> {
    let mut fields = reader.object(node, path)?;
    let id = need(reader, &mut fields, "id", identifier);
    let text = need(reader, &mut fields, "text", |reader, node, path| bounded(reader, node, path, 500));
    let when = need(reader, &mut fields, "when", Reader::expression);
    let modes = [("block", GuardMode::Block), ("warn", GuardMode::Warn)];
    let mode = field(&mut fields, "mode", |node, path| reader.choice(node, path, &modes));
    fields.finish(reader);
    Some(Criterion { id: id?, text: text?, when: when?, mode: mode.unwrap_or(GuardMode::Block) })
}
