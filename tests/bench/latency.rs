//! One run at a time, as a client of the server sees it: from the request that starts it until it is durably complete.

use serde_json::{Value, json};
use wardroom_tests::{database::Kind, process::now, server::Api};

use super::{
    clients,
    figures::{Spread, ratio},
    floor::Floor,
    site::Site,
};

/// Runs before the first that counts: caches, pools and connections are warm then.
const WARM_UP: usize = 50;

/// Aims: a one-step run within 3 times of two one-row commits and a bare call, 40 steps in a row within 1.5 times of 41
/// commits and 40 bare calls.
///
/// # Panics
/// When a run does not succeed.
pub(crate) async fn measure(kind: Kind, floor: &Floor) -> Value {
    let site = Site::start(kind).await;
    clients::prepare(&site.api).await;
    one_after_the_other(&site.api, "one", WARM_UP).await;
    let one_step = one_after_the_other(&site.api, "one", 300).await;
    let forty_steps = one_after_the_other(&site.api, "forty", 50).await;
    site.remove().await;
    let least_of_one = floor.one_row_commit.p50 * 2 + floor.bare_call.p50;
    let least_of_forty = floor.one_row_commit.p50 * 41 + floor.bare_call.p50 * 40;
    json!({
        "one_step_run_ms": one_step.json(),
        "forty_step_run_ms": forty_steps.json(),
        "ratios": {
            "one_step_to_least_aim_3": ratio(one_step.p50.as_secs_f64(), least_of_one.as_secs_f64()),
            "forty_steps_to_least_aim_1_5": ratio(forty_steps.p50.as_secs_f64(), least_of_forty.as_secs_f64()),
        },
    })
}

async fn one_after_the_other(api: &Api, workflow: &str, times: usize) -> Spread {
    let mut measured = Vec::new();
    for _ in 0..times {
        let started = now();
        clients::complete(api, workflow).await;
        measured.push(started.elapsed());
    }
    Spread::of(measured)
}
