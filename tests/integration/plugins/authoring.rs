//! The author's way: a plugin is begun, and its component is tested against cassettes in the real runtime.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use wardroom_tests::{
    counterparts::{Etcd, node},
    guests::{bundled, root},
};

/// Runs a line in a shell that knows the commands of this repository, and the Node that the counterparts have.
pub(crate) fn wardroom(folder: &Path, line: &str) -> Output {
    let known = wardroom_tests::environment::variable("PATH").unwrap_or_default();
    let mut path = vec![root().join("target/debug")];
    // Only if it is nowhere else: its folder may hold other programs.
    let node = PathBuf::from(node()).parent().map(Path::to_owned);
    path.extend(node.filter(|node| std::env::split_paths(&known).all(|folder| folder != *node)));
    path.extend(std::env::split_paths(&known));
    let path = std::env::join_paths(path).expect("paths without colons");
    Command::new("bash").args(["-ec", line]).current_dir(folder).env("PATH", path).output().expect("the shell runs")
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_plugin_is_begun_once_and_with_a_name_that_fits() {
    let folder = tempfile::tempdir().expect("a folder");
    for language in ["python", "js"] {
        let new = wardroom(folder.path(), &format!("wardroom plugin new on-call-{language} --lang {language}"));
        assert!(new.status.success(), "{}", said(&new));
    }
    for (line, wanted) in [
        ("wardroom plugin new on-call-js", "on-call-js: is there already"),
        ("wardroom plugin new 'On Call'", "1 to 64 of a-z 0-9 - are wanted"),
        ("wardroom plugin new on-call --sdk .", "is no SDK: it has no Cargo.toml"),
        ("wardroom plugin new on-call --lang cobol", "[possible values: rust, python, js]"),
    ] {
        let wrong = wardroom(folder.path(), line);
        assert!(!wrong.status.success() && said(&wrong).contains(wanted), "{line}: {}", said(&wrong));
    }
}

/// The first of these folders whose path stands in a component.
pub(crate) fn told_folder(component: &[u8], folders: &[PathBuf]) -> Option<PathBuf> {
    let tells = |folder: &&PathBuf| {
        let path = format!("{}/", folder.display());
        component.windows(path.len()).any(|here| here == path.as_bytes())
    };
    folders.iter().find(tells).cloned()
}

/// Where tools are kept that are installed once.
pub(crate) fn cache() -> PathBuf {
    let named = wardroom_tests::environment::variable("XDG_CACHE_HOME").map(PathBuf::from);
    named.unwrap_or_else(|| std::env::home_dir().expect("a home").join(".cache"))
}

/// The folders of this machine that what is built from Rust may not tell: the home, cargo's registry, the cache, the clone.
pub(crate) fn folders_of_a_rust_build() -> Vec<PathBuf> {
    let home = std::env::home_dir().expect("a home");
    let cargo = wardroom_tests::environment::variable("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    vec![home, cargo, cache(), root()]
}

#[test]
fn a_component_does_not_tell_whose_folder_it_was_built_in() {
    for name in ["webhook", "matrix", "etcd"] {
        assert_eq!(told_folder(&bundled(name), &folders_of_a_rust_build()), None, "{name}");
    }
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
