//! The built-in actions (`wardroom/…`). Those that only add to the timeline commit with the attempt's result; setting the
//! stage is a use case of its own and leaves a mark that makes it happen once.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Engine, EngineError,
    incidents::{
        edit::{Asking, Edit},
        findings::NewArtifact,
        open::NewIncident,
        roles::Assignment,
        stage::StageRequest,
        tasks::NewTask,
        updates::NewUpdate,
    },
    once::Once,
    retrospectives::follow_ups::FollowUpEdit,
    runs::call::{Made, unmade},
};
use wardroom_domain::{
    alert::Labels,
    dossier::update::ArtifactKind,
    id::IncidentId,
    incident::{Incident, IncidentKind, Severity, Stage},
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
    pub(crate) async fn built_in(&self, run: &Run, state: &StepRun, action: &str) -> Made {
        let input = state.input.clone().unwrap_or_default();
        // What only the timeline sees is harmless; in a drill the stage is people's to move, and what comes of its
        // retrospective is real.
        let recorded = match action {
            "set-stage" | "set-severity" | "assign-role" | "add-task" | "open-incident" => run.mode != Mode::Real,
            "link-ticket" => run.mode == Mode::Simulated,
            _ => false,
        };
        if recorded {
            return Ended::Simulated { output: json!({}), request: json!({ "action": action, "with": input }) }.into();
        }
        if action == "open-incident" {
            return self.open_another(run, state, &input).await.into();
        }
        let Some(incident) = run.incident else {
            return Ended::refused("no_incident", "the run belongs to no incident").into();
        };
        let kind = match action {
            "set-stage" => return self.set_stage(run, state, incident, &input).await.into(),
            "set-severity" => return self.set_severity(run, state, incident, &input).await.into(),
            "assign-role" => return self.give_role(run, state, incident, &input).await.into(),
            "add-task" => return self.make_task(run, state, incident, &input).await.into(),
            "post-update" => return self.tell_people(run, state, incident, &input).await.into(),
            "link-ticket" => return self.link_ticket(run, state, incident, &input).await.into(),
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
            Err(EngineError::Stage(wardroom_domain::incident::StageError::Same(_))) => {
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

    async fn link_ticket(&self, run: &Run, state: &StepRun, incident: IncidentId, input: &Value) -> Ended {
        let number = input.get("follow_up").and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        let ticket = input.get("ticket").and_then(Value::as_str).map(str::to_owned);
        let edit = FollowUpEdit { ticket, ..FollowUpEdit::default() };
        let edited = self.edit_follow_up(&asking(run, state), incident, number.unwrap_or_default(), &edit).await;
        ended(edited.map(|edited| edited.dossier.incident), json!({ "follow_up": number }), String::new())
    }

    async fn open_another(&self, run: &Run, state: &StepRun, input: &Value) -> Ended {
        let new: NewIncidentInput = match serde_json::from_value(input.clone()) {
            Ok(new) => new,
            Err(error) => return Ended::refused("invalid_input", error.to_string()),
        };
        let new = NewIncident {
            kind: new.kind.unwrap_or(IncidentKind::Incident),
            labels: new.labels,
            playbook: new.playbook,
            ..NewIncident::titled(&new.title, new.severity)
        };
        match self.open(&asking(run, state), &new, None).await {
            Ok(opened) => {
                let output = json!({ "incident": opened.reference(), "id": opened.id });
                Ended::Done { output, summary: format!("opened {}", opened.reference()), undo: None }
            }
            Err(error) => ended(Err(error), json!({}), String::new()),
        }
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

/// What a step writes to open an incident.
#[derive(Deserialize)]
struct NewIncidentInput {
    title: String,
    severity: Severity,
    kind: Option<IncidentKind>,
    #[serde(default)]
    labels: Labels,
    playbook: Option<String>,
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
