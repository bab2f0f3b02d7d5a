//! What a plugin and a connection may use in a minute, and of memory in a call.

use std::process::Command;

use serde_json::{Value, json};
use wardroom_domain::limits::CallLimits;
use wardroom_runtime::{Allowance, Invocation, PluginErrorKind};
use wardroom_tests::{
    database::Kind,
    guests::root,
    server::{ADMIN, Server},
    third_party::ThirdParty,
};

use crate::plugins::{Sandbox, code, connection, done};

fn bytes(bytes_per_minute: u64) -> CallLimits {
    CallLimits { bytes_per_minute: Some(bytes_per_minute), ..CallLimits::default() }
}

fn of_plugin(limits: CallLimits) -> Allowance {
    Allowance { plugin: limits, ..Allowance::default() }
}

fn of_connection(limits: CallLimits) -> Allowance {
    Allowance { connection: limits, ..Allowance::default() }
}

#[tokio::test]
async fn who_has_sent_and_received_its_bytes_is_held_back() {
    for limits in [of_plugin(bytes(2_048)), of_connection(bytes(2_048))] {
        let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
        let post = |name: &str, limits: Allowance| {
            let mut through = connection(&third.url());
            name.clone_into(&mut through.name);
            let input = json!({ "method": "POST", "url": "/", "body": "x".repeat(1_200) });
            Invocation { limits, ..sandbox.through(through, "fetch", input) }
        };
        for _ in 0..2 {
            assert_eq!(done(&sandbox.call(post("main", limits)).await).output["status"], json!(200));
        }
        let held = sandbox.call(post("main", limits)).await;
        assert_eq!(code(&held), "http_held");
        let error = held.result.expect_err("a failure");
        assert!(!error.sent_unsafe, "nothing was sent");
        let whose = if limits.plugin == bytes(2_048) { "plugin hostile" } else { "connection main" };
        let told = format!("The 2048 bytes a minute of {whose} are used up.");
        assert!(error.message.contains(&told), "{}", error.message);
        assert_eq!(third.count(), 2);
        // A plugin's limit holds whatever the connection, a connection's for itself.
        let other = sandbox.call(post("other", limits)).await;
        assert_eq!(other.result.is_err(), limits.plugin == bytes(2_048), "{other:?}");
        assert!(
            sandbox.call(post("main", of_plugin(bytes(1 << 20)))).await.result.is_ok(),
            "a raised limit holds at once"
        );
    }
}

#[tokio::test]
async fn what_is_received_counts_too_and_the_last_answer_is_read_to_its_end() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let get = |url: &str| Invocation {
        limits: of_connection(bytes(100_000)),
        ..sandbox.through(connection(&third.url()), "fetch", json!({ "url": url }))
    };
    assert_eq!(done(&sandbox.call(get("/large")).await).output["length"], json!(1 << 20));
    assert_eq!(code(&sandbox.call(get("/")).await), "http_held");
}

#[tokio::test]
async fn who_has_used_its_cpu_time_is_not_called() {
    let sandbox = Sandbox::new().await;
    let limits = of_plugin(CallLimits { cpu_ms_per_minute: Some(400), ..CallLimits::default() });
    let invocation = |action: &str| Invocation { limits, ..sandbox.invocation(action, json!({})) };
    assert!(sandbox.call(invocation("ok")).await.result.is_ok());
    assert_eq!(code(&sandbox.call(invocation("loop")).await), "cpu_limit", "it took 500 ms");
    let late = sandbox.call(invocation("ok")).await;
    let error = late.result.expect_err("a failure");
    let PluginErrorKind::Quota { after } = error.kind else { panic!("{error:?}") };
    // How much of the minute has passed by now is the machine's affair.
    assert!((1..=65).contains(&after.as_secs()), "{after:?}");
    assert_eq!((error.kind.code(), error.sent_unsafe), ("quota", false));
    assert_eq!(error.message, "The 400 ms of CPU time a minute of plugin hostile are used up.");
    assert_eq!(late.trace.cpu_ms, 0);
    let unlimited = sandbox.call(sandbox.invocation("ok", Value::Null)).await;
    assert!(unlimited.result.is_ok(), "without the limit it is called");
}

#[tokio::test]
async fn the_narrowest_limit_of_memory_ends_the_call() {
    let sandbox = Sandbox::new().await;
    let memory = |mib: u64| CallLimits { memory_bytes: Some(mib << 20), ..CallLimits::default() };
    for (plugin, connection_limits, narrowest) in [(8, 16, 8_u64), (16, 8, 8), (128, 256, 64)] {
        let limits = Allowance { plugin: memory(plugin), connection: memory(connection_limits) };
        let through = sandbox.through(connection("http://127.0.0.1:1"), "memory-bomb", json!({}));
        let called = sandbox.call(Invocation { limits, ..through }).await;
        assert_eq!(code(&called), "memory_limit");
        let message = called.result.expect_err("a failure").message;
        assert!(message.contains(&(narrowest << 20).to_string()), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_sets_limits_shows_them_and_takes_them_away() {
    let mut server = Server::start(Kind::Sqlite).await;
    server.api.install("webhook").await;
    let limit = |arguments: &[&str]| {
        let mut command = Command::new(root().join("target/debug/wardroom"));
        command.args(["plugin", "limit", "webhook"]).args(arguments);
        let output =
            command.env("WARDROOM_URL", &server.api.url).env("WARDROOM_TOKEN", ADMIN).output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).trim().to_owned())
    };
    let none = (true, "webhook has no limits of its own".to_owned());
    assert_eq!(limit(&[]), none);
    let some = (true, "webhook may have 2 at a time, 400 ms of CPU a minute".to_owned());
    assert_eq!(limit(&["--in-flight", "2", "--cpu-ms-per-minute", "400"]), some);
    assert_eq!(limit(&[]), some);
    let (fine, said) = limit(&["--memory-bytes", "1"]);
    assert!(!fine && said.contains("memory_bytes") && said.contains("1048576"), "{said}");
    let (fine, said) = limit(&["--none", "--in-flight", "2"]);
    assert!(!fine && said.contains("cannot be used with"), "{said}");
    assert_eq!(limit(&[]), some, "what was wrong changed nothing");
    assert_eq!(limit(&["--none"]), none);
    assert_eq!(limit(&[]), none);
    server.stop().await;
}
