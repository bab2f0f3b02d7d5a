//! `wardroom workflow test`: plays rehearsals without a server.

use std::{path::Path, process::ExitCode, time::Duration};

use serde_json::{Value, json};

use super::{
    Failed,
    terminal::{self, Colour, paint},
};
use wardroom_domain::workflow::{self, document};
use wardroom_engine::runs::rehearse::{self, Verdict};

/// Plays every case of every file; exit code 1 when one is not as expected.
pub(super) fn run(files: &[std::path::PathBuf], as_json: bool) -> Result<ExitCode, Failed> {
    let mut verdicts = Vec::new();
    for file in files {
        for verdict in play(file)? {
            if !as_json {
                show(&verdict)?;
            }
            verdicts.push(verdict);
        }
    }
    let bad = verdicts.iter().filter(|verdict| !verdict.faults.is_empty()).count();
    if as_json {
        terminal::json(&json!({ "cases": verdicts.iter().map(in_json).collect::<Vec<_>>() }))?;
    } else {
        terminal::line(&format!("{} cases, {bad} not as expected", verdicts.len()))?;
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn play(file: &Path) -> Result<Vec<Verdict>, Failed> {
    let named = |file: &Path, text: String| Failed(format!("{}: {text}", file.display()));
    let read = |file: &Path| std::fs::read_to_string(file).map_err(|error| named(file, error.to_string()));
    let faults = |file: &Path, faults: Vec<workflow::Fault>| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("{}:{fault}", file.display())).collect();
        Failed(lines.join("\n"))
    };
    let value = document::value(&read(file)?).map_err(|found| faults(file, found))?;
    let rehearsal = rehearse::read(value).map_err(|text| named(file, text))?;
    let workflow_file = file.parent().unwrap_or(Path::new("")).join(&rehearsal.workflow);
    let workflow = workflow::parse(&read(&workflow_file)?).map_err(|found| faults(&workflow_file, found))?;
    Ok(rehearsal.cases.iter().map(|case| rehearse::play(&workflow, case)).collect())
}

fn show(verdict: &Verdict) -> Result<(), Failed> {
    if verdict.faults.is_empty() {
        terminal::line(&format!("{} {}", paint(Colour::Green, "ok"), verdict.name))?;
        return Ok(());
    }
    terminal::line(&format!("{} {}", paint(Colour::Red, "FAILED"), verdict.name))?;
    for fault in &verdict.faults {
        terminal::line(&format!("    {fault}"))?;
    }
    for stage in &verdict.route {
        terminal::line(&paint(Colour::Grey, &format!("    {} {}", clock(stage.after), stage.text)))?;
    }
    Ok(())
}

/// `+0:03:00`, hours first.
fn clock(after: Duration) -> String {
    let seconds = after.as_secs();
    format!("+{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn in_json(verdict: &Verdict) -> Value {
    let route = verdict.route.iter().map(|stage| json!({ "after_ms": ms(stage.after), "text": stage.text }));
    json!({
        "name": verdict.name,
        "ok": verdict.faults.is_empty(),
        "faults": verdict.faults,
        "route": route.collect::<Vec<_>>(),
    })
}

fn ms(after: Duration) -> u64 {
    u64::try_from(after.as_millis()).unwrap_or(u64::MAX)
}
