//! The habits, one function each. Loops go through `black_box`, so that no compiler removes them.

use std::hint::black_box;

use serde_json::{Value, json};

pub(crate) use crate::requests::{refused, request};
use crate::{
    done, failure, floods, outcome, smuggle,
    wit::wardroom::plugin::{
        clock, http, incident, log, secrets, state,
        types::{Artifact, Call, Content, Effect, Failure, Later, Outcome, Reply},
    },
};

/// The actions.
pub(crate) const NAMES: &[&str] = &[
    "ok",
    "pending",
    "fail",
    "loop",
    "memory-bomb",
    "deep-recursion",
    "log-flood",
    "log-fields",
    "oversized-output",
    "oversized-reply",
    "bad-output",
    "bad-json",
    "panic",
    "sleep-forever",
    "fetch",
    "fetch-many",
    "leak",
    "remember",
    "note",
    "mark",
    "smuggle",
    "flood",
    "sign",
];

/// Runs one.
pub(crate) fn run(action: &str, input: &Value, call: &Call) -> Result<Reply, Failure> {
    match action {
        "ok" => Ok(done(&json!({"status": 200, "attempt": call.attempt, "mode": format!("{:?}", call.mode)}))),
        "pending" => Ok(pending(call)),
        "fail" => Err(failure("not_found", "There is no such thing.".to_owned(), Effect::None)),
        "loop" => Ok(spin()),
        "memory-bomb" => Ok(eat_memory()),
        "deep-recursion" => Ok(done(&json!({"depth": recurse(black_box(0))}))),
        "log-flood" => Ok(flood()),
        "log-fields" => Ok(flood_of_fields()),
        "oversized-output" => Ok(done(&json!({"text": "x".repeat(2 << 20)}))),
        "oversized-reply" => Ok(oversized_reply()),
        "bad-output" => Ok(done(&json!({"status": "not a number"}))),
        "bad-json" => Ok(Reply::Done(Outcome { output: "{".to_owned(), ..outcome(&Value::Null) })),
        "panic" => panic!("on purpose"),
        "sleep-forever" => loop {
            clock::sleep_ms(u32::MAX);
        },
        "fetch" => fetch(input),
        "fetch-many" => Ok(fetch_many(input)),
        "leak" => leak(input),
        "remember" => remember(),
        "note" => note(),
        "mark" => mark(input),
        "smuggle" => smuggle::run(input),
        "flood" => Ok(floods::run(input)),
        "sign" => sign(input),
        other => Err(failure("unknown_action", format!("There is no action {other:?}."), Effect::None)),
    }
}

fn pending(call: &Call) -> Reply {
    match &call.resume {
        None => Reply::Pending(Later {
            after_ms: 250,
            resume: b"half way".to_vec(),
            note: "Half way.".to_owned(),
            undo: None,
        }),
        Some(resume) => done(&json!({"resumed": String::from_utf8_lossy(resume)})),
    }
}

fn spin() -> Reply {
    let mut turns = 0_u64;
    while black_box(turns) != u64::MAX {
        turns = turns.wrapping_add(2) & !1;
    }
    done(&json!({"turns": turns}))
}

fn eat_memory() -> Reply {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![1_u8; 1 << 20]));
        if eaten.len() > 1 << 16 {
            return done(&json!({"eaten": eaten.len()}));
        }
    }
}

/// Two calls a level, so that no compiler makes a loop of it, and no locals in memory: it is the engine's own stack that
/// overflows, not the guest's.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX { 1 } else { recurse(depth + 1).wrapping_mul(3) ^ recurse(depth + 2) }
}

fn flood() -> Reply {
    let line = "drip ".repeat(200);
    for _ in 0..100_000 {
        log::emit(log::Level::Info, &line, &[]);
    }
    done(&json!({"status": 200}))
}

/// Empty fields: no letter of text, yet each costs the host memory.
fn flood_of_fields() -> Reply {
    let fields = vec![(String::new(), String::new()); 50_000];
    for _ in 0..100_000 {
        log::emit(log::Level::Info, "", &fields);
    }
    done(&json!({"status": 200}))
}

fn oversized_reply() -> Reply {
    let artifact = || Artifact {
        kind: "text".to_owned(),
        label: "Big.".to_owned(),
        url: None,
        content: Some(Content::Bytes(("text/plain".to_owned(), vec![b'x'; 2 << 20]))),
    };
    Reply::Done(Outcome { artifacts: (0..12).map(|_| artifact()).collect(), ..outcome(&json!({"status": 200})) })
}

/// Posts to `/mark/NAME` and leaves for `undo` where to post to then: `input.undo`, or `/unmark/NAME`. With `input.goes_on` the
/// job goes on elsewhere for as long as anybody asks.
fn mark(input: &Value) -> Result<Reply, Failure> {
    let name = input["name"].as_str().unwrap_or_default();
    let sent = json!({"method": "POST", "url": format!("/mark/{name}")});
    http::send(&request(&sent)).map_err(|error| refused(&error))?;
    let back = input["undo"].as_str().map_or_else(|| format!("/unmark/{name}"), str::to_owned);
    let undo = Some(json!({"method": "POST", "url": back}).to_string());
    if input["goes_on"].as_bool() == Some(true) {
        return Ok(Reply::Pending(Later {
            after_ms: 60_000,
            resume: Vec::new(),
            note: "It goes on.".to_owned(),
            undo,
        }));
    }
    Ok(Reply::Done(Outcome { undo, ..outcome(&json!({})) }))
}

/// Posts where `mark` said; fails when the answer is not 200.
pub(crate) fn unmark(call: &Call) -> Result<Reply, Failure> {
    let left: Value = serde_json::from_str(call.undo_data.as_deref().unwrap_or_default()).unwrap_or_default();
    match http::send(&request(&left)) {
        Ok(response) if response.status == 200 => Ok(done(&json!({"status": 200}))),
        Ok(response) => Err(failure("refused", format!("Answered {}.", response.status), Effect::None)),
        Err(error) => Err(refused(&error)),
    }
}

/// Sends `{method, url, secret_header, body, redirects}` and reports what came back; a refusal is a failure `http_<error>`.
fn fetch(input: &Value) -> Result<Reply, Failure> {
    match http::send(&request(input)) {
        Ok(response) => Ok(done(&json!({
            "status": response.status,
            "truncated": response.truncated,
            "length": response.body.len(),
            "body": String::from_utf8_lossy(&response.body[..response.body.len().min(4096)]),
            "tail": String::from_utf8_lossy(&response.body[response.body.len().saturating_sub(64)..]),
            "headers": response.headers.iter()
                .map(|(name, value)| json!([name, String::from_utf8_lossy(value)])).collect::<Vec<_>>(),
        }))),
        Err(error) => Err(refused(&error)),
    }
}

fn fetch_many(input: &Value) -> Reply {
    let mut sent = 0;
    let mut refusals = 0;
    for _ in 0..input["times"].as_u64().unwrap_or(200) {
        match http::send(&request(input)) {
            Ok(_) => sent += 1,
            Err(_) => refusals += 1,
        }
    }
    done(&json!({"sent": sent, "refused": refusals}))
}

/// Asks for a signature (`algorithm`) or a token (`token`) with the secret `name`; a refusal is a failure `secret_refused`.
fn sign(input: &Value) -> Result<Reply, Failure> {
    let name = input["name"].as_str().unwrap_or_default();
    let signed = match input["token"].as_str() {
        Some(algorithm) => secrets::jwt(name, algorithm, "{}", input["claims"].as_str().unwrap_or("{}")),
        None => secrets::sign(name, input["algorithm"].as_str().unwrap_or_default(), b"data")
            .map(|signature| format!("{signature:?}")),
    };
    let refused = |error: secrets::Error| failure("secret_refused", format!("{error:?}"), Effect::None);
    Ok(done(&json!({"signed": signed.map_err(refused)?})))
}

/// Gets a server to echo the secret, then tries every way out: log lines (whole, split over two, in fields), the
/// output, the summary, an artifact, a timeline note and the failure.
fn leak(input: &Value) -> Result<Reply, Failure> {
    let echoed = match http::send(&request(input)) {
        Ok(response) => String::from_utf8_lossy(&response.body).into_owned(),
        Err(error) => return Err(refused(&error)),
    };
    // What the test knows of the secret stands in for a guest that learned it another way.
    let known = input["known"].as_str().unwrap_or_default();
    let (head, tail) = known.split_at(known.len() / 2);
    log::emit(log::Level::Warn, &format!("seen {echoed} {known}"), &[("field".to_owned(), known.to_owned())]);
    log::emit(log::Level::Warn, head, &[]);
    log::emit(log::Level::Warn, tail, &[]);
    log::progress(50, known);
    // Losing the note is no loss: without an incident there is nobody to tell.
    let _ = incident::add_timeline(known, None);
    if input["fail"].as_bool() == Some(true) {
        return Err(Failure {
            details: Some(json!({ "known": known, "echoed": echoed }).to_string()),
            ..failure("leaked", format!("It is {known}."), Effect::None)
        });
    }
    let artifact = Artifact {
        kind: "text".to_owned(),
        label: known.to_owned(),
        url: Some(format!("https://example.com/?q={known}")),
        content: Some(Content::Json(json!({ "known": known }).to_string())),
    };
    let output = json!({ "echoed": echoed, "known": known, known: true, "available": secrets::available("canary") });
    Ok(Reply::Done(Outcome {
        summary: format!("It is {known}."),
        artifacts: vec![artifact],
        undo: Some(json!({ "known": known }).to_string()),
        ..outcome(&output)
    }))
}

fn remember() -> Result<Reply, Failure> {
    let version = state::put("seen", b"yes", state::Expect::Any)
        .map_err(|error| failure("state", format!("{error:?}"), Effect::None))?;
    let conflict = state::put("seen", b"no", state::Expect::Absent).is_err();
    let value = state::get("seen").ok().flatten().map(|entry| String::from_utf8_lossy(&entry.value).into_owned());
    let keys = state::list_keys("s", 10).unwrap_or_default();
    Ok(done(&json!({"version": version, "conflict": conflict, "value": value, "keys": keys})))
}

fn note() -> Result<Reply, Failure> {
    let snapshot = incident::snapshot().map_err(|error| failure("incident", format!("{error:?}"), Effect::None))?;
    incident::add_timeline("A note.", Some("{\"from\":\"guest\"}"))
        .map_err(|error| failure("incident", format!("{error:?}"), Effect::None))?;
    Ok(done(&json!({"snapshot": snapshot, "now_ms": clock::now_ms()})))
}
