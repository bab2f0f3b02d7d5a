//! The command line. One file a command family; the client commands talk to the server over HTTP like anyone.

use std::{io::Write as _, process::ExitCode};

use clap::{Parser, Subcommand};

mod apply;
mod backup;
mod begin;
mod build;
mod cassette;
mod client;
pub(crate) mod component_file;
mod config;
mod demo;
mod export;
pub mod failed;
mod grant;
mod handle;
mod install;
mod intake;
mod limit;
mod people;
mod platform;
mod playbook;
mod plugin;
mod registry;
mod rehearse;
mod respond;
mod run;
mod schedule;
mod serve;
pub mod terminal;
mod trial;
mod waterfall;

pub use crate::cli::failed::Failed;
use client::ClientOptions;

/// Runs incident workflows whose steps are sandboxed WebAssembly plugins.
#[derive(Parser)]
#[command(name = "wardroom", version, arg_required_else_help = true, after_help = "Example:\n  wardroom serve")]
struct Cli {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    #[command(
        after_help = "Every option can also be set in the configuration file and in the environment; flags win over the \
                            environment, the environment over the file. `wardroom config show` shows what holds.\n\n\
                            Examples:\n  wardroom serve\n  wardroom serve --config /etc/wardroom/wardroom.toml\n  \
                            wardroom serve --data /var/lib/wardroom --listen 0.0.0.0:7117 --keep-runs 90d\n  \
                            wardroom serve --database-url-file /run/secrets/database-url --admin-token-file /run/secrets/admin"
    )]
    Serve(serve::Serve),
    /// Check and show the server's configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Copies the SQLite database and the key of a data folder into a new folder, while the server runs.
    #[command(after_help = "Example:\n  wardroom backup --data ./wardroom-data ./backup-2026-11-23")]
    Backup(backup::Backup),
    /// Plays a whole incident in front of you, against a practice town.
    #[command(after_help = "Example:\n  wardroom demo --yes")]
    Demo(demo::Demo),
    /// Begins, builds, tests, inspects, installs, upgrades and publishes plugins.
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Validates, applies, lists and starts workflows.
    #[command(subcommand)]
    Workflow(platform::Workflow),
    /// Brings a folder of workflows from a repository: shows the difference, then applies all of it or nothing.
    #[command(after_help = "Example:\n  wardroom apply ./automation --prune")]
    Apply(apply::Apply),
    /// Opens, moves, lists and shows incidents.
    #[command(subcommand)]
    Incident(handle::Incident),
    /// Checks, saves, lists and reviews playbooks.
    #[command(subcommand)]
    Playbook(playbook::Playbook),
    /// Makes, gives and ends tasks of an incident.
    #[command(subcommand)]
    Task(respond::Task),
    /// Names causes, confirms them, strikes them off.
    #[command(subcommand)]
    Cause(respond::Cause),
    /// Posts and lists status updates.
    #[command(subcommand)]
    Update(respond::Update),
    /// Gives and takes roles.
    #[command(subcommand)]
    Role(respond::Role),
    /// Reads, writes, publishes and waives retrospectives.
    #[command(subcommand)]
    Retrospective(respond::Retrospective),
    /// Exports an incident for compliance, and checks an export.
    #[command(subcommand)]
    Export(export::Export),
    /// Shows, follows and settles runs.
    #[command(subcommand)]
    Run(run::Run),
    /// Keeps, holds and previews what starts by the clock.
    #[command(subcommand)]
    Schedule(schedule::Schedule),
    /// Sets reminders and deadlines of an incident.
    #[command(subcommand)]
    Timer(schedule::Timer),
    /// Sends a signal to whichever workflows listen to it.
    #[command(after_help = "Example:\n  wardroom signal deployed --incident INC-42 --payload '{\"version\": 7}'")]
    Signal(handle::Signal),
    /// Lists and decides approvals.
    #[command(subcommand)]
    Approval(handle::Approval),
    /// Sets and lists connections.
    #[command(subcommand)]
    Connection(platform::Connection),
    /// Sets secrets.
    #[command(subcommand)]
    Secret(platform::Secret),
    /// Lists and decides what plugins ask for and were not given.
    #[command(subcommand)]
    Grant(grant::Grant),
    /// Makes tokens.
    #[command(subcommand)]
    Token(people::Token),
    /// Adds people, and notes who is away.
    #[command(subcommand)]
    Person(people::Person),
    /// Reads the audit log: who changed what, from what to what.
    #[command(after_help = "Example:\n  wardroom audit --actor ada --action connection.")]
    Audit(people::Audit),
    /// Sets and lists where alerts come from.
    #[command(subcommand)]
    Source(intake::Source),
    /// Keeps alerts quiet for a while.
    #[command(subcommand)]
    Silence(intake::Silence),
    /// Holds and resumes automation: the kill switch.
    #[command(subcommand)]
    Automation(platform::Automation),
}

/// Runs the command line: exit code 0 when it worked, 1 when it did not, 2 when it was misused.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(code) => code,
        Err(Failed(text)) => {
            // Nobody is left to tell when standard error is closed.
            _ = writeln!(std::io::stderr(), "error: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failed> {
    let client = cli.client;
    match cli.command {
        Command::Serve(serve) => serve.run().await?,
        Command::Config(config) => config.run(&client)?,
        Command::Backup(backup) => backup.run(&client).await?,
        Command::Demo(demo) => demo.run().await?,
        Command::Plugin(plugin) => return plugin.run(&client).await,
        Command::Workflow(workflow) => return workflow.run(&client).await,
        Command::Apply(apply) => return apply.run(&client).await,
        Command::Incident(incident) => incident.run(&client).await?,
        Command::Playbook(playbook) => playbook.run(&client).await?,
        Command::Task(task) => task.run(&client).await?,
        Command::Cause(cause) => cause.run(&client).await?,
        Command::Update(update) => update.run(&client).await?,
        Command::Role(role) => role.run(&client).await?,
        Command::Retrospective(retrospective) => retrospective.run(&client).await?,
        Command::Export(export) => return export.run(&client).await,
        Command::Run(run) => return run.run(&client).await,
        Command::Schedule(schedule) => schedule.run(&client).await?,
        Command::Timer(timer) => timer.run(&client).await?,
        Command::Signal(signal) => signal.run(&client).await?,
        Command::Approval(approval) => approval.run(&client).await?,
        Command::Connection(connection) => connection.run(&client).await?,
        Command::Secret(secret) => secret.run(&client).await?,
        Command::Grant(grant) => grant.run(&client).await?,
        Command::Token(token) => token.run(&client).await?,
        Command::Person(person) => person.run(&client).await?,
        Command::Audit(audit) => audit.run(&client).await?,
        Command::Source(source) => source.run(&client).await?,
        Command::Silence(silence) => silence.run(&client).await?,
        Command::Automation(automation) => automation.run(&client).await?,
    }
    Ok(ExitCode::SUCCESS)
}
