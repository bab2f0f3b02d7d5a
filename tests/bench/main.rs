//! `make bench`: how long things take, each beside the floor of this machine measured in the same run, as ratios. Writes
//! `bench/latest.json` and prints a table.

mod floor;
mod runs;

use std::{process::ExitCode, time::Duration};

use serde_json::{Value, json};
use wardroom_tests::{database::Kind, guests::root};

#[tokio::main]
async fn main() -> ExitCode {
    let mut report = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let floor = floor::measure(kind).await;
        let figures = runs::measure(kind).await;
        report.push(compare(kind, &floor, &figures));
    }
    let report = json!({ "databases": report });
    let path = root().join("bench/latest.json");
    if let Err(error) = std::fs::write(&path, format!("{report:#}\n")) {
        say(&format!("{}: {error}", path.display()));
        return ExitCode::FAILURE;
    }
    say(&format!("{report:#}"));
    ExitCode::SUCCESS
}

/// The figures beside the floor. Aims: a one-step run within 3 times of two one-row commits and a bare call; runs a second
/// at least a quarter of what the multi-row rate allows for the rows of a run.
fn compare(kind: Kind, floor: &floor::Floor, figures: &runs::Figures) -> Value {
    let least = floor.one_row_commit.p50 * 2 + floor.bare_call.p50;
    let possible = floor.rows_per_second / figures.rows_per_run;
    json!({
        "database": format!("{kind:?}"),
        "floor": {
            "fdatasync_ms": floor.fdatasync.json(),
            "one_row_commit_ms": floor.one_row_commit.json(),
            "rows_per_second_batch_100": floor.rows_per_second.round(),
            "bare_call_ms": floor.bare_call.json(),
        },
        "one_step_run_ms": figures.one_step.json(),
        "forty_step_run_ms": figures.forty_steps.json(),
        "runs_per_second_64_clients": figures.runs_per_second.round(),
        "rows_per_run": figures.rows_per_run,
        "ratios": {
            "one_step_to_least_aim_3": ratio(figures.one_step.p50.as_secs_f64(), least.as_secs_f64()),
            "runs_per_second_of_possible_aim_0_25": ratio(figures.runs_per_second, possible),
        },
    })
}

fn ratio(one: f64, other: f64) -> f64 {
    (one / other * 100.0).round() / 100.0
}

/// The middle and the tail of many measurements.
#[derive(Debug, Clone, Copy)]
struct Spread {
    p50: Duration,
    p99: Duration,
}

impl Spread {
    fn of(mut measured: Vec<Duration>) -> Self {
        measured.sort_unstable();
        let at = |share: usize| measured.get(measured.len() * share / 100).copied().unwrap_or_default();
        Self { p50: at(50), p99: at(99) }
    }

    fn json(&self) -> Value {
        let ms = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
        json!({ "p50": ms(self.p50), "p99": ms(self.p99) })
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn say(text: &str) {
    println!("{text}");
}
