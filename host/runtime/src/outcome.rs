//! From a guest's answer to an outcome: sizes, shapes and the action's own schema are checked, and known secrets masked.

use std::time::Duration;

use serde_json::Value;

use super::{
    bindings::{exports::wardroom::plugin::check, wardroom::plugin::types},
    call::Answer,
    error::{Failure, PluginError, PluginErrorKind},
    guest::Session,
    invocation::{Artifact, Content, Done, Finding, Function, LogLine, Note, Outcome, Pending, Trace},
    limits,
    redact::Redactor,
};
pub(super) use crate::cut::cut;
use wardroom_domain::{
    MAX_DEPTH, is_too_deep,
    run::{Retry, SideEffect},
};

/// The shortest and the longest delay of a pending job.
const DELAY_MS: (u64, u64) = (100, 3_600_000);
/// The longest delay a failure may ask for.
const RETRY_MS: u64 = 24 * 3_600_000;

/// Reads an answer.
pub(super) fn read(answer: Answer, session: &Session, notes: Vec<Note>) -> Result<Outcome, PluginError> {
    match answer {
        Answer::Reply(Ok(types::Reply::Done(outcome))) => Ok(Outcome::Done(done(outcome, session, notes)?)),
        Answer::Reply(Ok(types::Reply::Pending(later))) => Ok(Outcome::Pending(pending(later, session, notes)?)),
        Answer::Finding(Ok(check::Finding::Applied(outcome))) => {
            Ok(Outcome::Finding(Finding::Applied(done(outcome, session, notes)?)))
        }
        Answer::Finding(Ok(check::Finding::Absent)) => Ok(Outcome::Finding(Finding::Absent)),
        Answer::Finding(Ok(check::Finding::Unknown)) => Ok(Outcome::Finding(Finding::Unknown)),
        Answer::Reply(Err(failure)) | Answer::Finding(Err(failure)) => Err(failed(failure, &session.redactor)),
    }
}

fn done(outcome: types::Outcome, session: &Session, timeline: Vec<Note>) -> Result<Done, PluginError> {
    if outcome.output.len() > limits::OUTPUT_BYTES {
        return Err(too_large("its output", limits::OUTPUT_BYTES));
    }
    let output = json(&outcome.output, "its output")?;
    let action = session.invocation.manifest.action(&session.invocation.action);
    if action.is_some_and(|action| action.output.is_too_costly(&output)) {
        return Err(invalid("its output has too many values to be held against its own schema".to_owned()));
    }
    // The schema is that of what `run` leaves: an undo takes it back, and may have nothing to say.
    if session.invocation.function != Function::Undo
        && let Some(action) = action
        && let Ok(validator) = action.output.validator()
        // Stops at the first error: a guest's schema and output could have more than memory holds.
        && let Err(error) = validator.validate(&output)
    {
        let text = cut(&error.to_string(), 300, &session.redactor);
        return Err(invalid(format!(
            "its output breaks its own schema at {:?}: {text}",
            error.instance_path().to_string()
        )));
    }
    Ok(Done {
        output,
        summary: cut(&outcome.summary, limits::SUMMARY_CHARS, &session.redactor),
        artifacts: artifacts(outcome.artifacts, &session.redactor)?,
        undo: token(outcome.undo)?,
        timeline,
    })
}

fn pending(later: types::Later, session: &Session, timeline: Vec<Note>) -> Result<Pending, PluginError> {
    if later.resume.len() > limits::TOKEN_BYTES {
        return Err(too_large("its resume token", limits::TOKEN_BYTES));
    }
    Ok(Pending {
        after: Duration::from_millis(later.after_ms.clamp(DELAY_MS.0, DELAY_MS.1)),
        resume: later.resume,
        note: cut(&later.note, limits::SUMMARY_CHARS, &session.redactor),
        undo: token(later.undo)?,
        timeline,
    })
}

fn failed(failure: types::Failure, redactor: &Redactor) -> PluginError {
    let (code, message) = limits::FAILURE_CHARS;
    // A failure that is itself malformed is still a failure: what cannot be kept is left out.
    let kind = PluginErrorKind::Failed(Box::new(Failure {
        code: cut(&failure.code, code, redactor),
        retry: match failure.retry {
            types::Retry::Never => Retry::Never,
            types::Retry::Backoff => Retry::Backoff,
            types::Retry::AfterMs(ms) => Retry::After(Duration::from_millis(ms.min(RETRY_MS))),
        },
        effect: match failure.effect {
            types::Effect::None => SideEffect::None,
            types::Effect::Applied => SideEffect::Applied,
            types::Effect::Unknown => SideEffect::Unknown,
        },
        details: failure
            .details
            .filter(|details| details.len() <= limits::TOKEN_BYTES)
            .and_then(|details| serde_json::from_str(&details).ok())
            .filter(|details| !is_too_deep(details)),
        artifacts: artifacts(failure.artifacts, redactor).unwrap_or_default(),
        undo: token(failure.undo).unwrap_or_default(),
    }));
    PluginError { kind, message: cut(&failure.message, message, redactor), sent_unsafe: false }
}

fn artifacts(artifacts: Vec<types::Artifact>, redactor: &Redactor) -> Result<Vec<Artifact>, PluginError> {
    if artifacts.len() > limits::ARTIFACTS {
        return Err(too_large("its list of artifacts", limits::ARTIFACTS));
    }
    let mut bytes = 0;
    let mut read = Vec::with_capacity(artifacts.len());
    for artifact in artifacts {
        let content = match artifact.content {
            Some(types::Content::Json(text)) => {
                bytes += text.len();
                Some(Content::Json(json(&text, "an artifact")?))
            }
            Some(types::Content::Bytes((media_type, data))) => {
                bytes += data.len();
                Some(Content::Bytes(media_type, data))
            }
            None => None,
        };
        if bytes > limits::ARTIFACTS_BYTES {
            return Err(too_large("its artifacts", limits::ARTIFACTS_BYTES));
        }
        let url = artifact.url.map(|url| cut(&url, limits::FAILURE_CHARS.1, redactor));
        read.push(Artifact {
            kind: cut(&artifact.kind, 64, redactor),
            label: cut(&artifact.label, limits::LABEL_CHARS, redactor),
            url,
            content,
        });
    }
    Ok(read)
}

fn token(text: Option<String>) -> Result<Option<Value>, PluginError> {
    match text {
        Some(text) if text.len() > limits::TOKEN_BYTES => {
            Err(too_large("what it leaves for undo", limits::TOKEN_BYTES))
        }
        Some(text) => json(&text, "what it leaves for undo").map(Some),
        None => Ok(None),
    }
}

fn json(text: &str, what: &str) -> Result<Value, PluginError> {
    let value = serde_json::from_str(text).map_err(|error| invalid(format!("{what} is no JSON: {error}")))?;
    if is_too_deep(&value) {
        return Err(invalid(format!("{what} is nested deeper than {MAX_DEPTH} levels")));
    }
    Ok(value)
}

fn invalid(message: String) -> PluginError {
    PluginError { kind: PluginErrorKind::InvalidOutput, message, sent_unsafe: false }
}

fn too_large(what: &str, limit: usize) -> PluginError {
    let message = format!("{what} is larger than {limit}");
    PluginError { kind: PluginErrorKind::OutputTooLarge, message, sent_unsafe: false }
}

/// An outcome without known secrets.
pub(super) fn masked(outcome: Outcome, redactor: &Redactor) -> Outcome {
    match outcome {
        Outcome::Done(done) => Outcome::Done(masked_done(done, redactor)),
        Outcome::Pending(pending) => Outcome::Pending(Pending {
            note: redactor.text(&pending.note),
            undo: pending.undo.map(|undo| redactor.value(undo)),
            timeline: masked_notes(pending.timeline, redactor),
            ..pending
        }),
        Outcome::Simulated { request } => Outcome::Simulated { request: redactor.value(request) },
        Outcome::Finding(Finding::Applied(done)) => Outcome::Finding(Finding::Applied(masked_done(done, redactor))),
        Outcome::Finding(finding) => Outcome::Finding(finding),
    }
}

fn masked_done(done: Done, redactor: &Redactor) -> Done {
    Done {
        output: redactor.value(done.output),
        summary: redactor.text(&done.summary),
        artifacts: done.artifacts.into_iter().map(|artifact| masked_artifact(artifact, redactor)).collect(),
        undo: done.undo.map(|undo| redactor.value(undo)),
        timeline: masked_notes(done.timeline, redactor),
    }
}

fn masked_notes(notes: Vec<Note>, redactor: &Redactor) -> Vec<Note> {
    let masked =
        |note: Note| Note { text: redactor.text(&note.text), data: note.data.map(|data| redactor.value(data)) };
    notes.into_iter().map(masked).collect()
}

fn masked_artifact(artifact: Artifact, redactor: &Redactor) -> Artifact {
    Artifact {
        kind: redactor.text(&artifact.kind),
        label: redactor.text(&artifact.label),
        url: artifact.url.map(|url| redactor.text(&url)),
        content: artifact.content.map(|content| match content {
            Content::Json(value) => Content::Json(redactor.value(value)),
            Content::Bytes(media_type, data) => Content::Bytes(redactor.text(&media_type), redactor.bytes(data)),
        }),
    }
}

/// An error without known secrets.
pub(super) fn masked_error(error: PluginError, redactor: &Redactor) -> PluginError {
    let kind = match error.kind {
        PluginErrorKind::Failed(failure) => PluginErrorKind::Failed(Box::new(Failure {
            code: redactor.text(&failure.code),
            details: failure.details.map(|details| redactor.value(details)),
            artifacts: failure.artifacts.into_iter().map(|artifact| masked_artifact(artifact, redactor)).collect(),
            undo: failure.undo.map(|undo| redactor.value(undo)),
            ..*failure
        })),
        kind => kind,
    };
    PluginError { kind, message: redactor.text(&error.message), ..error }
}

/// A trace without known secrets, also where one was split over several lines.
pub(super) fn masked_trace(mut trace: Trace, redactor: &Redactor) -> Trace {
    let mut pieces: Vec<&mut String> = Vec::new();
    for LogLine { message, fields, .. } in &mut trace.log {
        pieces.push(message);
        for (name, value) in fields {
            pieces.push(name);
            pieces.push(value);
        }
    }
    if let Some((_, note)) = &mut trace.progress {
        pieces.push(note);
    }
    redactor.pieces(&mut pieces);
    // Messages alone too: fields may stand between two halves.
    redactor.pieces(&mut trace.log.iter_mut().map(|line| &mut line.message).collect::<Vec<_>>());
    // And values alone, as names stand between theirs.
    let fields = trace.log.iter_mut().flat_map(|line| &mut line.fields);
    redactor.pieces(&mut fields.map(|(_, value)| value).collect::<Vec<_>>());
    for denial in &mut trace.denied {
        denial.text = redactor.text(&denial.text);
    }
    for call in &mut trace.http {
        call.method = redactor.text(&call.method);
        call.path = redactor.text(&call.path);
        call.host = redactor.text(&call.host);
    }
    trace
}
