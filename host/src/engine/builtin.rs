//! The built-in actions (`wardroom/…`). Those that only add to the timeline commit with the attempt's result; setting the
//! stage is a use case of its own and leaves a mark that makes it happen once.

use serde_json::{Value, json};

use super::{
    Engine, EngineError,
    call::{Made, unmade},
    once::Once,
    stage::StageRequest,
};
use crate::domain::{
    incident::Stage,
    person::Actor,
    run::{
        Mode, Purpose, Retry, Run, SideEffect, StepError, StepRun,
        happening::{Ended, Told},
        idempotency_key,
    },
    timeline::EntryKind,
};

impl Engine {
    /// Runs a built-in action.
    pub(super) async fn built_in(&self, run: &Run, state: &StepRun, action: &str) -> Made {
        let input = state.input.clone().unwrap_or_default();
        let Some(incident) = run.incident else {
            return refused("no_incident", "the run belongs to no incident").into();
        };
        if run.mode == Mode::Simulated && action == "set-stage" {
            // What only the timeline sees is harmless in practice; the stage is people's to move, in a drill too.
            return Ended::Simulated { output: json!({}), request: json!({ "action": action, "with": input }) }.into();
        }
        let kind = match action {
            "set-stage" => return self.set_stage(run, state, incident, &input).await.into(),
            "post-update" => EntryKind::Update,
            "add-timeline" => EntryKind::Note,
            "attach-artifact" => EntryKind::Artifact,
            _ => return refused("unknown_action", &format!("wardroom offers no action {action}")).into(),
        };
        let text =
            input.get("text").or_else(|| input.get("label")).and_then(Value::as_str).unwrap_or(action).to_owned();
        let told = vec![Told { kind, text, data: input }];
        let ended = Ended::Done { output: json!({}), summary: String::new(), undo: None };
        Made { told, ..ended.into() }
    }

    async fn set_stage(
        &self,
        run: &Run,
        state: &StepRun,
        incident: crate::domain::id::IncidentId,
        input: &Value,
    ) -> Ended {
        let wanted: Stage = match input.get("to").and_then(Value::as_str).unwrap_or_default().parse() {
            Ok(known) => known,
            Err(error) => return refused("invalid_input", &error.to_string()),
        };
        let key = idempotency_key(run.id, &state.step, state.item, state.generation, Purpose::Run);
        let request = StageRequest {
            to: wanted,
            reason: input.get("reason").and_then(Value::as_str).map(str::to_owned),
            actor: Actor::Run { id: run.id, workflow: run.workflow.clone(), step: Some(state.step.clone()) },
            depth: run.depth.saturating_add(1),
            expected: None,
            once: Some(Once::for_step(run.id, key)),
        };
        let done = |text: String| Ended::Done { output: json!({ "stage": wanted }), summary: text, undo: None };
        match self.change_stage(incident, request).await {
            Ok(_) => done(format!("entered {wanted}")),
            Err(EngineError::Stage(crate::domain::incident::StageError::Same(_))) => {
                done(format!("was in {wanted} already"))
            }
            Err(EngineError::Stage(error)) => refused("stage", &error.to_string()),
            Err(error) => Ended::NoResult { error: unmade(&error), nothing_sent: true },
        }
    }
}

fn refused(code: &str, message: &str) -> Ended {
    let error = StepError::new(code, message);
    Ended::Failed { error, retry: Retry::Never, effect: SideEffect::None, undo: None }
}
