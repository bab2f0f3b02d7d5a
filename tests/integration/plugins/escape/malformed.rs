//! What is no component, or none of this contract: refused at install, each with a word and a sentence.

use wardroom_tests::guests;

use crate::plugins::escape::{
    Case, Verdict,
    bombs::word,
    fixture::Fixture,
    handwritten_wasm::{Made, raw},
};

const THEME: &str = "malformed";

/// An instance that offers the export's name, so that only what comes before it is wrong.
const EXPORT: &str = r#"(instance $nothing) (export "wardroom:plugin/plugin@1.0.0" (instance $nothing))"#;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        refused("nothing", "not_wasm", Vec::new),
        refused("a script", "not_wasm", || b"#!/bin/sh\nrm -rf /\n".to_vec()),
        refused("half a magic number", "not_wasm", || b"\0as".to_vec()),
        refused("a version that never was", "not_wasm", || b"\0asm\xff\xff\xff\xff".to_vec()),
        refused("a core module", "core_module", || b"\0asm\x01\0\0\0".to_vec()),
        refused("a core module with all exports", "core_module", || raw(&Made::default().core())),
        refused("native code", "precompiled", || b"\x7fELF\x02\x01\x01\0".to_vec()),
        refused("a component over the size", "too_large", || vec![0; (32 << 20) + 1]),
        refused("an empty component", "no_plugin_export", || b"\0asm\x0d\0\x01\0".to_vec()),
        refused("an import of something else", "foreign_import", guests::outsider),
        refused("an import of files", "foreign_import", || {
            raw(&format!(r#"(component (import "wasi:filesystem/types@0.2.0" (instance)) {EXPORT})"#))
        }),
        refused("an import of sockets under a name like ours", "foreign_import", || {
            raw(&format!(r#"(component (import "wardroom:plugin/sockets@1.0.0" (instance)) {EXPORT})"#))
        }),
        refused("an import of ours that is a function", "unfit", || {
            raw(&format!(r#"(component (import "wardroom:plugin/log@1.0.0" (func)) {EXPORT})"#))
        }),
        refused("an import of ours that is a component", "unfit", || {
            raw(&format!(r#"(component (import "wardroom:plugin/log@1.0.0" (component)) {EXPORT})"#))
        }),
        refused("an import of a function that ours does not have", "unfit", || {
            raw(&format!(
                r#"(component (import "wardroom:plugin/secrets@1.0.0" (instance (export "reveal" (func (result string))))) {EXPORT})"#
            ))
        }),
        refused("an import of ours with another type", "unfit", || {
            raw(&format!(
                r#"(component (import "wardroom:plugin/clock@1.0.0" (instance (export "now-ms" (func (result string))))) {EXPORT})"#
            ))
        }),
        refused("an import of a module", "foreign_import", || {
            raw(&format!(r#"(component (import "code" (core module)) {EXPORT})"#))
        }),
        refused("an export without functions", "unfit", || raw(&format!("(component {EXPORT})"))),
        refused("an export that is a function", "unfit", || {
            raw(r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i "f"))) (export "wardroom:plugin/plugin@1.0.0" (func $f)))"#)
        }),
        refused("a description that is a number", "describe_failed", || described("(result u32)", "(result i32)")),
        refused("a description that wants to be told something", "describe_failed", || {
            described("(param \"a\" u32) (result u32)", "(param i32) (result i32)")
        }),
        refused("no `run`", "unfit", || {
            raw(
                r#"(component (core module $m (memory (export "memory") 1) (func (export "f") (result i32) (i32.const 0)))
                (core instance $i (instantiate $m))
                (func $f (result string) (canon lift (core func $i "f") (memory (core memory $i "memory"))))
                (instance $p (export "describe" (func $f))) (export "wardroom:plugin/plugin@1.0.0" (instance $p)))"#,
            )
        }),
    ];
    for version in ["0.1.0", "2.0.0", "1.9.0", "1.1.0"] {
        cases.push(refused(format!("version {version}"), "wrong_version", move || {
            replaced(guests::hostile(), b"@1.0.0", format!("@{version}").as_bytes())
        }));
    }
    for cut in [9, 100, 1_000, 10_000, 40_000] {
        let words = &["not_wasm", "unfit", "no_plugin_export"];
        cases.push(any_of(format!("a component cut after {cut} bytes"), words, move || {
            guests::hostile()[..cut].to_vec()
        }));
    }
    for at in [12, 500, 5_000, 50_000] {
        let words = &[
            "not_wasm",
            "unfit",
            "no_plugin_export",
            "foreign_import",
            "wrong_version",
            "describe_failed",
            "bad_manifest",
        ];
        cases.push(any_of(format!("a component whose bytes from {at} on are turned"), words, move || {
            let mut bytes = guests::hostile();
            bytes[at..at + 64].iter_mut().for_each(|byte| *byte ^= 0xff);
            bytes
        }));
    }
    cases
}

/// A component whose `describe` has another type.
fn described(component: &str, core: &str) -> Vec<u8> {
    raw(&format!(
        r#"(component (core module $m (func (export "f") {core} (i32.const 0))) (core instance $i (instantiate $m))
        (func $f {component} (canon lift (core func $i "f")))
        (instance $p (export "describe" (func $f)) (export "run" (func $f)))
        (export "wardroom:plugin/plugin@1.0.0" (instance $p)))"#
    ))
}

/// Every occurrence of a text of the same length replaced.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "the same length, or the component breaks");
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty(), "there is no such text");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// A component that is refused with this word.
pub(crate) fn refused(
    name: impl Into<String>,
    wanted: &'static str,
    bytes: impl Fn() -> Vec<u8> + Send + Sync + 'static,
) -> Case {
    Case::new(THEME, name, move |fixture| {
        let bytes = bytes();
        async move { inspect(&fixture, &bytes, &[wanted]).await }
    })
}

fn any_of(name: String, words: &'static [&'static str], bytes: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Case {
    Case::new(THEME, name, move |fixture| {
        let bytes = bytes();
        async move { inspect(&fixture, &bytes, words).await }
    })
}

/// Whether a component is refused with one of these words, in a sentence that is no longer than people read.
pub(crate) async fn inspect(fixture: &Fixture, bytes: &[u8], words: &[&str]) -> Verdict {
    match fixture.sandbox.host.inspect(bytes).await {
        Ok(found) => Err(format!("{} can be installed", found.manifest.name)),
        Err(refused) if !words.contains(&word(&refused)) => {
            Err(format!("{}, not {words:?}: {refused}", word(&refused)))
        }
        Err(refused) if refused.to_string().len() > 16_000 => {
            Err(format!("{} characters of {}", refused.to_string().len(), word(&refused)))
        }
        Err(refused) if refused.to_string().contains("does not know") => {
            Err(format!("the host does not know: {refused}"))
        }
        Err(refused) => Ok(word(&refused).to_owned()),
    }
}
