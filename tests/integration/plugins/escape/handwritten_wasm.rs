//! Components written by hand: a core module in the text format, wrapped in the real contract. What no compiler would make.

use std::{fmt::Write as _, sync::OnceLock};

use serde_json::{Value, json};
use wardroom_tests::guests::root;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

/// Where the answer of `run` lies in the guest's memory, and where the text it gives.
const ANSWER: usize = 64;
const TEXT: usize = 1024;

/// A guest. What is not said is well-behaved: it describes itself, and does nothing.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// What `describe` gives.
    pub(crate) manifest: String,
    /// What `run` gives as its output, if it gets so far.
    pub(crate) output: String,
    /// The functions it imports.
    pub(crate) imports: String,
    /// Further fields of the core module.
    pub(crate) fields: String,
    /// What is done before `describe` and `run` answer.
    pub(crate) describe: String,
    pub(crate) run: String,
    /// The pages its memory has at least beyond what it needs for its texts.
    pub(crate) pages: usize,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            manifest: manifest().to_string(),
            output: "{}".to_owned(),
            imports: String::new(),
            fields: String::new(),
            describe: String::new(),
            run: String::new(),
            pages: 4,
        }
    }
}

/// A manifest without faults.
pub(crate) fn manifest() -> Value {
    json!({
        "api": "1.0", "name": "made", "version": "0.1.0", "description": "Made by hand.",
        "actions": [action("act")],
        "connection": { "schema": { "type": "object" } },
    })
}

/// An action without faults.
pub(crate) fn action(name: &str) -> Value {
    json!({
        "name": name, "description": "Acts.", "risk": "read", "idempotent": true,
        "input": { "type": "object" }, "output": {},
    })
}

impl Made {
    /// One that does something when it is called.
    pub(crate) fn running(run: &str) -> Self {
        Self { run: run.to_owned(), ..Self::default() }
    }

    /// One that says something of itself.
    pub(crate) fn saying(manifest: impl Into<String>) -> Self {
        Self { manifest: manifest.into(), ..Self::default() }
    }

    /// The same with further fields.
    pub(crate) fn with(self, fields: &str) -> Self {
        Self { fields: fields.to_owned(), ..self }
    }

    /// The component.
    pub(crate) fn component(&self) -> Vec<u8> {
        wrapped(&self.core())
    }

    /// The core module, in the text format.
    pub(crate) fn core(&self) -> String {
        let texts = TEXT + self.output.len();
        let free = (texts + self.manifest.len()).next_multiple_of(16);
        let pages = free.div_ceil(1 << 16) + self.pages;
        let Self { imports, fields, describe, run, .. } = self;
        format!(
            r#"(module
              {imports}
              (memory (export "memory") {pages})
              (global $free (mut i32) (i32.const {free}))
              (data (i32.const {TEXT}) "{output}")
              (data (i32.const {texts}) "{manifest}")
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (global.get $free)
                (global.set $free (i32.and (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 15)) (i32.const -16))))
              (func (export "wardroom:plugin/plugin@1.0.0#describe") (result i32)
                {describe}
                (i32.store (i32.const 16) (i32.const {texts}))
                (i32.store (i32.const 20) (i32.const {length}))
                (i32.const 16))
              (func (export "wardroom:plugin/plugin@1.0.0#run") (param i32) (result i32)
                {run}
                (i32.store (i32.const {field}) (i32.const {TEXT}))
                (i32.store (i32.const {next}) (i32.const {size}))
                (i32.const {ANSWER}))
              {fields})"#,
            output = escaped(&self.output),
            manifest = escaped(&self.manifest),
            length = self.manifest.len(),
            // An answer, a reply and an outcome each begin with an eight-byte place; the output is the outcome's first field.
            field = ANSWER + 16,
            next = ANSWER + 20,
            size = self.output.len(),
        )
    }
}

/// A core module in the text format as a component of the contract.
pub(crate) fn wrapped(core: &str) -> Vec<u8> {
    static CONTRACT: OnceLock<(Resolve, WorldId)> = OnceLock::new();
    let (resolve, world) = CONTRACT.get_or_init(|| {
        let mut resolve = Resolve::new();
        let (package, _) = resolve.push_path(root().join("wit")).expect("the contract");
        let world = resolve.select_world(&[package], Some("action")).expect("the world");
        (resolve, world)
    });
    let mut module = wat::parse_str(core).expect("a module");
    embed_component_metadata(&mut module, resolve, *world, StringEncoding::UTF8, false).expect("takes the contract");
    ComponentEncoder::default().module(&module).and_then(ComponentEncoder::encode).expect("a component")
}

/// A component in the text format, which need not be valid.
pub(crate) fn raw(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a component")
}

/// Bytes as a string of the text format.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        _ = write!(escaped, "\\{byte:02x}");
    }
    escaped
}
