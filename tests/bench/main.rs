//! `make bench`: how long things take, each beside the floor of this machine measured in the same run, as ratios. Prints
//! its progress and a report; a whole run also writes `bench/latest.json`.

mod bare;
mod clients;
mod facts;
mod fan_out;
mod figures;
mod fill;
mod floor;
mod history;
mod latency;
mod load;
mod neighbours;
mod options;
mod plugins;
mod resume;
mod sandbox;
mod schedules;
mod site;
mod sleepers;
mod storm;
mod sustained;

use std::{panic::AssertUnwindSafe, process::ExitCode};

use futures_util::FutureExt;
use serde_json::{Map, Value, json};
use wardroom_tests::{database::Kind, guests::root};

use figures::Progress;
use floor::Floor;
use options::{Options, Scenario};

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            say(&error);
            return ExitCode::FAILURE;
        }
    };
    let (mut databases, mut whole, progress) = (Vec::new(), true, Progress::new());
    for kind in &options.kinds {
        let (report, fine) = on(*kind, &options, &progress).await;
        databases.push(report);
        whole &= fine;
    }
    let report = format!("{:#}\n", json!({ "machine": facts::machine(), "databases": databases }));
    say(&report);
    if !whole {
        say("a scenario failed: nothing is written");
        return ExitCode::FAILURE;
    }
    if !options.is_everything() {
        say("only a part was measured: nothing is written, because the figures of one file belong to one run");
        return ExitCode::SUCCESS;
    }
    let path = root().join("bench/latest.json");
    match std::fs::write(&path, report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{}: {error}", path.display()));
            ExitCode::FAILURE
        }
    }
}

/// Everything that was asked for on one database, and whether all of it could be measured.
async fn on(kind: Kind, options: &Options, progress: &Progress) -> (Value, bool) {
    progress.say(&format!("{kind:?}: the floor"));
    let floor = floor::measure(kind).await;
    let (mut measured, mut fine) = (Map::new(), true);
    // What needs no database is measured once.
    let first = options.kinds.first() == Some(&kind);
    for scenario in options.scenarios.iter().filter(|scenario| first || scenario.needs_database()) {
        progress.say(&format!("{kind:?}: {}", scenario.name()));
        // A scenario that panics has said why by then, and has taken its server with it: the others go on.
        let figures = AssertUnwindSafe(run(*scenario, kind, &floor, progress)).catch_unwind().await;
        fine &= figures.is_ok();
        measured.insert(scenario.name().to_owned(), figures.unwrap_or_else(|_| json!("failed")));
    }
    let report = json!({
        "database": format!("{kind:?}"),
        "version": floor.version,
        "floor": floor.json(),
        "scenarios": measured,
    });
    (report, fine)
}

async fn run(scenario: Scenario, kind: Kind, floor: &Floor, progress: &Progress) -> Value {
    match scenario {
        Scenario::Latency => Box::pin(latency::measure(kind, floor)).await,
        Scenario::FanOut => Box::pin(fan_out::measure(kind, floor)).await,
        Scenario::Sustained => Box::pin(sustained::measure(kind, floor, progress)).await,
        Scenario::Load => Box::pin(load::measure(kind, floor, progress)).await,
        Scenario::Resume => Box::pin(resume::measure(kind)).await,
        Scenario::Storm => Box::pin(storm::measure(kind)).await,
        Scenario::Sleepers => Box::pin(sleepers::measure(kind, progress)).await,
        Scenario::Schedules => Box::pin(schedules::measure(kind, progress)).await,
        Scenario::History => Box::pin(history::measure(kind, progress)).await,
        Scenario::Plugins => Box::pin(plugins::measure(progress)).await,
        Scenario::Neighbours => Box::pin(neighbours::measure(progress)).await,
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn say(text: &str) {
    println!("{text}");
}
