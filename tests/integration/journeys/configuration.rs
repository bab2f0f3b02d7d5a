//! The configuration through the real binary: `wardroom config`, a server that is configured by all three sources, and a backup
//! that finds what the server uses.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use wardroom_tests::{
    guests::root,
    process::{self, bound_to_us, free_port},
    server::{ADMIN, Api},
};

/// The command in a folder, with these variables and no others.
fn wardroom(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(root().join("target/debug/wardroom"));
    command.args(arguments).current_dir(folder).env_clear().envs(variables.iter().copied());
    command.output().expect("the command runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn option<'a>(shown: &'a Value, key: &str) -> &'a Value {
    let options = shown["options"].as_array().expect("options");
    options.iter().find(|option| option["key"] == key).expect(key)
}

#[test]
fn show_names_the_source_of_each_value_and_masks_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("wardroom.toml"), "# ours\nkeep_runs = \"90d\"\nadmin_token_file = \"token\"\n")
        .expect("is written");
    fs::write(folder.path().join("token"), "hunter2\n").expect("is written");
    let variables =
        [("WARDROOM_LISTEN", "127.0.0.1:0"), ("WARDROOM_DATABASE_URL", "postgres://me:hunter2@db/wardroom")];
    let show = ["config", "show", "--log=warn"];
    let output = wardroom(folder.path(), &variables, &show);
    assert!(output.status.success(), "{output:?}");
    let rows: Vec<Vec<&str>> = text(&output.stdout)
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    for row in [
        &["file: ./wardroom.toml"][..],
        &["KEY", "VALUE", "SOURCE"],
        &["data", "./wardroom-data", "default"],
        &["listen", "127.0.0.1:0", "environment variable WARDROOM_LISTEN"],
        &["database_url", "postgres://********@db/wardroom", "environment variable WARDROOM_DATABASE_URL"],
        &["key", "-", "default"],
        &["admin_token", "********", "./wardroom.toml:3, read from token"],
        &["keep_runs", "90d", "./wardroom.toml:2"],
        &["log", "warn", "flag --log"],
    ] {
        assert!(rows.iter().any(|found| found == row), "{row:?}: {rows:#?}");
    }
    let output = wardroom(folder.path(), &variables, &[&show[..], &["--json"]].concat());
    assert!(!text(&output.stdout).contains("hunter2"));
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(shown["file"], "./wardroom.toml");
    let place = json!({ "kind": "file", "file": "./wardroom.toml", "line": 3, "column": 1 });
    let token =
        json!({ "key": "admin_token", "value": "********", "secret": true, "source": place, "read_from": "token" });
    assert_eq!(option(&shown, "admin_token"), &token);
    assert_eq!(option(&shown, "allow_hosts")["value"], json!([]));
    assert_eq!(option(&shown, "log")["source"], json!({ "kind": "flag", "flag": "--log" }));

    // Every option has its flag and its variable in the help of the server.
    let help = wardroom(folder.path(), &[], &["serve", "--help"]);
    for option in shown["options"].as_array().expect("options") {
        let variable = format!("WARDROOM_{}", option["key"].as_str().expect("a key").to_uppercase());
        // Lines of the help break anywhere.
        assert!(text(&help.stdout).split_whitespace().any(|word| word == format!("{variable}]")), "{variable}");
    }
}

#[test]
fn the_file_that_is_named_is_read_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, log) in [("wardroom.toml", "debug"), ("by-variable.toml", "warn"), ("by-flag.toml", "error")] {
        fs::write(folder.path().join(name), format!("log = \"{log}\"\n")).expect("is written");
    }
    for (variables, arguments, log, file) in [
        (vec![], vec![], "debug", "./wardroom.toml"),
        (vec![("WARDROOM_CONFIG", "by-variable.toml")], vec![], "warn", "by-variable.toml"),
        (vec![("WARDROOM_CONFIG", "by-variable.toml")], vec!["--config", "by-flag.toml"], "error", "by-flag.toml"),
    ] {
        let output = wardroom(folder.path(), &variables, &[&["config", "show", "--json"], &arguments[..]].concat());
        let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((&option(&shown, "log")["value"], &shown["file"]), (&json!(log), &json!(file)));
    }
}

#[test]
fn check_tells_every_fault_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wardroom.toml");
    // What the documentation shows.
    fs::write(&file, "keep_run = \"90d\"\nlisten = \"localhost\"\n").expect("is written");
    let documentation = fs::read_to_string(root().join("docs/configuration.md")).expect("is there");
    let shown = documentation.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let output = wardroom(folder.path(), &[], &["config", "check", "wardroom.toml"]);
    assert_eq!((output.status.code(), text(&output.stderr), text(&output.stdout)), (Some(1), shown, ""));
    let output = wardroom(folder.path(), &[], &["config", "check", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let checked: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let first = &checked["faults"][0];
    assert_eq!(
        (&first["source"]["line"], &first["source"]["column"], &first["key"]),
        (&json!(1), &json!(1), &Value::Null)
    );
    assert_eq!(checked["faults"][1]["key"], "listen");
    // The server does not start with them, and leaves nothing behind.
    let output = wardroom(folder.path(), &[], &["serve"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), shown.replace("  ", "  ./").as_str()));
    assert!(!folder.path().join("wardroom-data").exists());

    fs::write(&file, "keep_runs = \"90d\"\nadmin_token = \"x\"\n").expect("is written");
    let output = wardroom(folder.path(), &[("WARDROOM_LISTN", "x")], &["config", "check", "wardroom.toml"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "wardroom.toml: no faults, 2 options set\n"));
    let warnings: Vec<&str> = text(&output.stderr).lines().collect();
    assert!(
        matches!(warnings[..], [file, variable]
            if file.starts_with("warning: wardroom.toml:2: `admin_token` is a secret") && variable.contains("did you mean WARDROOM_LISTEN?")),
        "{warnings:#?}"
    );
    let output = wardroom(folder.path(), &[], &["config", "check", "wardroom.toml", "--config", "other.toml"]);
    assert_eq!(output.status.code(), Some(2), "two files are named");
}

#[tokio::test]
async fn a_server_is_configured_by_all_three_sources_and_its_backup_finds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    fs::write(path.join("admin-token"), format!("{ADMIN}\n")).expect("is written");
    let file = "data = \"of-the-file\"\nlisten = \"203.0.113.1:1\"\nshortest_interval = \"7m\"\nkeep_runs = \"2h\"\n";
    fs::write(path.join("server.toml"), file).expect("is written");
    let mut command = bound_to_us(root().join("target/debug/wardroom").to_str().expect("UTF-8"), None);
    command.args(["serve", "--config", "server.toml", "--listen", &address.to_string()]).current_dir(&path);
    command.env("WARDROOM_ADMIN_TOKEN_FILE", "admin-token").env("WARDROOM_SHORTEST_INTERVAL", "9m");
    command.env_remove("WARDROOM_DATABASE_URL").env_remove("WARDROOM_ADMIN_TOKEN");
    let _server = process::Server::start("wardroom", command);
    let api = Api::new(address, ADMIN);
    api.ready().await;
    // The administrator's token is the file's, the interval the environment's, the address the flag's, the folder the file's.
    api.save("report", "name: report\non: [{ manual: {} }]\nsteps:\n  - { id: pause, sleep: 1s }\n").await;
    let schedule = |every: &str| json!({ "kind": "schedule", "name": "often", "workflow": "report", "every": every });
    let refused = api.put("/schedules/often", schedule("8m")).await;
    assert!(refused.status == 422 && refused.body.to_string().contains("9m"), "{refused:?}");
    api.put("/schedules/often", schedule("10m")).await.ok();

    let backed_up = tokio::task::spawn_blocking(move || {
        let variables = [("WARDROOM_CONFIG", "server.toml")];
        let output = wardroom(&path, &variables, &["backup", "copy"]);
        assert!(output.status.success(), "{output:?}");
        assert!(path.join("copy/wardroom.db").exists() && path.join("of-the-file/wardroom.db").exists());
        // A token from a file, for the client commands.
        let url = format!("http://{address}");
        let listed = wardroom(&path, &[("WARDROOM_URL", &url)], &["--token-file", "admin-token", "workflow", "list"]);
        assert!(text(&listed.stdout).contains("report"), "{listed:?}");
        let twice = [("WARDROOM_URL", url.as_str()), ("WARDROOM_TOKEN", ADMIN)];
        let twice = wardroom(&path, &twice, &["--token-file", "admin-token", "workflow", "list"]);
        assert!(text(&twice.stderr).contains("the token is given twice"), "{twice:?}");
    });
    backed_up.await.expect("no panic");
}
