//! `wardroom export …`: an incident for compliance, and whether an export is as it was made.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::{
    Failed,
    client::{ClientOptions, word},
    terminal::{self, Colour, paint},
};
use wardroom_domain::export::{Checked, Files, verify};

/// The largest file of an export that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024 * 1024;

#[derive(Subcommand)]
pub(super) enum Export {
    /// Writes an incident into an archive: everything known of it, its timeline as a chain of hashes.
    #[command(after_help = "Example:\n  wardroom export incident INC-42 --out INC-42.zip")]
    Incident {
        /// The incident.
        incident: String,
        /// The file; one that is there is not overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Checks whether an export is as it was made, without a server; says which entry or file is not. Exit code 1 if so.
    #[command(after_help = "Example:\n  wardroom export verify INC-42.zip --against-server")]
    Verify {
        /// The file.
        file: PathBuf,
        /// Asks the server too whether its timeline has the same chain.
        #[arg(long)]
        against_server: bool,
    },
}

impl Export {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<ExitCode, Failed> {
        match self {
            Self::Incident { incident, out } => save(client, &incident, &out).await,
            Self::Verify { file, against_server } => check(client, &file, against_server).await,
        }
    }
}

async fn save(client: &ClientOptions, incident: &str, out: &Path) -> Result<ExitCode, Failed> {
    let request = client.request(Method::GET, &format!("/incidents/{incident}/export"))?;
    let bytes = client.response(request).await?.bytes().await?;
    let named = |error: std::io::Error| Failed(format!("{}: {error}", out.display()));
    let mut file = File::options().write(true).create_new(true).open(out).map_err(named)?;
    std::io::Write::write_all(&mut file, &bytes).map_err(named)?;
    let answer = json!({ "file": out.display().to_string(), "bytes": bytes.len() });
    client.show(&answer, |_| format!("wrote {} ({} bytes)", out.display(), bytes.len()))?;
    Ok(ExitCode::SUCCESS)
}

async fn check(client: &ClientOptions, file: &Path, against_server: bool) -> Result<ExitCode, Failed> {
    let Checked { incident, entries, head, mut faults } = verify(&read(file)?);
    if against_server {
        let path = format!("/incidents/{incident}/timeline/head?entries={entries}");
        let there = client.get(&path).await?;
        if word(&there, "head") != head {
            faults.push("the server's timeline has another chain".to_owned());
        }
    }
    let fits = faults.is_empty();
    if client.json {
        terminal::json(&json!({
            "incident": incident, "entries": entries, "head": head, "verified": fits, "faults": faults,
        }))?;
    } else {
        for fault in &faults {
            terminal::line(&paint(Colour::Red, fault))?;
        }
        let verdict = if fits {
            paint(Colour::Green, &format!("{incident}: {entries} entries, all as they were made"))
        } else {
            paint(Colour::Red, &format!("{incident}: {} do not fit", faults.len()))
        };
        terminal::line(&verdict)?;
    }
    Ok(if fits { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &Path) -> Result<Files, Failed> {
    let named = |error: &dyn std::fmt::Display| Failed(format!("{}: {error}", file.display()));
    let opened = File::open(file).map_err(|error| named(&error))?;
    let mut archive = zip::ZipArchive::new(opened).map_err(|error| named(&error))?;
    let mut files = Files::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| named(&error))?;
        let name = entry.name().map_err(|error| named(&error))?.into_owned();
        let mut bytes = Vec::new();
        entry.take(MAX_FILE).read_to_end(&mut bytes).map_err(|error| named(&error))?;
        if files.insert(name.clone(), bytes).is_some() {
            return Err(named(&format!("{name} is in it twice")));
        }
    }
    Ok(files)
}
