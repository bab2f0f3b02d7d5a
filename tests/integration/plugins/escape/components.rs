//! Components that would take too much before they are ever called: by their parts, by what unfolds from them, or by what of
//! WebAssembly the host does not offer.

use std::fmt::Write as _;

use wardroom_tests::guests;

use crate::plugins::escape::{
    Case,
    handwritten_wasm::{Made, raw, wrapped},
    malformed::inspect,
};

const THEME: &str = "components";

/// Core modules that want what this host does not offer, as fields of one.
const FEATURES: &[(&str, &str)] = &[
    ("memory of 64 bits", "(memory i64 1)"),
    ("a table of 64 bits", "(table i64 1 funcref)"),
    ("shared memory", "(memory 1 1 shared)"),
    ("atomics", "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))"),
    ("garbage collection", "(type (struct (field i32)))"),
    (
        "garbage of the collector",
        "(type $a (array i32)) (func (drop (array.new $a (i32.const 0) (i32.const 1000000000))))",
    ),
    ("exceptions", "(tag)"),
    ("stack switching", "(type $f (func)) (type $c (cont $f)) (func (param (ref $c)))"),
    ("memory pages of one byte", "(memory 1 (pagesize 1))"),
    ("wide arithmetic", "(func (param i64 i64) (result i64 i64) (i64.mul_wide_s (local.get 0) (local.get 1)))"),
    ("two memories", "(memory 1) (memory 1)"),
];

/// Core modules that want more than a call has.
const LARGE: &[(&str, &str)] = &[
    ("a memory over the limit", "(memory 2000)"),
    ("a memory of 4 GiB", "(memory 65536)"),
    ("a table over the limit", "(table 100000 funcref)"),
    ("a table without end", "(table 4294967295 funcref)"),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, fields) in FEATURES.iter().chain(LARGE) {
        cases.push(refused(*what, "unfit", move || {
            with_core(&format!("(core module $m {fields}) (core instance (instantiate $m))"))
        }));
    }
    cases.extend([
        refused("too many instances", "unfit", || {
            with_core(&format!("(core module $m) {}", "(core instance (instantiate $m))".repeat(1_000)))
        }),
        refused("too many memories", "unfit", || {
            with_core(&format!("(core module $m (memory 1)) {}", "(core instance (instantiate $m))".repeat(19)))
        }),
        refused("too many tables", "unfit", || {
            with_core(&format!("(core module $m (table 1 funcref)) {}", "(core instance (instantiate $m))".repeat(19)))
        }),
        refused("two to the power of 20 instances", "unfit", || unfolding(20)),
        refused("two to the power of 40 instances", "unfit", || unfolding(40)),
        refused("components in components, 90 deep", "unfit", || raw(&with_text(&nested(90)))),
        refused("components in components, 5,000 deep", "unfit", || deep(5_000)),
        refused("types in types, 10,000 deep", "unfit", || typed("(type (list {}))", 10_000)),
        refused("types that double, 60 times", "unfit", || typed("(type (tuple {} {}))", 60)),
        refused("a start function that loops", "describe_failed", || {
            Made::default().with("(start $s) (func $s (loop $l (br $l)))").component()
        }),
        refused("a start function that traps", "describe_failed", || {
            Made::default().with("(start $s) (func $s unreachable)").component()
        }),
        refused("a start function that calls itself", "describe_failed", || {
            Made::default().with("(start $s) (func $s (call $s))").component()
        }),
        refused("a start function that eats memory", "describe_failed", || {
            Made::default()
                .with("(start $s) (func $s (loop $l (drop (memory.grow (i32.const 16))) (br $l)))")
                .component()
        }),
        refused("data out of bounds", "describe_failed", || {
            Made::default().with("(data (i32.const -4) \"12345678\")").component()
        }),
        refused("elements out of bounds", "describe_failed", || {
            Made::default().with("(table 1 funcref) (elem (i32.const 100) $e) (func $e)").component()
        }),
        refused("a memory of all that is allowed, and a byte", "unfit", || {
            Made { pages: 1_024, ..Made::default() }.component()
        }),
        refused("a function of 50,001 locals", "unfit", || {
            wrapped_with(&format!("(func (local {}))", "i64 ".repeat(50_001)))
        }),
        refused("compiled code of this very host", "precompiled", || {
            // What an engine serializes is an ELF file, whatever is in it.
            let mut bytes = b"\x7fELF".to_vec();
            bytes.extend(guests::hostile());
            bytes
        }),
    ]);
    cases
}

fn refused(name: impl Into<String>, wanted: &'static str, bytes: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Case {
    Case::new(THEME, name, move |fixture| {
        let bytes = bytes();
        async move {
            let verdict = inspect(&fixture, &bytes, &[wanted]).await;
            // Many of these export nothing but a name. Were that the reason, what is tried would be fine by itself.
            match fixture.sandbox.host.inspect(&bytes).await {
                Err(refused) if refused.to_string().contains("does not have export") => Err(refused.to_string()),
                _ => verdict,
            }
        }
    })
}

/// A component with these fields, which offers the export's name.
fn with_text(fields: &str) -> String {
    format!(r#"(component {fields} (instance $nothing) (export "wardroom:plugin/plugin@1.0.0" (instance $nothing)))"#)
}

fn with_core(fields: &str) -> Vec<u8> {
    raw(&with_text(fields))
}

/// The contract around a module that has these fields too. It is validated when it is installed, and not before.
fn wrapped_with(fields: &str) -> Vec<u8> {
    wrapped(&Made::default().with(fields).core())
}

/// Each component has two of the one before it.
fn unfolding(times: usize) -> Vec<u8> {
    let mut fields = String::from("(component $c0 (core module $m) (core instance (instantiate $m)))");
    for level in 1..=times {
        let below = level - 1;
        _ = write!(
            fields,
            "(component $c{level} (alias outer 1 $c{below} (component $below)) \
             (instance (instantiate $below)) (instance (instantiate $below)))"
        );
    }
    _ = write!(fields, "(instance (instantiate $c{times}))");
    with_core(&fields)
}

fn nested(levels: usize) -> String {
    format!("{}{}", "(component ".repeat(levels), ")".repeat(levels))
}

/// The same, deeper than the text format goes: each is a section of the one around it.
fn deep(levels: usize) -> Vec<u8> {
    const HEAD: &[u8] = b"\0asm\x0d\0\x01\0";
    let mut inner = HEAD.to_vec();
    for _ in 0..levels {
        let mut outer = HEAD.to_vec();
        outer.push(4);
        let mut size = inner.len();
        while size >= 0x80 {
            outer.push(u8::try_from(size & 0x7f).expect("seven bits") | 0x80);
            size >>= 7;
        }
        outer.push(u8::try_from(size).expect("seven bits"));
        outer.extend(inner);
        inner = outer;
    }
    // The export's name has to be there, or it would be refused for that.
    let exports = &with_core("")[HEAD.len()..];
    inner.extend_from_slice(exports);
    inner
}

/// Each type is made of the one before it.
fn typed(next: &str, times: usize) -> Vec<u8> {
    let mut fields = String::from("(type $t0 (list u8))");
    for level in 1..=times {
        let named = next.replacen("(type ", &format!("(type $t{level} "), 1).replace("{}", &format!("$t{}", level - 1));
        fields.push_str(&named);
    }
    _ = write!(
        fields,
        r#"(import "wardroom:plugin/log@1.0.0" (instance (export "emit" (func (param "a" $t{times})))))"#
    );
    with_core(&fields)
}
