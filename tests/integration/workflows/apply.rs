//! Bringing a folder of documents, whole or not at all.

use std::process::Command;

use serde_json::{Value, json};
use wardroom_tests::{
    guests::root,
    server::{ADMIN, Api},
};

use crate::fixture::{connected, on_both};

fn document(name: &str, path: &str) -> String {
    format!(
        "name: {name}\non: [{{ called: {{}} }}, {{ manual: {{}} }}]\nsteps:\n  - {{ id: act, uses: webhook/send, connection: hooks, with: {{ path: {path} }} }}\n"
    )
}

fn file(name: &str, source: &str) -> Value {
    json!({ "file": format!("{name}.yaml"), "source": source })
}

async fn names(api: &Api) -> Vec<String> {
    let known = api.get("/workflows").await.ok();
    known["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|one| one["name"].as_str().expect("a name").to_owned())
        .collect()
}

fn changes(answer: &Value) -> Vec<(String, String)> {
    let word = |change: &Value, key: &str| change[key].as_str().expect("a word").to_owned();
    answer["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|one| (word(one, "workflow"), word(one, "change")))
        .collect()
}

fn pair(name: &str, change: &str) -> (String, String) {
    (name.to_owned(), change.to_owned())
}

#[tokio::test]
async fn a_set_is_compared_applied_and_pruned_in_one() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        for name in ["same", "changed", "gone"] {
            api.save(name, &document(name, "/a")).await;
        }
        // One of the set may run another of it, whichever comes first.
        let caller = "name: above\non: [{ manual: {} }]\nsteps:\n  - { id: child, run: fresh }\n";
        let set = json!([
            file("above", caller),
            file("same", &document("same", "/a")),
            file("changed", &document("changed", "/b")),
            file("fresh", &document("fresh", "/c")),
        ]);
        let dry = api.post("/apply", json!({ "workflows": set, "prune": true, "dry_run": true })).await.ok();
        let wanted = [
            pair("above", "create"),
            pair("changed", "update"),
            pair("fresh", "create"),
            pair("same", "unchanged"),
            pair("gone", "delete"),
        ];
        assert_eq!((changes(&dry), &dry["applied"]), (wanted.to_vec(), &json!(false)));
        let diff = dry["changes"][1]["diff"].as_str().expect("a difference");
        assert!(diff.contains("with: { path: /a }") && diff.lines().any(|line| line.starts_with("+  - ")), "{diff}");
        assert_eq!(names(&api).await, ["changed", "gone", "same"]);
        let expect = json!({ "above": 0, "changed": 1, "fresh": 0, "same": 1, "gone": 1 });
        let body = json!({ "workflows": set, "prune": true, "expect": expect });
        assert_eq!(api.post("/apply", body.clone()).await.ok()["applied"], json!(true));
        assert_eq!(names(&api).await, ["above", "changed", "fresh", "same"]);
        // What was seen is not what is there any more.
        api.post("/apply", body).await.problem(412);
        let again = api.post("/apply", json!({ "workflows": set, "prune": true })).await.ok();
        assert_eq!(again["applied"], json!(false), "{again:#}");
        assert_eq!(api.get("/workflows/changed").await.ok()["revision"], json!(2));
        api.person("rita", "responder").await.post("/apply", json!({ "workflows": set })).await.problem(403);
    })
    .await;
}

#[tokio::test]
async fn one_bad_document_keeps_all_out_and_every_fault_names_its_file() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        let set = json!([
            file("good", &document("good", "/a")),
            file("bad", &document("bad", "/a").replace("uses: webhook/send", "uses: webhook/sent")),
            file("twice", &document("good", "/b")),
            file("worse", "name: worse\non: []\n"),
        ]);
        let refused = api.post("/apply", json!({ "workflows": set })).await.problem(422);
        let errors: Vec<String> = refused["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|error| {
                format!(
                    "{}:{}: {}",
                    error["file"].as_str().unwrap_or_default(),
                    error["line"],
                    error["message"].as_str().unwrap_or_default()
                )
            })
            .collect();
        for wanted in [
            "bad.yaml:4: webhook has no action sent",
            "twice.yaml:1: there are two documents called \"good\"",
            "worse.yaml:2: at least one trigger is wanted",
        ] {
            assert!(errors.iter().any(|error| error.starts_with(wanted)), "{wanted}: {errors:#?}");
        }
        assert!(names(&api).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_command_shows_the_difference_and_applies_what_it_showed() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("payments")).expect("a folder");
        std::fs::write(folder.path().join("payments/one.yaml"), document("one", "/a")).expect("is written");
        std::fs::write(folder.path().join(".hidden.yaml"), "not: a workflow").expect("is written");
        let run = |more: &'static [&'static str]| {
            let mut command = Command::new(root().join("target/debug/wardroom"));
            command.args(["--url", &api.url, "apply"]).arg(folder.path()).args(more).env("WARDROOM_TOKEN", ADMIN);
            async move {
                let output = tokio::task::spawn_blocking(move || command.output()).await.expect("ends").expect("runs");
                let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
                (output.status.code(), said.concat())
            }
        };
        let (code, said) = run(&["--dry-run"]).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("+ one"), "{said}");
        let (code, said) = run(&[]).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("give --yes"), "{said}");
        assert_eq!(run(&["--yes"]).await.0, Some(0));
        assert_eq!(run(&["--dry-run"]).await.0, Some(0));
        std::fs::write(folder.path().join("payments/one.yaml"), document("one", "/b")).expect("is written");
        let (code, said) = run(&["--yes"]).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("~ one (revision 1)") && said.contains("applied 1 of 1"), "{said}");
        std::fs::write(folder.path().join("two.yaml"), "name: Two\n").expect("is written");
        let (code, said) = run(&["--yes"]).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("two.yaml:1:7: name: \"Two\" is no name"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn the_schedules_of_a_set_are_checked_with_its_workflows() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        let schedule = |name: &str, more: &str| file(name, &format!("kind: schedule\nname: {name}\n{more}\n"));
        let set = json!([
            file("sweep", &document("sweep", "/a")),
            schedule("good", "workflow: sweep\nevery: 10m"),
            schedule("lost", "workflow: swep\nevery: 10m"),
            schedule("more", "workflow: sweep\nevery: 10m\ninputs: { site: north }"),
            schedule("never", "workflow: sweep\ncron: \"0 0 30 2 *\""),
            schedule("mixed", "workflow: sweep\nevery: 10m\nsteps: []"),
            schedule("often", "workflow: sweep\nevery: 9s"),
            file("tick", "name: tick\non: [{ cron: '* * * * * *' }]\nsteps: [{ id: nap, sleep: 1ms }]\n"),
        ]);
        let refused = api.post("/apply", json!({ "documents": set, "dry_run": true })).await.problem(422);
        let errors = refused["errors"].as_array().expect("errors");
        let told = |file: &str| -> Vec<String> {
            let of_file = errors.iter().filter(|error| error["file"] == json!(format!("{file}.yaml")));
            of_file.map(|error| format!("{}:{} {}", error["line"], error["column"], error["message"])).collect()
        };
        assert!(told("good").is_empty() && told("sweep").is_empty(), "{errors:#?}");
        for (file, wanted) in [
            ("lost", "3:11 \"there is no workflow swep: did you mean sweep?\""),
            ("more", "5:17 \"workflow sweep has no input \\\"site\\\"\""),
            ("never", "4:"),
            ("mixed", "5:1 \"`steps` is not known here"),
            ("often", "4:8 \"it comes 9s after the time before: this server wants at least 10s"),
            ("tick", "2:14 \"it comes 1s after the time before: this server wants at least 10s"),
        ] {
            let told = told(file);
            assert!(told.len() == 1 && told[0].starts_with(wanted), "{file}: {told:#?}");
        }
        assert!(names(&api).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_set_brings_schedules_with_the_workflows_they_start_or_nothing() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        let schedule =
            |every: &str| file("often", &format!("kind: schedule\nname: often\nworkflow: sweep\nevery: {every}\n"));
        let set = |every: &str| json!([file("sweep", &document("sweep", "/a")), schedule(every)]);
        let shown = api.post("/apply", json!({ "documents": set("10m"), "dry_run": true })).await.ok();
        assert_eq!(shown["changes"].as_array().map(Vec::len), Some(2), "{shown:#}");
        api.get("/schedules/often").await.problem(404);
        let made = api.post("/apply", json!({ "documents": set("10m") })).await.ok();
        assert_eq!(made["applied"], json!(true));
        let first = api.get("/schedules/often").await.ok();
        assert_eq!((&first["document"]["every"], &first["revision"]), (&json!("10m"), &json!(1)), "{first:#}");
        let same = api.post("/apply", json!({ "documents": set("10m") })).await.ok();
        assert_eq!(same["applied"], json!(false), "{same:#}");
        let stale = json!({ "documents": set("20m"), "expect_schedules": { "often": 7 } });
        api.post("/apply", stale).await.problem(412);
        api.post("/apply", json!({ "documents": set("20m"), "expect_schedules": { "often": 1 } })).await.ok();
        let second = api.get("/schedules/often").await.ok();
        assert_eq!((&second["document"]["every"], &second["revision"]), (&json!("20m"), &json!(2)), "{second:#}");
        let pruned = json!({ "documents": [file("sweep", &document("sweep", "/a"))], "prune": true });
        api.post("/apply", pruned).await.ok();
        api.get("/schedules/often").await.problem(404);
        assert_eq!(names(&api).await, ["sweep"]);
    })
    .await;
}
