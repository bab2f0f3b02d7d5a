//! What the READMEs of the bundled plugins show is what the server takes.

use std::{fs, process::Command};

use wardroom_tests::{
    database::Kind,
    guests::root,
    server::{ADMIN, Server},
};

use crate::journeys::commands::{commands, run};

#[tokio::test]
async fn every_bundled_plugin_is_described_as_it_is() {
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["token.txt", "password.txt"] {
        fs::write(folder.path().join(file), "hush").expect("the folder takes it");
    }
    let mut readmes = Vec::new();
    for entry in fs::read_dir(root().join("plugins")).expect("is there") {
        let name = entry.expect("a folder").file_name().into_string().expect("a name");
        let path = format!("plugins/{name}/README.md");
        let text = fs::read_to_string(root().join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        api.install(&name).await;
        let plugin = api.get(&format!("/plugins/{name}")).await.ok();
        for action in plugin["manifest"]["actions"].as_array().expect("a list") {
            let action = action["name"].as_str().expect("a name");
            assert!(text.contains(&format!("| `{action}`")), "{path} has no line for {action}");
        }
        for line in commands(&path) {
            let output = run(&api, ADMIN, folder.path(), &line).await;
            assert!(output.status.success(), "{path}: {line}: {}", String::from_utf8_lossy(&output.stderr));
        }
        readmes.push((name, text));
    }
    let mut shown = 0;
    for (name, text) in &readmes {
        for block in text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let document = format!("name: readme-{name}\non: [{{ stage: investigate }}]\n{block}");
            api.save(&format!("readme-{name}"), &document).await;
            shown += 1;
        }
    }
    assert!(shown >= 3, "some READMEs show workflows");
    server.stop().await;
}

#[test]
fn the_reference_is_what_the_plugins_say_of_themselves() {
    let mut names: Vec<String> = fs::read_dir(root().join("plugins"))
        .expect("is there")
        .map(|entry| entry.expect("a folder").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    let files = names.iter().map(|name| root().join(format!("target/plugins/{name}.wasm")));
    let output = Command::new(root().join("target/debug/wardroom")).args(["plugin", "reference"]).args(files).output();
    let output = output.expect("the command runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kept = fs::read_to_string(root().join("docs/plugin-reference.md")).expect("is there");
    let made = String::from_utf8_lossy(&output.stdout);
    let differs = made.lines().zip(kept.lines()).find(|(made, kept)| made != kept);
    assert_eq!(
        differs, None,
        "make it anew: wardroom plugin reference target/plugins/*.wasm > docs/plugin-reference.md"
    );
    assert_eq!(made.lines().count(), kept.lines().count());
}
