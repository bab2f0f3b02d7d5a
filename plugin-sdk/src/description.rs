//! A plugin's description of itself: the manifest, built from the actions' own types.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    Action, Call, Failure, Finding, Idempotency, Risk,
    convert::{WitFailure, WitFinding, WitReply, finding, reply},
};

type Run = fn(Value, &Call) -> Result<WitReply, Failure>;
type Check = fn(Value, &Call) -> Result<WitFinding, Failure>;

/// A connection without options.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// What a plugin is and offers.
pub struct Description {
    manifest: Map<String, Value>,
    actions: Vec<Entry>,
}

struct Entry {
    name: &'static str,
    run: Run,
    undo: Run,
    check: Check,
}

impl Description {
    /// Begins with the name (1 to 64 of `a-z 0-9 -`), the version (semantic) and one paragraph.
    pub fn new(name: &str, version: &str, description: &str) -> Self {
        let mut manifest = Map::new();
        manifest.insert("api".to_owned(), json!("1.0"));
        manifest.insert("name".to_owned(), json!(name));
        manifest.insert("version".to_owned(), json!(version));
        manifest.insert("description".to_owned(), json!(description));
        manifest.insert("actions".to_owned(), json!([]));
        Self { manifest, actions: Vec::new() }
    }

    /// It works through a connection with these options, and makes sense with these kinds of auth (`bearer`, `basic`,
    /// `header`, `query`; none: no auth).
    #[must_use]
    pub fn connection<C: JsonSchema>(self, auth: &[&str]) -> Self {
        self.set("connection", json!({ "schema": schema::<C>(), "auth": auth }))
    }

    /// Names the requests it sends, each `METHOD URL`: a path under the connection's `base_url`, or an absolute URL. In the
    /// path `*` stands for a segment and `**` at the end for any number. Then it may send no others; a plugin that names none
    /// asks for any under `base_url`.
    #[must_use]
    pub fn requests(self, requests: &[&str]) -> Self {
        self.set("requests", json!(requests))
    }

    /// Asks for absolute hosts beside the connection's own, each `scheme://host[:port]`.
    #[must_use]
    pub fn hosts(self, hosts: &[&str]) -> Self {
        self.set("hosts", json!(hosts))
    }

    /// Asks for a secret by the plugin's own word for it.
    #[must_use]
    pub fn secret(self, name: &str, description: &str, optional: bool) -> Self {
        self.push("secrets", json!({ "name": name, "description": description, "optional": optional }))
    }

    /// Names a request that only reads although its method does not say so.
    #[must_use]
    pub fn reads(self, method: &str, path: &str) -> Self {
        self.push("reads", json!({ "method": method, "path": path }))
    }

    /// People can be told something: by this action, whose input field `text` takes the text, and whose other fields are
    /// taken from the output of the step that a workflow names.
    #[must_use]
    pub fn notify(self, action: &str, text: &str, from_output: &[(&str, &str)]) -> Self {
        let from: Map<String, Value> =
            from_output.iter().map(|(field, from)| ((*field).to_owned(), json!(from))).collect();
        self.set("notify", json!({ "action": action, "text": text, "from_output": from }))
    }

    /// Adds an action.
    #[must_use]
    pub fn action<A: Action>(mut self) -> Self {
        self.actions.push(Entry { name: A::NAME, run: run::<A>, undo: undo::<A>, check: check::<A> });
        let mut action = json!({
            "name": A::NAME,
            "description": A::DESCRIPTION,
            "risk": match A::RISK {
                Risk::Read => "read",
                Risk::Write => "write",
                Risk::Destructive => "destructive",
            },
            "idempotent": match A::IDEMPOTENT {
                Idempotency::Yes => json!(true),
                Idempotency::No => json!(false),
                Idempotency::WhenConfig(option) => json!({ "when_config": option }),
            },
            "input": schema::<A>(),
            "output": schema::<A::Output>(),
            "undo": A::UNDO,
            "check": A::CHECK,
        });
        if let Some(ending) = A::ENDED_BY {
            action["ended_by"] = json!(ending);
        }
        if let Some(sample) = A::sample() {
            action["sample_output"] = json!(sample);
        }
        self.push("actions", action)
    }

    /// The manifest.
    pub fn manifest(&self) -> Value {
        Value::Object(self.manifest.clone())
    }

    pub(crate) fn run(&self, action: &str, input: Value, call: &Call) -> Result<WitReply, WitFailure> {
        (self.entry(action)?.run)(input, call).map_err(Into::into)
    }

    pub(crate) fn undo(&self, action: &str, input: Value, call: &Call) -> Result<WitReply, WitFailure> {
        (self.entry(action)?.undo)(input, call).map_err(Into::into)
    }

    pub(crate) fn check(&self, action: &str, input: Value, call: &Call) -> Result<WitFinding, WitFailure> {
        (self.entry(action)?.check)(input, call).map_err(Into::into)
    }

    fn entry(&self, action: &str) -> Result<&Entry, WitFailure> {
        let unknown = || Failure::new("unknown_action", format!("There is no action {action:?}."));
        self.actions.iter().find(|entry| entry.name == action).ok_or_else(|| unknown().into())
    }

    fn set(mut self, key: &str, value: Value) -> Self {
        self.manifest.insert(key.to_owned(), value);
        self
    }

    fn push(mut self, key: &str, value: Value) -> Self {
        if let Some(list) = self.manifest.entry(key.to_owned()).or_insert_with(|| json!([])).as_array_mut() {
            list.push(value);
        }
        self
    }
}

fn parsed<A: DeserializeOwned>(input: Value) -> Result<A, Failure> {
    serde_json::from_value(input).map_err(|error| Failure::new("invalid_input", format!("The input: {error}.")))
}

fn run<A: Action>(input: Value, call: &Call) -> Result<WitReply, Failure> {
    parsed::<A>(input)?.run(call).and_then(reply)
}

fn undo<A: Action>(input: Value, call: &Call) -> Result<WitReply, Failure> {
    parsed::<A>(input)?.undo(call).and_then(reply)
}

fn check<A: Action>(input: Value, call: &Call) -> Result<WitFinding, Failure> {
    let found: Finding<A::Output> = parsed::<A>(input)?.check(call)?;
    finding(found)
}

/// A type's JSON Schema, with everything in one place.
fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value()
}
