//! `wardroom schedule …`: what runs when.

use clap::Subcommand;

use super::{Failed, client::ClientOptions};

mod preview;
mod server;

pub(super) use server::Timer;

#[derive(Subcommand)]
pub(super) enum Schedule {
    /// Lists schedules: those of people, of workflows' triggers, and the timers of incidents.
    #[command(after_help = "Example:\n  wardroom schedule list --owner people")]
    List(server::List),
    /// Shows a schedule: when it comes, whether it is held, whether its runs fail.
    #[command(after_help = "Example:\n  wardroom schedule show nightly")]
    Show {
        /// Its name.
        name: String,
    },
    /// Checks documents of schedules without saving them.
    #[command(after_help = "Example:\n  wardroom schedule validate nightly.yaml")]
    Validate(server::Validate),
    /// Saves documents of schedules.
    #[command(after_help = "Example:\n  wardroom schedule put nightly.yaml")]
    Put(server::Put),
    /// Deletes a schedule; its runs go on.
    #[command(after_help = "Example:\n  wardroom schedule delete nightly")]
    Delete {
        /// Its name.
        name: String,
    },
    /// Holds a schedule: nothing starts by itself.
    #[command(
        after_help = "Example:\n  wardroom schedule pause nightly --reason 'release week' --until 2026-12-01T00:00:00Z"
    )]
    Pause(server::Pause),
    /// Lets a schedule go on; the times in between are recorded as skipped.
    #[command(after_help = "Example:\n  wardroom schedule resume nightly")]
    Resume {
        /// Its name.
        name: String,
    },
    /// Starts a schedule now, whatever holds it.
    #[command(after_help = "Example:\n  wardroom schedule trigger nightly")]
    Trigger {
        /// Its name.
        name: String,
    },
    /// Lists the times of the past that started nothing, and makes up for them.
    #[command(
        after_help = "Example:\n  wardroom schedule backfill nightly --from 2026-11-01T00:00:00Z --until 2026-11-08T00:00:00Z --start"
    )]
    Backfill(server::Backfill),
    /// Lists what became of a schedule's times, the newest first: at most 200.
    #[command(after_help = "Example:\n  wardroom schedule ticks nightly")]
    Ticks {
        /// Its name.
        name: String,
    },
    /// Shows the next times of a schedule on the server, or, without a server, of a cron expression or a period.
    #[command(
        after_help = "Examples:\n  wardroom schedule preview nightly --count 3\n  wardroom schedule preview --cron '30 2 * * *' --timezone Europe/Berlin --from 2026-03-28T00:00:00Z --count 3"
    )]
    Preview(preview::Preview),
    /// Prints the JSON Schema of a schedule's document, for editors.
    #[command(after_help = "Example:\n  wardroom schedule schema > schedule.schema.json")]
    Schema,
}

impl Schedule {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::List(list) => list.run(client).await,
            Self::Show { name } => server::show(client, &name).await,
            Self::Validate(validate) => validate.run(client).await,
            Self::Put(put) => put.run(client).await,
            Self::Delete { name } => server::delete(client, &name).await,
            Self::Pause(pause) => pause.run(client).await,
            Self::Resume { name } => server::resume(client, &name).await,
            Self::Trigger { name } => server::trigger(client, &name).await,
            Self::Backfill(backfill) => backfill.run(client).await,
            Self::Ticks { name } => server::ticks(client, &name).await,
            Self::Preview(preview) => preview.run(client).await,
            Self::Schema => server::schema(),
        }
    }
}
