//! The author's way in each language: the same plugin written three times, from `plugin new` to a green `plugin test`; then
//! all three in one workflow.

use std::{
    fs,
    io::Write as _,
    path::Path,
    sync::{Arc, OnceLock},
};

use serde_json::{Value, json};
use wardroom_tests::{database::Kind, guests::root, process::now, server::Server, third_party::ThirdParty};

use crate::journeys::commands::commands;
use crate::plugins::authoring::{cache, folders_of_a_rust_build, said, told_folder, wardroom};

const LANGUAGES: [&str; 3] = ["rust", "python", "js"];

/// The plugin `notes-LANGUAGE`, made as the documentation shows. Once, for every test that wants it.
fn authored(language: &str) -> Arc<Vec<u8>> {
    static MADE: [OnceLock<Arc<Vec<u8>>>; 3] = [const { OnceLock::new() }; 3];
    let place = LANGUAGES.iter().position(|known| *known == language).expect("a language");
    Arc::clone(MADE[place].get_or_init(|| Arc::new(author(language))))
}

fn author(language: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let (name, began) = (format!("notes-{language}"), now());
    let mut played = false;
    for line in commands("docs/plugins.md") {
        let sdk = format!("--lang {language} --sdk {}", root().join("plugin-sdk").display());
        let mut line = line.replace("pager", &name).replace("--lang rust", &sdk);
        // The server below installs it; and to compile one of the large ones again takes long.
        let small = line.starts_with("cargo") || line.starts_with("wardroom plugin inspect");
        if line.starts_with("wardroom plugin install") || language != "rust" && small {
            continue;
        }
        line = match language {
            "rust" => format!("{}\n{line}", rust()),
            _ => format!("export HOME=$PWD/home XDG_CACHE_HOME={}; mkdir -p home\n{line}", cache().display()),
        };
        let output = wardroom(folder.path(), &line);
        assert!(output.status.success(), "{line}: {}", said(&output));
        if line.contains("wardroom plugin new") {
            if language == "rust" {
                // The versions that are there already.
                fs::copy(root().join("Cargo.lock"), folder.path().join(&name).join("Cargo.lock")).expect("is copied");
            }
            let cassette = folder.path().join(format!("{name}/{name}.cassette.json"));
            let shared = root().join("plugin-sdk/template/cassette.json.in");
            assert_eq!(fs::read(cassette).expect("is there"), fs::read(shared).expect("is there"), "one for all");
        }
        played |= said(&output).contains("4 cases played, 0 not as wanted");
    }
    assert!(played, "the documentation shows how a component is tested");
    let component = fs::read(folder.path().join(format!("dist/{name}.wasm"))).expect("is built");
    // The published interpreters hold paths of the machines that built them, among them a home that can be named like ours. So
    // Python and JavaScript are built here with a home of their own.
    let mut folders = vec![folder.path().to_owned()];
    folders.extend(if language == "rust" { folders_of_a_rust_build() } else { vec![cache(), root()] });
    assert_eq!(told_folder(&component, &folders), None, "{language} tells where it was built");
    let (took, size) = (now().duration_since(began).as_secs_f64(), component.len() / 1_000);
    writeln!(std::io::stdout(), "{language}: from `plugin new` to a green `plugin test`: {took:.1} s, {size} KB")
        .expect("is heard");
    component
}

/// What the shell of somebody who writes Rust has: the wasm target, and a folder for what is built.
fn rust() -> String {
    let root = root();
    format!(
        "eval \"$(bash {}/scripts/wasm-target.sh 2>/dev/null)\"; export GUEST_TARGET_DIR={1} CARGO_TARGET_DIR={1}",
        root.display(),
        root.join("target/template").display()
    )
}

#[test]
fn a_new_plugin_in_rust_is_tested_natively_and_as_a_component_as_it_stands() {
    authored("rust");
}

#[test]
fn a_new_plugin_in_python_passes_the_cassette_as_it_stands() {
    authored("python");
}

#[test]
fn a_new_plugin_in_javascript_passes_the_cassette_as_it_stands() {
    authored("js");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_workflow_takes_steps_in_three_languages_and_takes_them_back() {
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    let third = ThirdParty::start().await;
    let mut steps = Vec::new();
    for language in LANGUAGES {
        let component = tokio::task::spawn_blocking(move || authored(language)).await.expect("is made");
        api.upload(component.to_vec(), "").await.ok();
        let name = format!("notes-{language}");
        let connection = json!({
            "plugin": name, "base_url": third.url(), "config": { "folder": "incidents" },
            "grant": { "networks": ["127.0.0.0/8"] },
        });
        api.put(&format!("/connections/{name}"), connection).await.ok();
        steps.push(json!({ "id": language, "uses": format!("{name}/open-note"), "connection": name, "with": { "text": "Checkout fails" } }));
    }
    let document = json!({ "name": "three-languages", "on": [{ "manual": {} }], "steps": steps });
    api.save("three-languages", &document.to_string()).await;
    let run = api.post("/workflows/three-languages/runs", json!({})).await.ok();
    let run = api.ended(&run).await;
    assert_eq!(run["status"], json!("succeeded"), "{run:#}");
    for language in LANGUAGES {
        assert_eq!(
            run["steps"][language]["output"],
            json!({ "id": "7", "url": "https://notes.example.com/7" }),
            "{run:#}"
        );
    }
    let bodies = third.asked().into_iter().map(|asked| {
        let mut body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        // Each step's own.
        let key = body["key"].take();
        assert_eq!(key.as_str().map(str::len), Some(64), "{body}");
        body
    });
    let same = json!({ "folder": "incidents", "text": "Checkout fails", "key": null });
    assert_eq!(bodies.collect::<Vec<_>>(), [same.clone(), same.clone(), same]);

    let undone = api.post(&format!("/runs/{}/undo", run["id"].as_str().expect("an id")), json!({})).await.ok();
    assert_eq!(api.ended(&undone).await["status"], json!("succeeded"));
    let asked: Vec<String> =
        third.asked().into_iter().skip(3).map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    assert_eq!(asked, ["DELETE /notes/7"; 3]);
    server.stop().await;
}

#[test]
fn a_folder_that_is_no_plugin_is_told_what_it_lacks() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder");
        fs::write(path, text).expect("the folder takes it");
    };
    write("none/README.md", "");
    write("both/Cargo.toml", "");
    write("both/package.json", "{}");
    write("no-module/pyproject.toml", "");
    write("no-class/pyproject.toml", "");
    write("no-class/plugin.py", "class Plug:\n    pass\n");
    write("broken/pyproject.toml", "");
    write("broken/plugin.py", "class Plugin\n");
    write("no-main/package.json", r#"{ "main": "source.js" }"#);
    write("no-export/package.json", "{}");
    write("no-export/plugin.js", "export const plugins = {};\n");
    for (name, wanted) in [
        ("none", "no Cargo.toml, pyproject.toml or package.json is there"),
        ("both", "Cargo.toml and package.json are both there"),
        ("no-module", "no-module: it has no plugin.py"),
        ("no-class", "plugin.py makes no `Plugin` at its top level"),
        ("broken", "SyntaxError"),
        ("no-main", "there is no source.js, which `main` in package.json names"),
        ("no-export", "it exports no `plugin`"),
    ] {
        let built = wardroom(folder.path(), &format!("wardroom plugin build {name} --out dist"));
        assert!(!built.status.success(), "{name}");
        assert!(said(&built).contains(wanted), "{name}: {}", said(&built));
    }
    assert_eq!(fs::read_dir(folder.path().join("dist")).expect("a folder").count(), 0, "whole or not at all");
}

#[test]
fn a_compiler_that_cannot_be_had_is_told_with_what_would_help() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = wardroom(folder.path(), "wardroom plugin new a --lang python; wardroom plugin new b --lang js");
    assert!(new.status.success(), "{}", said(&new));
    let old = "mkdir old; printf '#!/bin/sh\\necho v18.1.0\\n' > old/node; chmod +x old/node; PATH=$PWD/old:$PATH;";
    let bare = "PATH=$(dirname \"$(command -v wardroom)\");";
    for (environment, name, wanted) in [
        (bare, "a", "python3 is not there: install Python 3"),
        (bare, "b", "node is not there: install Node.js 20 or newer"),
        (old, "b", "node is v18.1.0: install Node.js 20 or newer"),
        ("export PIP_INDEX_URL=http://127.0.0.1:9/simple PIP_RETRIES=0;", "a", "does PyPI answer?"),
    ] {
        let built =
            wardroom(folder.path(), &format!("{environment} wardroom plugin build {name} --out dist --tools tools"));
        assert!(!built.status.success(), "{environment} {name}");
        assert!(said(&built).contains(wanted), "{wanted}: {}", said(&built));
    }
}
