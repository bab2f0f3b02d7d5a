//! Components alone: how large they are, how long it takes to compile, load and call them, and what the host adds to a call.

use std::{fs, path::PathBuf};

use serde_json::{Map, Value, json};
use wardroom_runtime::{PluginHost, limits::Limits};
use wardroom_tests::{guests, process::now};

use super::{
    bare::Bare,
    figures::{Progress, Spread, ms, ratio},
    sandbox::{self, Subject},
};

/// Calls that are measured of each component.
const CALLS: usize = 1_000;
/// Rounds in which the host and wasmtime alone take turns, and the calls of each.
const ROUNDS: (usize, usize) = (20, 250);

/// Aim: a call in the host within 1.5 times of one by wasmtime alone.
///
/// # Panics
/// When a component does not fit this host.
pub(crate) async fn measure(progress: &Progress) -> Value {
    let mut components = Map::new();
    for (name, path) in components_here(progress) {
        progress.say(&format!("plugins: {name}"));
        components.insert(name, component(&fs::read(path).expect("is there")).await);
    }
    progress.say("plugins: what the host adds to a call");
    json!({ "components": components, "call": added().await })
}

/// The bundled plugin that others are compared with, and those in other languages as far as they are built.
fn components_here(progress: &Progress) -> Vec<(String, PathBuf)> {
    let mut found = vec![("webhook (Rust)".to_owned(), guests::root().join("target/plugins/webhook.wasm"))];
    let folder = fs::read_dir(guests::root().join("target/test-plugins")).expect("the tests' components");
    let mut others: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    others.sort_unstable();
    for language in ["python", "javascript"] {
        let of = |path: &&PathBuf| {
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            path.extension().is_some_and(|ending| ending == "wasm") && name.contains(language)
        };
        let before = found.len();
        let stem =
            |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        found.extend(others.iter().filter(of).map(|path| (stem(path), path.clone())));
        if found.len() == before {
            progress.say(&format!("plugins: MISSING: there is no component in {language} in target/test-plugins"));
        }
    }
    found
}

async fn component(bytes: &[u8]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let began = now();
    let host = sandbox::host(Limits::default(), Some(folder.path()));
    let started = began.elapsed();
    let began = now();
    let found = host.inspect(bytes).await.expect("fits");
    let compile = began.elapsed();
    drop(host);
    let host = sandbox::host(Limits::default(), Some(folder.path()));
    let began = now();
    host.load(&found.digest, bytes).await.expect("loads");
    let load = began.elapsed();
    // Without a connection it looks at what it is asked, and refuses: everything but the third party is in it.
    let action = found.manifest.actions[0].name.clone();
    let subject = Subject::of(found);
    let mut measured = Vec::new();
    for _ in 0..CALLS {
        let invocation = sandbox::invocation(&subject, &action, json!({}));
        let began = now();
        _ = host.invoke(invocation).await;
        measured.push(began.elapsed());
    }
    json!({
        "bytes": bytes.len(),
        "start_of_the_host_ms": ms(started),
        "inspect_and_compile_ms": ms(compile),
        "load_from_cache_ms": ms(load),
        "call_ms": Spread::of(measured).json(),
    })
}

/// What policy, limits and metering add to a call, by turns with wasmtime alone.
async fn added() -> Value {
    let host = sandbox::host(Limits::default(), None);
    let subject = Subject::of(host.inspect(&guests::hostile()).await.expect("fits"));
    let bare = Bare::new(&guests::hostile());
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS.0 {
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS.1 {
            here.push(call(&host, &subject).await);
            there.push(bare.call("ok").await);
        }
        // The first round warms both up.
        if round > 0 {
            with.append(&mut here);
            without.append(&mut there);
        }
    }
    let (with, without) = (Spread::of(with), Spread::of(without));
    json!({
        "host_ms": with.json(),
        "wasmtime_ms": without.json(),
        "ratios": { "host_to_wasmtime_aim_1_5": ratio(with.p50.as_secs_f64(), without.p50.as_secs_f64()) },
    })
}

async fn call(host: &PluginHost, subject: &Subject) -> std::time::Duration {
    let invocation = sandbox::invocation(subject, "ok", json!({}));
    let began = now();
    host.invoke(invocation).await.result.expect("is fine");
    began.elapsed()
}
