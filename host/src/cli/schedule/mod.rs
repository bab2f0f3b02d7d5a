//! `wardroom schedule …`: what runs when.

use clap::Subcommand;

use super::Failed;

mod preview;

#[derive(Subcommand)]
pub(super) enum Schedule {
    /// Shows when a cron expression or a period fires. Needs no server.
    #[command(
        after_help = "Example:\n  wardroom schedule preview --cron '30 2 * * *' --timezone Europe/Berlin --from 2026-03-28T00:00:00Z --count 3"
    )]
    Preview(preview::Preview),
}

impl Schedule {
    pub(super) fn run(self) -> Result<(), Failed> {
        match self {
            Self::Preview(preview) => preview.run(),
        }
    }
}
