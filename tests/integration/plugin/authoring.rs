//! The author's way: from `plugin new` to a component that passes its cassette in the real runtime.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use wardroom_tests::{counterparts::Etcd, guests::root, process::now};

fn wardroom(folder: &Path, line: &str) -> Output {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = format!("{}:{}", root().join("target/debug").display(), path.display());
    Command::new("bash").args(["-ec", line]).current_dir(folder).env("PATH", path).output().expect("the shell runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_new_plugin_is_tested_natively_and_as_a_component_as_it_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, began) = (root(), now());
    let new =
        wardroom(folder.path(), &format!("wardroom plugin new on-call --sdk {}", root.join("plugin-sdk").display()));
    assert!(new.status.success(), "{}", said(&new));
    // The versions that are there already.
    fs::copy(root.join("Cargo.lock"), folder.path().join("on-call/Cargo.lock")).expect("is copied");
    let target = root.join("target/template");
    let native = format!("cargo test --quiet --manifest-path on-call/Cargo.toml --target-dir {}", target.display());
    let native = wardroom(folder.path(), &native);
    assert!(native.status.success(), "{}", said(&native));
    let build = format!(
        "eval \"$(bash {}/scripts/wasm-target.sh)\"; GUEST_TARGET_DIR={} wardroom plugin build on-call --out dist",
        root.display(),
        target.display()
    );
    let build = wardroom(folder.path(), &build);
    assert!(build.status.success(), "{}", said(&build));
    let test = wardroom(folder.path(), "wardroom plugin test dist/on-call.wasm on-call/on-call.cassette.json");
    assert!(test.status.success() && said(&test).contains("4 cases played, 0 not as wanted"), "{}", said(&test));
    let took = now().duration_since(began).as_secs_f64();
    writeln!(std::io::stdout(), "from `plugin new` to a green `plugin test`: {took:.1} s").expect("is heard");
    let again = wardroom(folder.path(), "wardroom plugin new on-call");
    assert!(said(&again).contains("on-call: is there already"), "{}", said(&again));
    let wrong = wardroom(folder.path(), "wardroom plugin new 'On Call'");
    assert!(said(&wrong).contains("1 to 64 of a-z 0-9 - are wanted"), "{}", said(&wrong));
}

#[test]
fn a_secret_that_a_third_party_says_back_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = root().join("target/plugins/webhook.wasm");
    let played = "1 cases played, 0 not as wanted";
    for (said_back, wanted) in [("nothing", played), ("{{secret:hook}}", "a secret reached the outcome")] {
        let cassette = json!({
            "connection": { "base_url": "https://a.example", "auth": { "bearer": "hook" } },
            "cases": [{
                "name": "it is told", "action": "send", "input": { "path": "/tell", "body": {} },
                "exchanges": [{
                    "request": {
                        "method": "POST", "url": "https://a.example/tell",
                        "headers": { "authorization": "Bearer {{secret:hook}}" }, "body": {},
                    },
                    "response": { "status": 200, "body": { "token": said_back } },
                }],
                "outcome": { "done": {} },
            }],
        });
        fs::write(folder.path().join("a.json"), cassette.to_string()).expect("the folder takes it");
        let played = wardroom(folder.path(), &format!("wardroom plugin test {} a.json", plugin.display()));
        assert!(said(&played).contains(wanted), "{}", said(&played));
        assert_eq!(played.status.success(), said_back == "nothing");
    }
}

/// A cassette of `etcd/get`, with one request and its answer.
fn cassette(change: impl FnOnce(&mut Value)) -> String {
    let mut cassette = json!({
        "connection": { "base_url": "https://etcd.example", "auth": { "bearer": "etcd" } },
        "cases": [{
            "name": "a key is read", "action": "get", "input": { "key": "a" },
            "exchanges": [{
                "request": { "method": "POST", "url": "https://etcd.example/v3/kv/range", "body": { "key": "YQ==" } },
                "response": { "status": 200, "body": { "kvs": [{ "value": "djE=", "mod_revision": "3" }] } },
            }],
            "outcome": { "done": { "output": {
                "key": "a", "value": "v1", "present": true, "mod_revision": 3, "previous_revision": 2, "changed": false,
            } } },
        }],
    });
    change(&mut cassette);
    cassette.to_string()
}

#[test]
fn whatever_is_not_as_the_cassette_wants_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = root().join("target/plugins/etcd.wasm");
    let play = |text: String| {
        fs::write(folder.path().join("a.json"), text).expect("the folder takes it");
        wardroom(folder.path(), &format!("wardroom plugin test {} a.json", plugin.display()))
    };
    let good = play(cassette(|_| {}));
    assert!(good.status.success(), "{}", said(&good));
    let case = |change: fn(&mut Value)| cassette(move |cassette| change(&mut cassette["cases"][0]));
    let wrong: [(String, &str); 7] = [
        (
            case(|case| case["exchanges"][0]["request"]["body"]["key"] = json!("Yg==")),
            "request 1: body: {\"key\":\"Yg==\"} is wanted",
        ),
        (
            case(|case| case["exchanges"][0]["request"]["headers"] = json!({ "x-team": "a" })),
            "the header x-team: a is not there",
        ),
        (case(|case| case["exchanges"] = json!([])), "is asked, and not on the cassette"),
        (
            case(|case| {
                let first = case["exchanges"][0].clone();
                case["exchanges"] = json!([first, first]);
            }),
            "was not asked",
        ),
        (case(|case| case["outcome"]["done"]["output"]["value"] = json!("v2")), "outcome: done.output: "),
        (case(|case| case["action"] = json!("put")), "\"put\" is no action of etcd: it has get, restore"),
        (case(|case| case["input"] = json!({})), "\"key\" is a required property"),
    ];
    for (text, wanted) in wrong {
        let played = play(text);
        assert_eq!(played.status.code(), Some(1), "{wanted}: {}", said(&played));
        assert!(said(&played).contains(wanted), "{wanted}: {}", said(&played));
    }
}

#[test]
fn the_cassettes_of_the_bundled_plugins_are_played() {
    let mut played = 0;
    for entry in fs::read_dir(root().join("plugins")).expect("is there") {
        let path = entry.expect("a folder").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let cassette = path.join(format!("{name}.cassette.json"));
        if cassette.exists() {
            let line = format!("wardroom plugin test target/plugins/{name}.wasm {}", cassette.display());
            let output = wardroom(&root(), &line);
            assert!(output.status.success(), "{name}: {}", said(&output));
            played += 1;
        }
    }
    assert!(played >= 1, "some have cassettes");
}

#[tokio::test]
async fn a_cassette_is_recorded_from_a_real_server_and_then_needs_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = root().join("target/plugins/etcd.wasm");
    let text = {
        let etcd = Etcd::start();
        etcd.put("YQ==", "djE=").await;
        let revision = etcd.put("YQ==", "djI=").await - 1;
        let connection =
            json!({ "base_url": etcd.url, "grant": { "networks": ["127.0.0.0/8"], "accept_reads": true } });
        let cassette = json!({
            "connection": connection,
            "cases": [
                { "name": "as it is", "action": "get", "input": { "key": "a" } },
                { "name": "put back", "action": "restore", "input": { "key": "a", "revision": revision } },
                { "name": "was so already", "action": "restore", "input": { "key": "a", "revision": revision } },
            ],
        });
        fs::write(folder.path().join("a.json"), cassette.to_string()).expect("the folder takes it");
        fs::write(folder.path().join("c.json"), connection.to_string()).expect("the folder takes it");
        let line = format!(
            "wardroom plugin run {} get --input '{{\"key\": \"a\"}}' --connection c.json --json",
            plugin.display()
        );
        let once = wardroom(folder.path(), &line);
        let once: Value = serde_json::from_slice(&once.stdout).unwrap_or_else(|_| panic!("{}", said(&once)));
        assert_eq!(once["outcome"]["done"]["output"]["value"], json!("v2"), "{once:#}");
        let record = wardroom(folder.path(), &format!("wardroom plugin test {} a.json --record", plugin.display()));
        assert!(record.status.success(), "{}", said(&record));
        assert_eq!(etcd.value("YQ==").await, json!("djE="), "recording is real");
        fs::read_to_string(folder.path().join("a.json")).expect("is written")
    };
    let recorded: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(recorded["cases"][1]["outcome"]["done"]["output"]["value"], json!("v1"), "{recorded:#}");
    assert_eq!(recorded["cases"][2]["outcome"]["done"]["output"]["changed"], json!(false));
    let play = wardroom(folder.path(), &format!("wardroom plugin test {} a.json", plugin.display()));
    assert!(play.status.success() && said(&play).contains("3 cases played, 0 not"), "{}", said(&play));
}
