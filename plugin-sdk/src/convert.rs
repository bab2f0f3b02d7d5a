//! From an action's answers to the contract's.

use serde::Serialize;

pub(crate) use crate::wit::exports::wardroom::plugin::check::Finding as WitFinding;
pub(crate) use crate::wit::wardroom::plugin::types::{Failure as WitFailure, Reply as WitReply};

use crate::{Artifact, Done, Failure, Finding, Reply, wit::wardroom::plugin::types};

pub(crate) fn reply<T: Serialize>(reply: Reply<T>) -> Result<WitReply, Failure> {
    Ok(match reply {
        Reply::Done(done) => WitReply::Done(outcome(done)?),
        Reply::Pending { after_ms, resume, note, undo } => {
            WitReply::Pending(types::Later { after_ms, resume, note, undo: undo.map(|undo| undo.to_string()) })
        }
    })
}

pub(crate) fn finding<T: Serialize>(finding: Finding<T>) -> Result<WitFinding, Failure> {
    Ok(match finding {
        Finding::Applied(done) => WitFinding::Applied(outcome(done)?),
        Finding::Absent => WitFinding::Absent,
        Finding::Unknown => WitFinding::Unknown,
    })
}

pub(crate) fn outcome<T: Serialize>(done: Done<T>) -> Result<types::Outcome, Failure> {
    let output = serde_json::to_string(&done.output)
        .map_err(|error| Failure::new("invalid_output", format!("The output: {error}.")))?;
    let artifact = |artifact: Artifact| types::Artifact {
        kind: artifact.kind,
        label: artifact.label,
        url: artifact.url,
        content: None,
    };
    Ok(types::Outcome {
        output,
        summary: done.summary,
        artifacts: done.artifacts.into_iter().map(artifact).collect(),
        undo: done.undo.map(|undo| undo.to_string()),
    })
}
