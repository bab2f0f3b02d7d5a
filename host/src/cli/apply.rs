//! `wardroom apply DIR`: brings a folder of documents from a repository to the server.

use std::{
    io::{IsTerminal, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    Failed,
    client::{ClientOptions, word},
    terminal::{self, Colour, paint},
};

/// The most documents, and how deep folders are looked into.
const MAX_FILES: usize = 500;
const MAX_LEVELS: usize = 16;

/// The exit code of a dry run that would change something.
const WOULD_CHANGE: u8 = 2;

#[derive(Args)]
pub(super) struct Apply {
    /// A folder of `.yaml`, `.yml` and `.json` documents; folders in it too, hidden ones not. Those that say `kind: schedule`
    /// are schedules, those that say `kind: playbook` playbooks, the others workflows.
    folder: PathBuf,
    /// Takes workflows out of use that are not in the folder.
    #[arg(long)]
    prune: bool,
    /// Shows the difference and changes nothing; exit code 2 when there is one.
    #[arg(long)]
    dry_run: bool,
    /// Does not ask.
    #[arg(long)]
    yes: bool,
}

impl Apply {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<ExitCode, Failed> {
        let documents = documents(&self.folder)?;
        let body = json!({ "documents": documents, "prune": self.prune, "dry_run": true });
        let shown = client.post("/apply", body.clone()).await?;
        let changes: Vec<&Value> = shown["changes"].as_array().into_iter().flatten().collect();
        let differing = changes.iter().filter(|change| change["change"] != json!("unchanged")).count();
        if !client.json {
            show(&changes)?;
        }
        if self.dry_run || differing == 0 {
            if client.json {
                terminal::json(&shown)?;
            }
            return Ok(if differing > 0 { ExitCode::from(WOULD_CHANGE) } else { ExitCode::SUCCESS });
        }
        if !self.yes && !agreed(differing)? {
            return Err(Failed("nothing was changed".to_owned()));
        }
        // What was shown is what is applied: anything saved since is refused.
        let expect = |noun: &str| -> Map<String, Value> {
            let named = changes.iter().filter(|change| change[noun].is_string());
            named.map(|change| (word(change, noun), change["revision"].clone())).collect()
        };
        let body = json!({
            "documents": documents, "prune": self.prune, "expect": expect("workflow"),
            "expect_playbooks": expect("playbook"), "expect_schedules": expect("schedule"),
        });
        let answer = client.post("/apply", body).await?;
        client.show(&answer, |_| format!("applied {differing} of {}", changes.len()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The documents of a folder, in the order of their names.
fn documents(folder: &Path) -> Result<Vec<Value>, Failed> {
    let mut files = Vec::new();
    collect(folder, 0, &mut files)?;
    let mut documents = Vec::with_capacity(files.len());
    for file in files {
        let shown = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
        let source = std::fs::read_to_string(&file).map_err(|error| Failed(format!("{}: {error}", file.display())))?;
        documents.push(json!({ "file": shown, "source": source }));
    }
    if documents.is_empty() {
        return Err(Failed(format!("{}: there is no .yaml, .yml or .json in it", folder.display())));
    }
    Ok(documents)
}

/// Follows no links: what is applied lies in the folder.
fn collect(folder: &Path, level: usize, files: &mut Vec<PathBuf>) -> Result<(), Failed> {
    let named = |error: std::io::Error| Failed(format!("{}: {error}", folder.display()));
    let mut entries: Vec<_> = std::fs::read_dir(folder).map_err(named)?.collect::<Result<_, _>>().map_err(named)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (name, kind) = (entry.file_name().to_string_lossy().into_owned(), entry.file_type().map_err(named)?);
        let is_document = [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
        let rehearses = name.contains(".rehearsal.");
        if name.starts_with('.') || rehearses {
            continue;
        }
        if kind.is_dir() && level < MAX_LEVELS {
            collect(&entry.path(), level + 1, files)?;
        } else if kind.is_file() && is_document {
            files.push(entry.path());
        }
        if files.len() > MAX_FILES {
            return Err(Failed(format!("{}: more than {MAX_FILES} documents", folder.display())));
        }
    }
    Ok(())
}

fn show(changes: &[&Value]) -> Result<(), Failed> {
    let mut unchanged = 0;
    for change in changes {
        let nouns = ["workflow", "playbook", "schedule"];
        let noun = nouns.into_iter().find(|noun| change[*noun].is_string()).unwrap_or("workflow");
        let (name, revision) = (word(change, noun), &change["revision"]);
        let (colour, text) = match word(change, "change").as_str() {
            "create" => (Colour::Green, format!("+ {name}")),
            "update" => (Colour::Yellow, format!("~ {name} (revision {revision})")),
            "delete" => (Colour::Red, format!("- {name} (revision {revision})")),
            _ => {
                unchanged += 1;
                continue;
            }
        };
        terminal::line(&paint(colour, &text))?;
        // A new document is all difference: its name is enough.
        let diff = if change["change"] == json!("update") { word(change, "diff") } else { String::new() };
        for line in diff.lines() {
            let painted = match line.chars().next() {
                Some('+') => paint(Colour::Green, line),
                Some('-') => paint(Colour::Red, line),
                _ => line.to_owned(),
            };
            terminal::line(&format!("    {painted}"))?;
        }
    }
    terminal::line(&paint(Colour::Grey, &format!("= {unchanged} unchanged")))?;
    Ok(())
}

fn agreed(differing: usize) -> Result<bool, Failed> {
    if !std::io::stdin().is_terminal() {
        return Err(Failed("nobody is here to agree: give --yes to apply the difference".to_owned()));
    }
    write!(std::io::stdout(), "apply {differing} changes? [y/N] ")?;
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "yes"))
}
