//! Trying a plugin out: a cassette is replayed or recorded, or an action is called once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    Failed,
    cassette::{self, Bench, Played},
    client::ClientOptions,
    terminal::{self, Colour, paint},
};
use wardroom_domain::cassette::{Account, Case};

/// Replays cassettes, or records them with these secrets. Says whether everything is as they want it.
pub(super) async fn test(
    client: &ClientOptions,
    component: &Path,
    cassettes: &[PathBuf],
    record: Option<Vec<String>>,
) -> Result<bool, Failed> {
    let secrets = record.as_deref().map(given).transpose()?;
    let recording = secrets.is_some();
    let mut results = Vec::new();
    for path in cassettes {
        // State begins anew with each cassette.
        let bench = Bench::new(component, secrets.clone()).await?;
        let mut cassette = cassette::read(path)?;
        for case in &mut cassette.cases {
            let played = bench.play(cassette.connection.as_ref(), case).await?;
            if recording {
                case.exchanges.clone_from(&played.exchanges);
                case.outcome.clone_from(&played.outcome);
            }
            if !client.json {
                tell(path, case, &played, recording)?;
            }
            results.push(
                json!({ "cassette": path, "case": case.name, "faults": played.faults, "outcome": played.outcome }),
            );
        }
        if recording {
            let text = serde_json::to_string_pretty(&cassette)?;
            // Whole or not at all.
            let unfinished = path.with_extension("json.tmp");
            std::fs::write(&unfinished, format!("{text}\n"))?;
            std::fs::rename(&unfinished, path)?;
        }
    }
    let faulty = results.iter().filter(|one| one["faults"] != json!([])).count();
    if client.json {
        terminal::json(&json!({ "cases": results, "faulty": faulty }))?;
    } else {
        let word = if recording { "recorded" } else { "played" };
        terminal::line(&format!("{} cases {word}, {faulty} not as wanted", results.len()))?;
    }
    Ok(faulty == 0)
}

fn tell(path: &Path, case: &Case, played: &Played, recording: bool) -> Result<(), Failed> {
    let (mark, colour) = match (recording, played.faults.is_empty()) {
        (true, _) => ("recorded", Colour::Yellow),
        (false, true) => ("ok", Colour::Green),
        (false, false) => ("WRONG", Colour::Red),
    };
    terminal::line(&format!("{} {}: {}", paint(colour, mark), path.display(), case.name))?;
    for fault in &played.faults {
        terminal::line(&format!("    {fault}"))?;
    }
    for line in played.log.iter().filter(|_| !played.faults.is_empty()) {
        terminal::line(&paint(Colour::Grey, &format!("    log {line}")))?;
    }
    Ok(())
}

/// One call.
pub(super) struct Once {
    pub(super) action: String,
    pub(super) input: String,
    pub(super) connection: Option<PathBuf>,
    pub(super) secrets: Vec<String>,
    pub(super) dry_run: bool,
}

impl Once {
    pub(super) async fn run(self, client: &ClientOptions, component: &Path) -> Result<(), Failed> {
        let input: Value = serde_json::from_str(&self.input).map_err(|error| Failed(format!("--input: {error}")))?;
        let account = self.connection.as_deref().map(account).transpose()?;
        let case = Case { dry_run: self.dry_run, ..Case::of(&self.action, input) };
        let bench = Bench::new(component, Some(given(&self.secrets)?)).await?;
        let played = bench.play(account.as_ref(), &case).await?;
        let asked = |one: &wardroom_domain::cassette::Exchange| json!({ "method": one.request.method, "url": one.request.url, "status": one.response.status });
        let requests: Vec<Value> = played.exchanges.iter().map(asked).collect();
        let answer = json!({ "outcome": played.outcome, "requests": requests, "log": played.log });
        if client.json {
            return Ok(terminal::json(&answer)?);
        }
        for one in &played.exchanges {
            let (request, status) = (&one.request, one.response.status);
            terminal::line(&paint(Colour::Grey, &format!("{} {} -> {status}", request.method, request.url)))?;
        }
        for line in &played.log {
            terminal::line(&paint(Colour::Grey, &format!("log {line}")))?;
        }
        Ok(terminal::line(&serde_json::to_string_pretty(&played.outcome)?)?)
    }
}

/// The account of a connection's document; what only the server needs is passed over.
fn account(path: &Path) -> Result<Account, Failed> {
    let failed = |error: String| Failed(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let mut document: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    if let Some(fields) = document.as_object_mut() {
        fields.retain(|field, _| !matches!(field.as_str(), "plugin" | "real_in_drills" | "record" | "limits"));
    }
    serde_json::from_value(document).map_err(|error| failed(error.to_string()))
}

/// The secrets of `NAME=FILE` options.
fn given(options: &[String]) -> Result<BTreeMap<String, SecretString>, Failed> {
    let mut secrets = BTreeMap::new();
    for option in options {
        let (name, file) = option.split_once('=').ok_or_else(|| Failed(format!("{option:?}: NAME=FILE is wanted")))?;
        let value = std::fs::read_to_string(file).map_err(|error| Failed(format!("{file}: {error}")))?;
        secrets.insert(name.to_owned(), SecretString::from(value.trim_end_matches(['\r', '\n'])));
    }
    Ok(secrets)
}
