//! As many 1-step runs a second as go through, by 64 and by 256 clients that each start one as soon as the last has ended.

use std::time::Duration;

use serde_json::{Map, Value, json};
use wardroom_tests::database::Kind;

use super::{
    clients::{self, exchanges_per_second, one_step_runs},
    figures::{Progress, hundredths, number, ratio},
    floor::Floor,
    site::Site,
};

const CLIENTS: [usize; 2] = [64, 256];
/// How long the load lasts.
const SUSTAINED: Duration = Duration::from_secs(10);
const WARM_UP: Duration = Duration::from_secs(2);
/// How long the exchanges are counted.
const EXCHANGES: Duration = Duration::from_secs(3);

/// Against two floors: what the multi-row rate allows for the rows of a run, and what the machine could do at best with
/// clients and server on the same cores, where a run is two HTTP exchanges (the start, the end), a bare call and its rows.
///
/// # Panics
/// When a run does not succeed.
pub(crate) async fn measure(kind: Kind, floor: &Floor, progress: &Progress) -> Value {
    let site = Site::start(kind).await;
    clients::prepare(&site.api).await;
    one_step_runs(&site.api, 64, WARM_UP).await;
    let mut report = Map::new();
    for clients in CLIENTS {
        progress.say(&format!("{kind:?}: sustained: {clients} clients"));
        let exchanges = exchanges_per_second(&site.api, clients, EXCHANGES).await;
        let before = (rows(&site).await, commits(&site).await);
        let pace = one_step_runs(&site.api, clients, SUSTAINED).await;
        let after = (rows(&site).await, commits(&site).await);
        let rows_per_run = (after.0 - before.0) / number(pace.times);
        let by_rows = floor.rows_per_second / rows_per_run;
        let by_everything = 1.0 / (2.0 / exchanges + floor.least_seconds(rows_per_run, 1.0));
        let figures = json!({
            "runs_per_second": pace.per_second.round(),
            "run_ms": pace.spread.json(),
            "refused": pace.refused,
            "rows_per_run": hundredths(rows_per_run),
            "runs_per_commit": hundredths(number(pace.times) / (after.1 - before.1)),
            "http_exchanges_per_second": exchanges.round(),
            "possible_by_everything": by_everything.round(),
            "ratios": {
                "of_possible_by_rows_aim_0_5": ratio(pace.per_second, by_rows),
                "of_possible_by_everything": ratio(pace.per_second, by_everything),
            },
        });
        report.insert(format!("{clients}_clients"), figures);
    }
    site.remove().await;
    Value::Object(report)
}

async fn rows(site: &Site) -> f64 {
    site.metric("wardroom_store_rows_written_total").await
}

async fn commits(site: &Site) -> f64 {
    site.metric("wardroom_store_commits_total").await
}
