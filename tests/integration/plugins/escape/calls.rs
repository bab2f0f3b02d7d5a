//! Floods: everything a guest may ask the host for, without end, or in one piece that is too large. Each ends at its own limit.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use wardroom_runtime::{Invocation, limits};
use wardroom_tests::process::GUARD;

use crate::plugins::escape::{
    Case,
    fixture::{ends, gives},
};

const THEME: &str = "calls";

/// What is asked for, how often, how large, and the word in which the call ends.
const ENDED: &[(&str, u64, usize, &str)] = &[
    ("log", 1_000_000, 0, "log_limit"),
    ("log-size", 1, 2 << 20, "log_limit"),
    ("log-size", 1, 9 << 20, "output_too_large"),
    ("progress", 1_000_000, 1 << 20, "cpu_limit"),
    ("progress", 1, 9 << 20, "output_too_large"),
    ("clock", 1_000_000_000, 0, "cpu_limit"),
    ("sleep", 1_000_000, 0, "timeout"),
    ("sign", 1_000_000, 1 << 20, "cpu_limit"),
    ("sign", 1, 9 << 20, "output_too_large"),
    ("put", 1, 9 << 20, "output_too_large"),
    ("body", 1, 9 << 20, "output_too_large"),
    ("url", 2_000, 1, "http_limit"),
];

/// What is asked for, how often, how large, and how often it is refused while the call goes on.
const REFUSED: &[(&str, u64, usize, u64)] = &[
    ("keys", 2_000, 0, 1_000),
    ("get", 2_000, 0, 1_000),
    ("put", 1_500, 1, 500),
    ("put", 1, limits::STATE.1 + 1, 1),
    ("put-key", 1, limits::STATE.0 + 1, 1),
    ("timeline", 1_000, 0, 1_000 - limits::TIMELINE.0 as u64),
    ("timeline-size", 1, limits::TIMELINE.1 + 1, 1),
    ("timeline-deep", 1, 65, 1),
    ("timeline-deep", 1, 10_000, 1),
    ("sign", 1, limits::SIGNED_BYTES + 1, 1),
    ("token-deep", 1, 10_000, 1),
    ("secret-name", 1, 4 << 20, 1),
    ("mail", 1_000, 1, 1_000),
    ("mail", 1, 101, 1),
    ("body", 1, limits::REQUEST_BODY_BYTES + 1, 1),
    ("parts", 1, 100_000, 1),
    ("url", 1, limits::URL_BYTES, 1),
    ("url", 150, 1, 50),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (of, times, size, word) in ENDED {
        cases.push(Case::new(THEME, format!("{times} of {of}, {size} each"), move |fixture| async move {
            ends(&fixture.sandbox.call(flood(&fixture, of, *times, *size)).await, word)
        }));
    }
    for (of, times, size, refused) in REFUSED {
        cases.push(Case::new(
            THEME,
            format!("{times} of {of}, {size} each, {refused} refused"),
            move |fixture| async move {
                gives(&fixture.sandbox.call(flood(&fixture, of, *times, *size)).await, "/refused", &json!(refused))
            },
        ));
    }
    cases
}

fn flood(fixture: &crate::plugins::escape::Fixture, of: &str, times: u64, size: usize) -> Invocation {
    let input = json!({ "of": of, "times": times, "size": size });
    Invocation {
        snapshot: Some(Arc::new(json!({ "number": "INC-7" }))),
        // Only who sleeps comes near it.
        deadline: if of == "sleep" { Duration::from_secs(12) } else { GUARD },
        ..fixture.outward("flood", input)
    }
}
