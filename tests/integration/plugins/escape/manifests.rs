//! Components that are fine, and lie or rave about themselves: refused at install, or held to what they said when they are
//! called.

use serde_json::{Value, json};

use crate::plugins::escape::{
    Case,
    bombs::act,
    fixture::ends,
    handwritten_wasm::{Made, action, manifest},
    malformed::inspect,
};

const THEME: &str = "manifests";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> =
        faults().into_iter().map(|(what, manifest)| refused(what, "bad_manifest", Made::saying(manifest))).collect();
    cases.extend([
        refused("a description that traps", "describe_failed", Made { describe: "unreachable".to_owned(), ..Made::default() }),
        refused("a description that loops", "describe_failed", looping()),
        refused("a description that eats memory", "describe_failed", Made {
            describe: "(loop $l (drop (memory.grow (i32.const 16))) (br $l))".to_owned(),
            ..Made::default()
        }),
        refused("a description of 1 MB", "describe_failed", Made::saying(format!("\"{}\"", "x".repeat(1 << 20)))),
        refused("a description out of bounds", "describe_failed", Made {
            describe: "(i32.store (i32.const 16) (i32.const -1)) (i32.store (i32.const 20) (i32.const 9)) (return (i32.const 16))".to_owned(),
            ..Made::default()
        }),
        refused("a description that logs without end", "describe_failed", Made {
            imports: r#"(import "wardroom:plugin/log@1.0.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))"#.to_owned(),
            describe: "(loop $l (call $emit (i32.const 1) (i32.const 0) (i32.const 1000) (i32.const 0) (i32.const 0)) (br $l))".to_owned(),
            ..Made::default()
        }),
        refused("a description that sleeps without end", "describe_failed", Made {
            imports: r#"(import "wardroom:plugin/clock@1.0.0" "sleep-ms" (func $sleep (param i32)))"#.to_owned(),
            describe: "(loop $l (call $sleep (i32.const -1)) (br $l))".to_owned(),
            ..Made::default()
        }),
    ]);
    cases.push(Case::new(THEME, "a description that asks for the time", |fixture| async move {
        // It is told none: were it told, every description could be another one.
        let guest = Made {
            imports: r#"(import "wardroom:plugin/clock@1.0.0" "now-ms" (func $now (result i64)))"#.to_owned(),
            describe: "(if (i64.ne (call $now) (i64.const 0)) (then unreachable))".to_owned(),
            ..Made::default()
        };
        match fixture.sandbox.host.inspect(&guest.component()).await {
            Ok(_) => Ok("told nothing".to_owned()),
            Err(refused) => Err(refused.to_string()),
        }
    }));
    cases.push(Case::new(THEME, "an action that it does not handle", |fixture| async move {
        let found = fixture
            .sandbox
            .host
            .inspect(&Made::running("unreachable").component())
            .await
            .map_err(|error| error.to_string())?;
        ends(&fixture.sandbox.call(act(&fixture, found)).await, "trap")
    }));
    cases.push(Case::new(THEME, "an output that its schema does not allow", |fixture| async move {
        answering(&fixture, json!({ "type": "string" }), "{}".to_owned()).await
    }));
    cases.push(Case::new(THEME, "a schema that looks at everything ten thousand times", |fixture| async move {
        let schema = json!({ "items": { "allOf": vec![json!({ "type": "integer" }); 3_000] } });
        answering(&fixture, schema, format!("[{}0]", "0,".repeat(500_000))).await
    }));
    cases.push(Case::new(THEME, "a pattern that goes back and forth", |fixture| async move {
        let schema = json!({ "items": { "pattern": "^(x+x+)+y$" } });
        answering(&fixture, schema, format!("[\"{}\"]", "x".repeat(1 << 19))).await
    }));
    cases
}

/// What it says of itself, each with a fault.
fn faults() -> Vec<(&'static str, String)> {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value = manifest();
        change(&mut value);
        value.to_string()
    };
    let mut references = json!({ "$ref": "#/$defs/d40", "$defs": { "d0": {} } });
    for level in 1..=40 {
        let below = json!({ "$ref": format!("#/$defs/d{}", level - 1) });
        references["$defs"][format!("d{level}")] = json!({ "allOf": [below, below] });
    }
    vec![
        ("nothing", String::new()),
        ("what is no JSON", "{".to_owned()),
        ("what is no object", "[]".to_owned()),
        ("250 KB of brackets", "[".repeat(250_000)),
        ("a key that nobody knows", with(&|value| value["grants"] = json!(["*"]))),
        ("another contract", with(&|value| value["api"] = json!("2.0"))),
        ("a contract that is to come", with(&|value| value["api"] = json!("1.9"))),
        ("the server's own name", with(&|value| value["name"] = json!("wardroom"))),
        ("a name with control characters", with(&|value| value["name"] = json!("made\u{1b}[2J"))),
        ("a name that turns the text round", with(&|value| value["name"] = json!("\u{202e}edam"))),
        ("a name that is a path", with(&|value| value["name"] = json!("../../made"))),
        ("a name without end", with(&|value| value["name"] = json!("m".repeat(100_000)))),
        ("a version with a line break", with(&|value| value["version"] = json!("1.0.0\n"))),
        ("a version that rings", with(&|value| value["version"] = json!("1.0.0-\u{7}"))),
        (
            "a description with control characters",
            with(&|value| value["description"] = json!("Made.\u{1b}]0;owned\u{7}")),
        ),
        (
            "an action's description with control characters",
            with(&|value| value["actions"][0]["description"] = json!("A\u{1b}[31m")),
        ),
        (
            "a secret's description with control characters",
            with(&|value| value["secrets"] = json!([{ "name": "a", "description": "\u{9b}2J" }])),
        ),
        ("a description without end", with(&|value| value["description"] = json!("x".repeat(100_000)))),
        ("no actions", with(&|value| value["actions"] = json!([]))),
        ("two actions of one name", with(&|value| value["actions"] = json!([action("act"), action("act")]))),
        ("an action with a line break", with(&|value| value["actions"][0]["name"] = json!("act\r\n"))),
        ("1,500 actions", with(&|value| value["actions"] = json!(vec![action("act"); 1_500]))),
        ("10,000 actions", with(&|value| value["actions"] = json!(vec![json!({}); 10_000]))),
        ("10,000 hosts", with(&|value| value["hosts"] = json!(vec!["http://a.example"; 10_000]))),
        ("10,000 hosts that are none", with(&|value| value["hosts"] = json!(vec!["*"; 10_000]))),
        (
            "10,000 secrets",
            with(&|value| value["secrets"] = json!(vec![json!({ "name": "A", "description": "" }); 5_000])),
        ),
        ("every host there is", with(&|value| value["hosts"] = json!(["https://*"]))),
        (
            "a sample that breaks the schema",
            with(&|value| {
                value["actions"][0]["output"] = json!({ "type": "object" });
                value["actions"][0]["sample_output"] = json!(1);
            }),
        ),
        ("no sample of what it changes", with(&|value| value["actions"][0]["risk"] = json!("write"))),
        ("an undo that is not there", with(&|value| value["actions"][0]["undo"] = json!(true))),
        ("a check that is not there", with(&|value| value["actions"][0]["check"] = json!(true))),
        ("a schema that is none", with(&|value| value["actions"][0]["input"] = json!({ "type": "nonsense" }))),
        ("a schema that unfolds", with(&|value| value["actions"][0]["input"] = references.clone())),
        ("a schema that comes back to itself", with(&|value| value["actions"][0]["input"] = json!({ "$ref": "#" }))),
        (
            "a schema at a URL",
            with(&|value| value["actions"][0]["input"] = json!({ "$ref": "http://127.0.0.1/schema" })),
        ),
        ("a schema in a file", with(&|value| value["actions"][0]["input"] = json!({ "$ref": "file:///etc/passwd" }))),
        ("a schema of 20,000 values", with(&|value| value["actions"][0]["input"] = json!({ "enum": vec![0; 20_000] }))),
        (
            "a schema of 10,000 levels",
            manifest().to_string().replacen(
                "{\"type\":\"object\"}",
                &format!("{}{{}}{}", "{\"not\":".repeat(10_000), "}".repeat(10_000)),
                1,
            ),
        ),
        ("a pattern that is none", with(&|value| value["actions"][0]["input"] = json!({ "pattern": "(" }))),
        (
            "a pattern that looks ahead",
            with(&|value| value["actions"][0]["input"] = json!({ "pattern": "^(?=(x+)+$)(x+)+\\1$" })),
        ),
        (
            "a pattern that unfolds",
            with(&|value| value["actions"][0]["input"] = json!({ "pattern": "((((x{99}){99}){99}){99}){99}" })),
        ),
        (
            "a pattern of a million states",
            with(&|value| value["actions"][0]["input"] = json!({ "pattern": "(\\w{100}){100}" })),
        ),
    ]
}

fn refused(name: &str, wanted: &'static str, guest: Made) -> Case {
    Case::new(THEME, name, move |fixture| {
        let component = guest.component();
        async move { inspect(&fixture, &component, &[wanted]).await }
    })
}

fn looping() -> Made {
    Made { describe: "(loop $l (br $l))".to_owned(), ..Made::default() }
}

/// A component with this schema for its output, and an output that breaks it or is too much to be held against it.
async fn answering(
    fixture: &std::sync::Arc<crate::plugins::escape::Fixture>,
    schema: Value,
    output: String,
) -> crate::plugins::escape::Verdict {
    let mut said = manifest();
    said["actions"][0]["output"] = schema;
    let guest = Made { output, ..Made::saying(said.to_string()) };
    let found = fixture.sandbox.host.inspect(&guest.component()).await.map_err(|error| error.to_string())?;
    ends(&fixture.sandbox.call(act(fixture, found)).await, "invalid_output")
}
