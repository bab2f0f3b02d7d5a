//! Components made by hand that eat what a call has: time, memory, tables, stack; or that answer with what the contract does not
//! allow. Each is installed first, where it can be.

use std::sync::Arc;

use serde_json::json;
use wardroom_domain::grant::PluginGrant;
use wardroom_runtime::{Inspection, Invocation, RefusedPlugin};

use crate::plugins::escape::{
    Case,
    fixture::{Fixture, ends},
    handwritten_wasm::{self, Made},
};

const THEME: &str = "bombs";

/// What `run` does, with further fields of the module, and the word for it.
const RUNS: &[(&str, &str, &str, &str)] = &[
    ("a loop", "(loop $l (br $l))", "", "cpu_limit"),
    ("a loop in two functions", "(call $a)", "(func $a (loop $l (call $b) (br $l))) (func $b)", "cpu_limit"),
    (
        "a loop that stores",
        "(loop $l (memory.fill (i32.const 65536) (i32.const 1) (i32.const 65536)) (br $l))",
        "",
        "cpu_limit",
    ),
    ("calls without end", "(call $a)", "(func $a (call $a))", "stack_overflow"),
    ("calls of each other", "(call $a)", "(func $a (call $b)) (func $b (call $a))", "stack_overflow"),
    (
        "calls by table",
        "(call_indirect (i32.const 0))",
        "(table 1 funcref) (elem (i32.const 0) $a) (func $a (call_indirect (i32.const 0)))",
        "stack_overflow",
    ),
    (
        "frames of a thousand locals",
        "(call $a (i32.const 0))",
        "(func $a (param i32) (local i64 i64 i64 i64 i64 i64 i64 i64) (call $a (local.get 0)) (call $a (i32.wrap_i64 (local.get 1))))",
        "stack_overflow",
    ),
    ("memory page by page", "(loop $l (drop (memory.grow (i32.const 1))) (br $l))", "", "memory_limit"),
    ("memory at once", "(drop (memory.grow (i32.const 65000)))", "", "memory_limit"),
    ("memory that is more than there can be", "(drop (memory.grow (i32.const -1)))", "", "memory_limit"),
    (
        "a table element by element",
        "(loop $l (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $l))",
        "(table $t 1 funcref)",
        "table_limit",
    ),
    ("a table at once", "(drop (table.grow $t (ref.null func) (i32.const -1)))", "(table $t 1 funcref)", "table_limit"),
    ("a load out of bounds", "(drop (i32.load (i32.const -4)))", "", "trap"),
    ("a store out of bounds", "(i64.store offset=4294967295 (i32.const -1) (i64.const 1))", "", "trap"),
    ("a copy out of bounds", "(memory.copy (i32.const 0) (i32.const 1) (i32.const -1))", "", "trap"),
    ("a division by zero", "(drop (i32.div_s (i32.const 1) (i32.const 0)))", "", "trap"),
    ("a conversion of nothing", "(drop (i32.trunc_f32_s (f32.const nan)))", "", "trap"),
    ("a call of nothing", "(call_indirect (i32.const 0))", "(table 1 funcref)", "trap"),
    (
        "a call of another type",
        "(call_indirect (param i64) (i64.const 1) (i32.const 0))",
        "(table 1 funcref) (elem (i32.const 0) $a) (func $a)",
        "trap",
    ),
    ("unreachable code", "unreachable", "", "trap"),
];

/// What `run` answers against the contract: as the last thing it does.
const ANSWERS: &[(&str, &str)] = &[
    ("an answer out of bounds", "(return (i32.const -8))"),
    ("an answer at an odd place", "(return (i32.const 65))"),
    ("neither a reply nor a failure", "(i32.store8 (i32.const 64) (i32.const 7))"),
    ("a reply that is no reply", "(i32.store8 (i32.const 72) (i32.const 9))"),
    ("an option that is no option", "(i32.store8 (i32.const 104) (i32.const 9))"),
    ("a summary of 1 GB", "(i32.store (i32.const 92) (i32.const 1073741824))"),
    ("a summary out of bounds", "(i32.store (i32.const 88) (i32.const -1)) (i32.store (i32.const 92) (i32.const 2))"),
    (
        "a summary that is no UTF-8",
        "(i32.store8 (i32.const 200) (i32.const 255)) (i32.store (i32.const 88) (i32.const 200)) (i32.store (i32.const 92) (i32.const 1))",
    ),
    ("a billion artifacts", "(i32.store (i32.const 100) (i32.const 1000000000))"),
    ("artifacts at an odd place", "(i32.store (i32.const 96) (i32.const 3)) (i32.store (i32.const 100) (i32.const 1))"),
    ("artifacts without end", "(i32.store (i32.const 100) (i32.const 16777216))"),
];

/// What a call of `log.emit` hands over against the contract.
const EMITS: &[(&str, &str)] = &[
    ("a level that is none", "(call $emit (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))"),
    ("a line of 1 GB", "(call $emit (i32.const 1) (i32.const 0) (i32.const 1073741824) (i32.const 0) (i32.const 0))"),
    ("a line out of bounds", "(call $emit (i32.const 1) (i32.const -1) (i32.const 9) (i32.const 0) (i32.const 0))"),
    ("a billion fields", "(call $emit (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000000000))"),
    (
        "a line that is no UTF-8",
        "(i32.store8 (i32.const 200) (i32.const 255)) (call $emit (i32.const 1) (i32.const 200) (i32.const 1) (i32.const 0) (i32.const 0))",
    ),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, run, fields, word) in RUNS {
        cases.push(running(what, Made::running(run).with(fields), word));
    }
    for (what, run) in ANSWERS {
        cases.push(running(what, Made::running(run), "invalid_output"));
    }
    for (what, run) in EMITS {
        let imports = r#"(import "wardroom:plugin/log@1.0.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))"#;
        cases.push(running(what, Made { imports: imports.to_owned(), ..Made::running(run) }, "invalid_output"));
    }
    // Where the host puts what it hands over is asked of the guest.
    for (what, realloc) in [
        ("room out of bounds", "(i32.const -8)"),
        ("room at an odd place", "(i32.const 65)"),
        ("room that is its own code's end", "(i32.const 2147483647)"),
    ] {
        let core = Made::default().core().replace("(global.get $free)\n", &format!("(return {realloc})\n"));
        cases.push(called(what, move || handwritten_wasm::wrapped(&core), "invalid_output"));
    }
    let core = Made::default().core().replace("(global.get $free)\n", "(loop $l (br $l)) (global.get $free)\n");
    cases.push(called("room that is never found", move || handwritten_wasm::wrapped(&core), "cpu_limit"));
    for (what, output, word) in [
        ("JSON of 10,000 levels", format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), "invalid_output"),
        ("JSON of 65 levels", format!("{}{}", "[".repeat(65), "]".repeat(65)), "invalid_output"),
        ("JSON without end", "[".repeat(1 << 20), "invalid_output"),
        ("JSON of 500,000 values and one fault", format!("[{}0", "0,".repeat(500_000)), "invalid_output"),
        ("a number beyond numbers", "1e999999".to_owned(), "invalid_output"),
        ("half a character", "\"\\ud800\"".to_owned(), "invalid_output"),
        ("1 MiB and a byte", format!("\"{}\"", "x".repeat((1 << 20) - 1)), "output_too_large"),
    ] {
        cases.push(running(what, Made { output, ..Made::default() }, word));
    }
    cases
}

fn running(what: &str, guest: Made, word: &'static str) -> Case {
    called(what, move || guest.component(), word)
}

fn called(what: &str, component: impl Fn() -> Vec<u8> + Send + Sync + 'static, word: &'static str) -> Case {
    Case::new(THEME, what, move |fixture| {
        let component = component();
        async move {
            match fixture.sandbox.host.inspect(&component).await {
                Ok(found) => ends(&fixture.sandbox.call(act(&fixture, found)).await, word),
                Err(refused) => Err(format!("cannot be installed: {refused}")),
            }
        }
    })
}

/// A call of the action of a component that was inspected.
pub(crate) fn act(fixture: &Fixture, found: Inspection) -> Invocation {
    Invocation {
        digest: found.digest,
        given: Arc::new(PluginGrant { asks: found.manifest.asks() }),
        manifest: Arc::new(found.manifest),
        ..fixture.sandbox.invocation("act", json!({}))
    }
}

/// The word for how a component is refused.
pub(crate) fn word(refused: &RefusedPlugin) -> &'static str {
    match refused {
        RefusedPlugin::TooLarge { .. } => "too_large",
        RefusedPlugin::NotWasm { .. } => "not_wasm",
        RefusedPlugin::Precompiled => "precompiled",
        RefusedPlugin::CoreModule => "core_module",
        RefusedPlugin::ForeignImport { .. } => "foreign_import",
        RefusedPlugin::WrongVersion { .. } => "wrong_version",
        RefusedPlugin::NoPluginExport => "no_plugin_export",
        RefusedPlugin::Unfit { .. } => "unfit",
        RefusedPlugin::DescribeFailed { .. } => "describe_failed",
        RefusedPlugin::BadManifest { .. } => "bad_manifest",
    }
}
