//! The built-in actions (`wardroom/…`). Those that only add to the timeline commit with the attempt's result; setting the
//! stage is a use case of its own and leaves a mark that makes it happen once.

use serde_json::{Value, json};

use super::{
    Engine, EngineError,
    call::{Made, unmade},
    edit::{Asking, Edit},
    findings::NewArtifact,
    once::Once,
    roles::Assignment,
    stage::StageRequest,
    tasks::NewTask,
    updates::NewUpdate,
};
use crate::domain::{
    dossier::update::ArtifactKind,
    id::IncidentId,
    incident::{Incident, Severity, Stage},
    person::Actor,
    run::{
        Mode, Purpose, Run, StepRun,
        happening::{Ended, Told},
        idempotency_key,
    },
    time::parse_duration,
    timeline::EntryKind,
};

impl Engine {
    /// Runs a built-in action.
    pub(super) async fn built_in(&self, run: &Run, state: &StepRun, action: &str) -> Made {
        let input = state.input.clone().unwrap_or_default();
        let Some(incident) = run.incident else {
            return Ended::refused("no_incident", "the run belongs to no incident").into();
        };
        let changes = matches!(action, "set-stage" | "set-severity" | "assign-role" | "add-task");
        if run.mode == Mode::Simulated && changes {
            // What only the timeline sees is harmless in practice; the stage is people's to move, in a drill too.
            return Ended::Simulated { output: json!({}), request: json!({ "action": action, "with": input }) }.into();
        }
        let kind = match action {
            "set-stage" => return self.set_stage(run, state, incident, &input).await.into(),
            "set-severity" => return self.set_severity(run, state, incident, &input).await.into(),
            "assign-role" => return self.give_role(run, state, incident, &input).await.into(),
            "add-task" => return self.make_task(run, state, incident, &input).await.into(),
            "post-update" => return self.tell_people(run, state, incident, &input).await.into(),
            "attach-artifact" => return self.keep_artifact(run, state, incident, &input).await.into(),
            "contribution-links" => return self.links(incident).await.into(),
            "add-timeline" => EntryKind::Note,
            _ => return Ended::refused("unknown_action", format!("wardroom offers no action {action}")).into(),
        };
        let text = input.get("text").and_then(Value::as_str).unwrap_or(action).to_owned();
        let told = vec![Told { kind, text, data: input }];
        let ended = Ended::Done { output: json!({}), summary: String::new(), undo: None };
        Made { told, ..ended.into() }
    }

    async fn set_stage(&self, run: &Run, state: &StepRun, incident: IncidentId, input: &Value) -> Ended {
        let wanted: Stage = match input.get("to").and_then(Value::as_str).unwrap_or_default().parse() {
            Ok(known) => known,
            Err(error) => return Ended::refused("invalid_input", error.to_string()),
        };
        let text = |field: &str| input.get(field).and_then(Value::as_str).map(str::to_owned);
        let request = StageRequest { to: wanted, reason: text("reason"), override_reason: text("override") };
        let done = |text: String| Ended::Done { output: json!({ "stage": wanted }), summary: text, undo: None };
        match self.change_stage(&asking(run, state), incident, &request).await {
            Ok(_) => done(format!("entered {wanted}")),
            Err(EngineError::Stage(crate::domain::incident::StageError::Same(_))) => {
                done(format!("was in {wanted} already"))
            }
            Err(EngineError::Stage(error)) => Ended::refused("stage", error.to_string()),
            Err(error) => Ended::NoResult { error: unmade(&error), nothing_sent: true },
        }
    }
}

impl Engine {
    async fn set_severity(&self, run: &Run, state: &StepRun, incident: IncidentId, input: &Value) -> Ended {
        let wanted: Severity = match input.get("to").and_then(Value::as_str).unwrap_or_default().parse() {
            Ok(known) => known,
            Err(error) => return Ended::refused("invalid_input", error.to_string()),
        };
        let edit = Edit { severity: Some(wanted), ..Edit::default() };
        let changed = self.edit_incident(&asking(run, state), incident, &edit).await;
        ended(changed, json!({ "severity": wanted }), format!("set the severity to {wanted}"))
    }

    async fn give_role(&self, run: &Run, state: &StepRun, incident: IncidentId, input: &Value) -> Ended {
        let role = input.get("role").and_then(Value::as_str).unwrap_or_default();
        let handle = |field: &str| input.get(field).and_then(Value::as_str).map(str::to_owned);
        let assignment = Assignment { primary: handle("primary"), backup: handle("backup"), ..Assignment::default() };
        let changed = self.assign_role(&asking(run, state), incident, role, &assignment).await;
        ended(changed, json!({ "role": role }), String::new())
    }
}

impl Engine {
    async fn make_task(&self, run: &Run, state: &StepRun, incident: IncidentId, input: &Value) -> Ended {
        let text = |field: &str| input.get(field).and_then(Value::as_str).map(str::to_owned);
        let due_in = match text("due_in").map(|text| (parse_duration(&text), text)) {
            Some((None, text)) => return Ended::refused("invalid_input", format!("due_in: {text:?} is no duration")),
            Some((due, _)) => due,
            None => None,
        };
        let new = NewTask {
            text: text("text").unwrap_or_default(),
            role: text("role"),
            owner: text("owner"),
            due_at: due_in.map(|due| self.now().plus(due)),
            ..NewTask::default()
        };
        let added = self.add_task(&asking(run, state), incident, &new).await;
        let number = added.as_ref().map(|added| added.number).unwrap_or_default();
        ended(added.map(|added| added.dossier.incident), json!({ "task": number }), String::new())
    }

    async fn tell_people(&self, run: &Run, state: &StepRun, incident: IncidentId, input: &Value) -> Ended {
        let text = |field: &str| input.get(field).and_then(Value::as_str).map(str::to_owned);
        let audience = input.get("audience").cloned().and_then(|word| serde_json::from_value(word).ok());
        let next_in = text("next_in").as_deref().and_then(parse_duration);
        let new = NewUpdate { audience, text: text("text"), template: text("template"), next_in };
        let posted = self.post_update(&asking(run, state), incident, &new).await;
        let number = posted.as_ref().map(|posted| posted.number).unwrap_or_default();
        let output = json!({ "update": number });
        ended(posted.map(|posted| posted.dossier.incident), output, String::new())
    }

    async fn links(&self, incident: IncidentId) -> Ended {
        let links = match self.contribution_links(incident).await {
            Ok(links) => links,
            Err(error) => return Ended::NoResult { error: unmade(&error), nothing_sent: true },
        };
        let mut shown = Vec::with_capacity(links.len());
        for link in links {
            let person = self.store().person_by_handle(&link.person).await.ok().flatten();
            let name = person.as_ref().map_or_else(|| link.person.clone(), |person| person.name.clone());
            let email = person.and_then(|person| person.email);
            let url = format!("{}{}", self.public_url(), link.path);
            shown.push(json!({ "person": link.person, "name": name, "email": email, "url": url }));
        }
        let summary = format!("made {} links", shown.len());
        Ended::Done { output: json!({ "links": shown }), summary, undo: None }
    }

    async fn keep_artifact(&self, run: &Run, state: &StepRun, incident: IncidentId, input: &Value) -> Ended {
        let text = |field: &str| input.get(field).and_then(Value::as_str).map(str::to_owned);
        let kind = input.get("kind").cloned().and_then(|word| serde_json::from_value(word).ok());
        let kind = kind.unwrap_or(ArtifactKind::Link);
        let new = NewArtifact { kind, label: text("label").unwrap_or_default(), url: text("url") };
        let kept = self.attach(&asking(run, state), incident, &new).await;
        ended(kept.map(|kept| kept.dossier.incident), json!({}), String::new())
    }
}

/// A step asks: once, however often it is called.
fn asking(run: &Run, state: &StepRun) -> Asking {
    let key = idempotency_key(run.id, &state.step, state.item, state.generation, Purpose::Run);
    let actor = Actor::Run { id: run.id, workflow: run.workflow.clone(), step: Some(state.step.clone()) };
    Asking { depth: run.depth.saturating_add(1), once: Some(Once::for_step(run.id, key)), ..Asking::of(actor) }
}

fn ended(changed: Result<Incident, EngineError>, output: Value, summary: String) -> Ended {
    match changed {
        Ok(_) => Ended::Done { output, summary, undo: None },
        Err(EngineError::Invalid { field, message }) => Ended::refused("invalid_input", format!("{field}: {message}")),
        Err(error) => Ended::NoResult { error: unmade(&error), nothing_sent: true },
    }
}
