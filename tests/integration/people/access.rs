//! Who may do what, and how refusals look.

use reqwest::Method;
use serde_json::json;

use crate::fixture::on_both;

#[tokio::test]
async fn every_route_but_health_wants_a_token() {
    on_both(|api| async move {
        let nobody = api.with_token("");
        let problem = nobody.get("/incidents").await.problem(401);
        assert!(problem["detail"].as_str().expect("a text").contains("Authorization: Bearer"), "{problem}");
        nobody.with_token("wrd_wrong").get("/incidents").await.problem(401);
        assert_eq!(nobody.get("//healthz").await.ok(), json!({ "status": "ok" }));
        nobody.get("//readyz").await.ok();
        let document = nobody.get("//openapi.json").await.ok();
        assert!(document["paths"]["/api/v1/incidents/{id}/stage"]["post"].is_object());
    })
    .await;
}

#[tokio::test]
async fn a_role_includes_the_ones_before_and_none_after() {
    on_both(|api| async move {
        let viewer = api.person("vera", "viewer").await;
        let responder = api.person("rob", "responder").await;
        let engineer = api.person("eve", "engineer").await;
        let incident = json!({ "title": "t", "severity": "sev3" });
        let problem = viewer.post("/incidents", incident.clone()).await.problem(403);
        assert_eq!(problem["detail"], json!("this needs a token of role responder or above: yours is viewer"));
        viewer.get("/incidents").await.ok();
        responder.post("/incidents", incident.clone()).await.ok();
        responder.send(Method::POST, "/plugins", &[], vec![0]).await.problem(403);
        engineer.send(Method::POST, "/plugins", &[], vec![0]).await.problem(422);
        engineer.put("/secrets/bot", json!({ "value": "x" })).await.problem(403);
        engineer.get("/audit").await.problem(403);
        assert_eq!(responder.get("/me").await.ok()["person"]["handle"], json!("rob"));
        let audit = api.get("/audit").await.ok();
        assert_eq!(audit["items"][0]["action"], json!("token.create"));
    })
    .await;
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    on_both(|api| async move {
        let rob = api.person("rob", "responder").await;
        rob.get("/me").await.ok();
        let listed = api.get("/tokens").await.ok();
        let token = listed["items"].as_array().expect("tokens").iter().find(|one| one["person"] == json!("rob"));
        let path = format!("/tokens/{}", token.expect("rob's token")["id"].as_str().expect("an id"));
        rob.send(Method::DELETE, &path, &[], Vec::new()).await.problem(403);
        assert_eq!(api.send(Method::DELETE, &path, &[], Vec::new()).await.status, 204);
        let problem = rob.get("/me").await.problem(401);
        assert_eq!(problem["detail"], json!("this token is unknown or revoked"));
        api.send(Method::DELETE, &path, &[], Vec::new()).await.problem(404);
        api.send(Method::DELETE, "/tokens/none", &[], Vec::new()).await.problem(404);
        let listed = api.get("/tokens").await.ok();
        assert!(listed["items"][0]["revoked_at"].is_string(), "{listed:#}");
        assert!(!listed.to_string().contains("hash"), "{listed:#}");
    })
    .await;
}

#[tokio::test]
async fn bad_requests_get_precise_problems_and_change_nothing() {
    on_both(|api| async move {
        api.get("/nothing").await.problem(404);
        api.send(Method::DELETE, "/incidents", &[], Vec::new()).await.problem(405);
        let open = |body: &'static str| {
            api.send(Method::POST, "/incidents", &[("content-type", "application/json")], body.into())
        };
        let malformed = open("{\"title\": ").await.problem(400);
        assert!(malformed["detail"].as_str().expect("a text").contains("no JSON"), "{malformed}");
        let unknown = open("{\"title\": \"t\", \"severity\": \"sev1\", \"colour\": \"red\"}").await.problem(422);
        assert!(unknown["detail"].as_str().expect("a text").contains("unknown field `colour`"), "{unknown}");
        let severity = open("{\"title\": \"t\", \"severity\": \"sev9\"}").await.problem(422);
        assert!(severity["detail"].as_str().expect("a text").contains("sev1"), "{severity}");
        let empty = open("{\"title\": \"  \", \"severity\": \"sev1\"}").await.problem(422);
        assert_eq!(empty["errors"][0]["field"], json!("title"));
        api.send(Method::POST, "/incidents", &[("content-type", "text/plain")], b"{}".to_vec()).await.problem(415);
        let large = vec![b' '; 1024 * 1024 + 1];
        api.send(Method::POST, "/incidents", &[("content-type", "application/json")], large).await.problem(413);
        api.get("/incidents?limit=0").await.problem(422);
        api.get("/incidents?limit=many").await.problem(422);
        api.get("/incidents?stage=nowhere").await.problem(422);
        api.get("/incidents/INC-999").await.problem(404);
        api.get("/runs/none").await.problem(404);
        assert_eq!(api.get("/incidents").await.ok()["items"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_secret_goes_in_and_never_comes_out() {
    on_both(|api| async move {
        api.put("/secrets/bot", json!({ "value": "hunter2-canary" })).await.ok();
        let listed = api.get("/secrets").await.ok();
        assert_eq!(listed["items"][0]["name"], json!("bot"));
        let everything = format!("{listed}{}", api.get("/audit").await.ok());
        assert!(!everything.contains("canary"), "{everything}");
        api.get("/secrets/bot").await.problem(405);
        api.put("/secrets/bot", json!({ "value": "" })).await.problem(422);
        api.put("/secrets/Bad%20Name", json!({ "value": "x" })).await.problem(422);
    })
    .await;
}

#[tokio::test]
async fn a_connection_is_checked_against_its_plugin() {
    on_both(|api| async move {
        api.install("matrix").await;
        let set = |body| api.put("/connections/chat", body);
        let field = |problem: serde_json::Value| problem["errors"][0]["field"].clone();
        let absent = set(json!({ "plugin": "slack", "base_url": "https://chat.example.com" })).await.problem(422);
        assert_eq!(field(absent), json!("plugin"));
        let url = set(json!({ "plugin": "matrix", "base_url": "https://user:pw@chat.example.com" })).await.problem(422);
        assert_eq!(field(url), json!("base_url"));
        let config = json!({ "plugin": "matrix", "base_url": "https://chat.example.com", "config": { "colour": 1 } });
        assert_eq!(field(set(config).await.problem(422)), json!("config"));
        let secret =
            json!({ "plugin": "matrix", "base_url": "https://chat.example.com", "auth": { "bearer": "none" } });
        assert_eq!(field(set(secret).await.problem(422)), json!("auth"));
        api.put("/secrets/bot", json!({ "value": "x" })).await.ok();
        let kind = json!({ "plugin": "matrix", "base_url": "https://chat.example.com",
            "auth": { "basic": { "user": "u", "password": "bot" } } });
        assert_eq!(field(set(kind).await.problem(422)), json!("auth"));
        let good = json!({ "plugin": "matrix", "base_url": "https://chat.example.com", "auth": { "bearer": "bot" } });
        assert_eq!(set(good.clone()).await.ok()["revision"], json!(1));
        assert_eq!(set(good.clone()).await.ok()["revision"], json!(2));
        let stale = api.json(Method::PUT, "/connections/chat", &[("if-match", "\"1\"")], &good).await.problem(412);
        assert!(stale["detail"].as_str().expect("a text").contains("revision 2"), "{stale}");
    })
    .await;
}
