//! Steps that run another workflow.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_tests::server::Api;

use crate::fixture::{connected, on_both, on_both_by_clock};

fn parent(step: &Value) -> String {
    json!({
        "name": "parent",
        "on": [{ "manual": {} }],
        "steps": [
            step,
            {
                "id": "after", "uses": "webhook/send", "connection": "hooks",
                "with": { "path": "/after", "body": "${{ steps.child.output }}" },
            },
        ],
    })
    .to_string()
}

async fn save_child(api: &Api, steps: Value) {
    let child = json!({
        "name": "child",
        "on": [{ "called": {} }],
        "inputs": { "path": { "type": "string" } },
        "steps": steps,
    });
    api.save("child", &child.to_string()).await;
}

fn call() -> Value {
    json!([{ "id": "act", "uses": "webhook/send", "connection": "hooks", "with": { "path": "${{ inputs.path }}" } }])
}

fn path(run: &Value) -> String {
    format!("/runs/{}", run["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_step_runs_another_workflow_and_sees_what_it_gave() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        crate::fixture::opened(&api, "Checkout fails").await;
        save_child(&api, call()).await;
        let step = json!({ "id": "child", "run": "child", "with": { "path": "/one" } });
        api.save("parent", &parent(&step)).await;
        let run = api.post("/workflows/parent/runs", json!({ "incident": "INC-1" })).await.ok();
        let run = api.ended(&run).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        let output = &run["steps"]["child"]["output"];
        assert_eq!(
            (&output["status"], &output["steps"]["act"]["output"]["status"]),
            (&json!("succeeded"), &json!(200))
        );
        let child = api.get(&format!("/runs/{}", output["run"].as_str().expect("a run"))).await.ok();
        assert_eq!(child["parent"], json!({ "run": run["id"], "step": "child", "item": null }));
        assert_eq!((&child["incident"], &child["trigger"]["type"]), (&run["incident"], &json!("called")));
        let paths: Vec<String> = third.asked().into_iter().map(|asked| asked.path).collect();
        assert_eq!(paths, ["/one", "/after"]);
    })
    .await;
}

#[tokio::test]
async fn each_item_has_a_child_of_its_own_and_a_failure_is_told() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        save_child(&api, call()).await;
        let step = json!({
            "id": "child", "run": "child", "foreach": "['/a', '/b', '/c']", "with": { "path": "${{ item }}" },
        });
        api.save("parent", &parent(&step)).await;
        let run = api.post("/workflows/parent/runs", json!({})).await.ok();
        let run = api.ended(&run).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        assert_eq!((run["steps"]["child"]["items"].as_array().map(Vec::len), third.count()), (Some(3), 4));
        let nowhere =
            json!({ "plugin": "webhook", "base_url": "http://127.0.0.1:1", "grant": { "networks": ["127.0.0.0/8"] } });
        api.put("/connections/nowhere", nowhere).await.ok();
        let mut steps = call();
        steps[0]["connection"] = json!("nowhere");
        steps[0]["retry"] = json!({ "attempts": 1 });
        save_child(&api, steps).await;
        let run = api.post("/workflows/parent/runs", json!({})).await.ok();
        let run = api.ended(&run).await;
        assert_eq!(run["steps"]["child"]["items"][0]["error"]["code"], json!("child_failed"), "{run:#}");
        assert_eq!(run["status"], json!("failed"));
    })
    .await;
}

#[tokio::test]
async fn canceling_reaches_the_child() {
    on_both_by_clock(|api, clock| async move {
        connected(&api, json!({})).await;
        save_child(&api, json!([{ "id": "gate", "approve": { "notify": "none" } }])).await;
        let step = json!({ "id": "child", "run": "child", "with": { "path": "/one" } });
        api.save("parent", &parent(&step)).await;
        let run = api.post("/workflows/parent/runs", json!({})).await.ok();
        let child =
            api.until("/runs?workflow=child", |page| page["items"][0]["status"] == json!("waiting")).await["items"][0]
                .clone();
        api.until(&path(&run), |run| run["status"] == json!("waiting")).await;
        api.post(&format!("{}/cancel", path(&run)), json!({})).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("canceled"));
        assert_eq!(api.ended(&child).await["status"], json!("canceled"));
        // A deadline stops it too.
        let mut step = step.clone();
        step["deadline"] = json!("500ms");
        api.save("parent", &parent(&step)).await;
        let run = api.post("/workflows/parent/runs", json!({})).await.ok();
        let second = |page: &Value, status: &str| {
            let runs = page["items"].as_array().into_iter().flatten();
            runs.filter(|run| run["id"] != child["id"]).any(|run| run["status"] == json!(status))
        };
        api.until("/runs?workflow=child", |page| second(page, "waiting")).await;
        clock.pass(Duration::from_millis(500));
        assert_eq!(api.ended(&run).await["steps"]["child"]["status"], json!("timed_out"));
        api.until("/runs?workflow=child", |page| second(page, "canceled")).await;
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_when_it_is_saved() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        save_child(&api, call()).await;
        api.save(
            "closed",
            &json!({ "name": "closed", "on": [{ "manual": {} }], "steps": call() })
                .to_string()
                .replace("${{ inputs.path }}", "/x"),
        )
        .await;
        for (step, wanted) in [
            (json!({ "id": "child", "run": "chid", "with": {} }), "there is no workflow chid: did you mean child?"),
            (json!({ "id": "child", "run": "parent" }), "a workflow does not run itself"),
            (json!({ "id": "child", "run": "closed" }), "it needs the trigger `called: {}`"),
            (json!({ "id": "child", "run": "child" }), "workflow child needs the input \"path\""),
            (
                json!({ "id": "child", "run": "child", "with": { "path": "/", "x": 1 } }),
                "workflow child has no input \"x\"",
            ),
        ] {
            let document = serde_json::from_str(&parent(&step)).expect("JSON");
            let refused = api.put("/workflows/parent", document).await.problem(422);
            assert!(refused.to_string().contains(&wanted.replace('"', "\\\"")), "{wanted}: {refused:#}");
        }
        assert_eq!(api.get("/runs").await.ok()["items"], json!([]));
    })
    .await;
}
