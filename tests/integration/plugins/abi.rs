//! The contract stays what it was: components of released versions run on this host, and on one that has grown.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use serde_json::{Value, json};
use wardroom_runtime::RefusedPlugin;
use wardroom_tests::guests::root;
use wasmtime::{
    Config, Engine, Store,
    component::{Component, HasSelf, Linker},
};

use crate::plugins::Sandbox;

/// The folders of released versions.
fn released() -> Vec<PathBuf> {
    let folders =
        fs::read_dir(root().join("tests/abi")).expect("is there").map(|entry| entry.expect("a folder").path());
    let is_version = |path: &PathBuf| path.is_dir() && !path.ends_with("next");
    let mut folders: Vec<PathBuf> = folders.filter(is_version).collect();
    folders.sort();
    folders
}

fn components(folder: &PathBuf) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("is there").map(|entry| entry.expect("a file").path());
    files.filter(|path| path.extension().is_some_and(|kind| kind == "wasm")).collect()
}

#[test]
fn what_was_compiled_for_a_released_version_passes_its_cassette() {
    let mut played = 0;
    for component in released().iter().flat_map(components) {
        let output = Command::new(root().join("target/debug/wardroom"))
            .args(["plugin", "test"])
            .args([&component, &component.with_extension("cassette.json")])
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", component.display());
        played += 1;
    }
    assert!(played >= 2, "there are some");
}

#[test]
fn the_contract_is_the_one_that_was_released() {
    for folder in released() {
        for file in ["types.wit", "host.wit", "plugin.wit"] {
            let (was, is) = (fs::read_to_string(folder.join(file)), fs::read_to_string(root().join("wit").join(file)));
            let (was, is) = (was.expect("is there"), is.expect("is there"));
            // A later minor version may add; until there is one, nothing differs.
            assert_eq!(was, is, "{file} is frozen: docs/abi.md says how it may grow");
        }
    }
}

#[tokio::test]
async fn what_is_built_for_a_later_version_is_refused_by_name() {
    let sandbox = Sandbox::new().await;
    let witness = fs::read(root().join("tests/abi/1.0/witness.wasm")).expect("is there");
    for version in ["1.1.0", "2.0.0", "0.1.0"] {
        let other = replaced(&witness, "@1.0.0", &format!("@{version}"));
        match sandbox.host.inspect(&other).await {
            Err(error @ RefusedPlugin::WrongVersion { .. }) => {
                let text = error.to_string();
                assert!(text.contains(version) && text.contains("speaks wardroom:plugin@1.0"), "{text}");
            }
            other => panic!("{version}: {other:?}"),
        }
    }
    // A patch version changes no types.
    sandbox.host.inspect(&replaced(&witness, "@1.0.0", "@1.0.7")).await.expect("is accepted");
}

fn replaced(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    let (from, to, mut bytes) = (from.as_bytes(), to.as_bytes(), component.to_vec());
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// A host that speaks 1.1: a function more in an interface, and an interface more.
mod next {
    wasmtime::component::bindgen!({
        world: "action-with-undo-and-check",
        path: "abi/next",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

use next::wardroom::plugin::{clock, http, incident, log, mail, random, secrets, state, types};

/// It keeps state and answers everything else as simply as it can.
#[derive(Default)]
struct Next(BTreeMap<String, state::Entry>);

type Answer<T> = wasmtime::Result<T>;

impl types::Host for Next {}

impl log::Host for Next {
    async fn emit(&mut self, _: log::Level, _: String, _: Vec<(String, String)>) -> Answer<()> {
        Ok(())
    }
    async fn progress(&mut self, _: u8, _: String) -> Answer<()> {
        Ok(())
    }
}

impl clock::Host for Next {
    async fn now_ms(&mut self) -> Answer<u64> {
        Ok(1)
    }
    async fn sleep_ms(&mut self, _: u32) -> Answer<()> {
        Ok(())
    }
    async fn monotonic_ms(&mut self) -> Answer<u64> {
        Ok(1)
    }
}

impl random::Host for Next {
    async fn bytes(&mut self, _: u32) -> Answer<Vec<u8>> {
        Ok(Vec::new())
    }
}

impl http::Host for Next {
    async fn send(&mut self, request: http::Request) -> Answer<Result<http::Response, http::Error>> {
        let held = http::Held { reason: request.url, retry_after_ms: 7 };
        Ok(Err(http::Error::Held(held)))
    }
}

impl secrets::Host for Next {
    async fn available(&mut self, _: String) -> Answer<bool> {
        Ok(true)
    }
    async fn sign(&mut self, _: String, _: String, data: Vec<u8>) -> Answer<Result<Vec<u8>, secrets::Error>> {
        Ok(Ok(data))
    }
    async fn jwt(&mut self, _: String, _: String, _: String, _: String) -> Answer<Result<String, secrets::Error>> {
        Ok(Err(secrets::Error::Missing(String::new())))
    }
}

impl state::Host for Next {
    async fn get(&mut self, key: String) -> Answer<Result<Option<state::Entry>, state::Error>> {
        Ok(Ok(self.0.get(&key).cloned()))
    }
    async fn put(&mut self, key: String, value: Vec<u8>, _: state::Expect) -> Answer<Result<u64, state::Error>> {
        self.0.insert(key, state::Entry { value, version: 1 });
        Ok(Ok(1))
    }
    async fn delete(&mut self, key: String, _: state::Expect) -> Answer<Result<(), state::Error>> {
        self.0.remove(&key);
        Ok(Ok(()))
    }
    async fn list_keys(&mut self, _: String, _: u32) -> Answer<Result<Vec<String>, state::Error>> {
        Ok(Ok(self.0.keys().cloned().collect()))
    }
}

impl incident::Host for Next {
    async fn snapshot(&mut self) -> Answer<Result<String, incident::Error>> {
        Ok(Err(incident::Error::None))
    }
    async fn add_timeline(&mut self, _: String, _: Option<String>) -> Answer<Result<(), incident::Error>> {
        Ok(Ok(()))
    }
}

impl mail::Host for Next {
    async fn send(&mut self, _: mail::Message) -> Answer<Result<(), types::Failure>> {
        Ok(Ok(()))
    }
}

#[tokio::test]
async fn a_host_that_has_grown_runs_what_was_built_before() {
    let engine = Engine::new(Config::new().wasm_component_model(true)).expect("starts");
    let mut linker = Linker::new(&engine);
    next::ActionWithUndoAndCheck::add_to_linker::<Next, HasSelf<Next>>(&mut linker, |next| next).expect("links");
    let mut store = Store::new(&engine, Next::default());
    for path in released().iter().flat_map(components) {
        let component = Component::from_file(&engine, &path).expect("compiles");
        let plugin = next::ActionWithUndoAndCheck::instantiate_async(&mut store, &component, &linker).await;
        let plugin = plugin.unwrap_or_else(|error| panic!("{}: {error:#}", path.display()));
        let described = plugin.wardroom_plugin_plugin().call_describe(&mut store).await.expect("describes itself");
        let manifest: Value = serde_json::from_str(&described).expect("JSON");
        if manifest["name"] != json!("witness") {
            continue;
        }
        let call = types::Call {
            action: "imports".to_owned(),
            input: "{}".to_owned(),
            run_id: String::new(),
            step_id: String::new(),
            item: None,
            attempt: 1,
            incident_id: None,
            connection_name: None,
            connection_config: "{}".to_owned(),
            idempotency_key: String::new(),
            remaining_ms: 1,
            mode: types::Mode::Real,
            resume: None,
            undo_data: None,
            callback_url: None,
            extra: "{}".to_owned(),
        };
        let ran = plugin.wardroom_plugin_plugin().call_run(&mut store, &call).await.expect("no trap");
        let Ok(types::Reply::Done(outcome)) = ran else { panic!("it is done: {ran:?}") };
        let output: Value = serde_json::from_str(&outcome.output).expect("JSON");
        assert_eq!(output["http"][0], json!("held 7"), "{output:#}");
        assert_eq!(output["state"]["get"], json!("twice"), "{output:#}");
        assert_eq!(output["secrets"]["jwt"], json!({ "error": "missing" }), "{output:#}");
    }
}
