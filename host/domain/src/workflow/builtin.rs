//! The built-in plugin `wardroom`: what its actions take and give, in the shape of any plugin's manifest.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use crate::{
    incident::Stage,
    plugin::{Action, CONTRACT, Idempotency, Manifest, Risk},
};

/// The name no other plugin may have.
pub const NAME: &str = "wardroom";

static MANIFEST: LazyLock<Arc<Manifest>> = LazyLock::new(|| Arc::new(make()));

/// The manifest.
pub fn manifest() -> Arc<Manifest> {
    Arc::clone(&MANIFEST)
}

fn make() -> Manifest {
    Manifest {
        api: CONTRACT.to_string(),
        name: NAME.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: "Acts on the run's own incident, or opens one.".to_owned(),
        actions: [of_the_incident(), of_its_parts()].concat(),
        connection: None,
        requests: Vec::new(),
        hosts: Vec::new(),
        secrets: Vec::new(),
        reads: Vec::new(),
        notify: None,
    }
}

/// What acts on the incident itself, or opens one.
fn of_the_incident() -> Vec<Action> {
    let text = text();
    let stages: Vec<&str> = Stage::ALL.iter().map(|stage| stage.as_str()).collect();
    vec![
        action(
            "set-stage",
            "Enters a stage; being there already is fine.",
            &json!({ "to": { "enum": stages }, "reason": text, "override": text }),
            &["to"],
        ),
        action(
            "set-severity",
            "Sets the incident's severity.",
            &json!({ "to": { "enum": ["sev1", "sev2", "sev3", "sev4"] } }),
            &["to"],
        ),
        action(
            "assign-role",
            "Gives a role of the incident to people, by their handles; null takes it away.",
            &json!({
                "role": { "type": "string", "minLength": 1, "maxLength": 64 },
                "primary": { "type": ["string", "null"] },
                "backup": { "type": ["string", "null"] },
            }),
            &["role"],
        ),
        Action {
            output: json!({
                "type": "object",
                "properties": { "incident": { "type": "string" }, "id": { "type": "string" } },
                "required": ["incident", "id"],
            })
            .into(),
            sample_output: Some(json!({ "incident": "INC-1", "id": "00000000-0000-0000-0000-000000000000" })),
            ..action(
                "open-incident",
                "Opens another incident, such as a drill that a schedule starts; needs no incident of its own.",
                &json!({
                    "title": { "type": "string", "minLength": 1, "maxLength": 200 },
                    "severity": { "enum": ["sev1", "sev2", "sev3", "sev4"] },
                    "kind": { "enum": ["incident", "drill"] },
                    "playbook": { "type": "string", "minLength": 1, "maxLength": 64 },
                    "labels": { "type": "object", "maxProperties": 64, "additionalProperties": { "type": "string" } },
                }),
                &["title", "severity"],
            )
        },
    ]
}

/// What acts on the parts of the incident.
fn of_its_parts() -> Vec<Action> {
    let text = text();
    let duration = json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" });
    vec![
        action(
            "post-update",
            "Posts a status update and promises the next one: a text, or a template of the playbook.",
            &json!({
                "text": { "type": "string", "minLength": 1, "maxLength": 4000 },
                "template": { "type": "string", "minLength": 1, "maxLength": 64 },
                "audience": { "enum": ["internal", "stakeholder", "public"] },
                "next_in": duration,
            }),
            &[],
        ),
        action(
            "add-task",
            "Makes a task; the output's `task` is its number.",
            &json!({
                "text": { "type": "string", "minLength": 1, "maxLength": 500 },
                "role": { "type": "string", "minLength": 1, "maxLength": 64 },
                "owner": { "type": "string", "minLength": 1, "maxLength": 64 },
                "due_in": duration,
            }),
            &["text"],
        ),
        action(
            "link-ticket",
            "Says where a follow-up of the retrospective is worked on.",
            &json!({
                "follow_up": { "type": "integer", "minimum": 1 },
                "ticket": { "type": "string", "minLength": 1, "maxLength": 500 },
            }),
            &["follow_up", "ticket"],
        ),
        reading(
            "contribution-links",
            "Makes a link for everybody who was asked for a contribution to the retrospective and has not written one: the \
             output's `links` is a list of `{person, name, email, url}`. Whoever has a link may write that contribution.",
            &json!({
                "type": "object",
                "properties": { "links": { "type": "array", "items": { "type": "object" } } },
                "required": ["links"],
            }),
        ),
        action(
            "add-timeline",
            "Adds a note to the timeline.",
            &json!({ "text": text, "data": { "type": "object" } }),
            &["text"],
        ),
        action(
            "attach-artifact",
            "Keeps a link with the incident.",
            &json!({
                "kind": { "enum": ["link", "channel", "bridge", "ticket", "document", "dashboard", "chart", "text"] },
                "label": { "type": "string", "minLength": 1, "maxLength": 200 },
                "url": { "type": "string", "maxLength": 2000 },
            }),
            &["kind", "label"],
        ),
    ]
}

fn text() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 2000 })
}

fn action(name: &str, description: &str, properties: &Value, required: &[&str]) -> Action {
    Action {
        name: name.to_owned(),
        description: description.to_owned(),
        risk: Risk::Write,
        idempotent: Idempotency::Fixed(true),
        input: json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
        .into(),
        output: json!({ "type": "object" }).into(),
        sample_output: Some(json!({})),
        undo: false,
        check: false,
        ended_by: None,
    }
}

fn reading(name: &str, description: &str, output: &Value) -> Action {
    Action {
        risk: Risk::Read,
        output: output.clone().into(),
        sample_output: None,
        ..action(name, description, &json!({}), &[])
    }
}
