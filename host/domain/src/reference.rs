//! The reference of plugins for people, made from their own manifests: actions, fields, limits, what they ask for.

use std::fmt::Write as _;

use serde_json::Value;

use super::plugin::{Action, Idempotency, Manifest, Risk};

/// The reference of some plugins as Markdown, in the order given.
pub fn markdown(manifests: &[Manifest]) -> String {
    let mut text = "# Reference of plugins\n\nMade from the plugins' own manifests by `wardroom plugin reference \
                    target/plugins/*.wasm`; a test keeps it fresh. A field with `?` may be left out. How connections, grants and limits work: \
                    [plugins.md](plugins.md).\n\n"
        .to_owned();
    let links: Vec<String> = manifests.iter().map(|one| format!("[{0}](#{0})", one.name)).collect();
    text.push_str(&links.join(" · "));
    text.push('\n');
    for manifest in manifests {
        plugin(&mut text, manifest);
    }
    text
}

// Writing to a string cannot fail.
fn plugin(text: &mut String, manifest: &Manifest) {
    _ = write!(text, "\n## {}\n\n{} Version {}.\n", manifest.name, manifest.description, manifest.version);
    match &manifest.connection {
        None => text.push_str("\nNeeds no connection.\n"),
        Some(spec) => {
            let auth = if spec.auth.is_empty() { "none".to_owned() } else { spec.auth.join(", ") };
            _ = write!(text, "\n**Connection.** `auth`: {auth}.\n");
            fields(text, "`config`", spec.schema.source());
        }
    }
    if !manifest.requests.is_empty() {
        let sent = manifest.requests.iter().map(|one| format!("`{}`", String::from(one.clone())));
        _ = write!(text, "\n**Sends** {}.\n", sent.collect::<Vec<_>>().join(", "));
    }
    let mut asks: Vec<String> = manifest.hosts.iter().map(|host| format!("the host `{host}`")).collect();
    asks.extend(manifest.secrets.iter().map(|secret| {
        let word = if secret.optional { "may use" } else { "needs" };
        format!("{word} the secret `{}` ({})", secret.name, secret.description.trim_end_matches('.'))
    }));
    let reads = manifest.reads.iter();
    asks.extend(reads.map(|read| format!("`{} {}` to be believed to read only", read.method, read.path)));
    if !asks.is_empty() {
        _ = write!(text, "\n**Asks for a grant of** {}.\n", asks.join("; "));
    }
    if let Some(notify) = &manifest.notify {
        _ = write!(text, "\nApprovals can tell people through it, by `{}`.\n", notify.action);
    }
    for one in &manifest.actions {
        action(text, &manifest.name, one, manifest.connection.is_some());
    }
}

fn action(text: &mut String, plugin: &str, action: &Action, connected: bool) {
    let risk = match action.risk {
        Risk::Read => "only reads",
        Risk::Write => "writes",
        Risk::Destructive => "stops or removes",
    };
    let again = match &action.idempotent {
        Idempotency::Fixed(true) => "may be repeated".to_owned(),
        Idempotency::Fixed(false) => "is not repeated after a lost answer".to_owned(),
        Idempotency::Depends { when_config } => format!("may be repeated when the connection says `{when_config}`"),
    };
    let mut facts = vec![risk.to_owned(), again];
    facts.extend(action.undo.then(|| "can be taken back".to_owned()));
    facts.extend(action.check.then(|| "can look whether it happened".to_owned()));
    facts.extend(action.ended_by.as_ref().map(|ending| format!("has to be ended by `{ending}` in `finally`")));
    let name = &action.name;
    _ = write!(text, "\n### {plugin}/{name}\n\n{} It {}.\n", action.description, facts.join(", "));
    fields(text, "Input", action.input.source());
    fields(text, "Output", action.output.source());
    let (id, connection) =
        (name.replace('-', "_"), if connected { format!("  connection: my-{plugin}\n") } else { String::new() });
    let with = example(action.input.source());
    let with = if with == "{}" { String::new() } else { format!("  with: {with}\n") };
    _ = write!(text, "\n```yaml\n- id: {id}\n  uses: {plugin}/{name}\n{connection}{with}```\n");
}

/// A table of an object's fields.
fn fields(text: &mut String, title: &str, schema: &Value) {
    let Some(properties) = schema["properties"].as_object().filter(|fields| !fields.is_empty()) else {
        _ = write!(text, "\n{title}: none.\n");
        return;
    };
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    _ = write!(text, "\n| {title} | type | limits | |\n|---|---|---|---|\n");
    for (name, field) in properties {
        let optional = if required(name) { "" } else { "?" };
        let description = field["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        _ = writeln!(text, "| `{name}`{optional} | {} | {} | {description} |", kind(field), limits(field));
    }
}

/// What a field is, in a word or two.
fn kind(schema: &Value) -> String {
    let words: Vec<&str> = match &schema["type"] {
        Value::String(word) => vec![word],
        Value::Array(words) => words.iter().filter_map(Value::as_str).filter(|word| *word != "null").collect(),
        _ if schema["enum"].is_array() => vec!["string"],
        _ => Vec::new(),
    };
    let named: Vec<String> = words
        .into_iter()
        .map(|word| match word {
            "string" => "text".to_owned(),
            "array" => format!("list of {}", kind(&schema["items"])),
            word => word.to_owned(),
        })
        .collect();
    if named.is_empty() { "any".to_owned() } else { named.join(" or ") }
}

/// Its limits, in a few words.
fn limits(schema: &Value) -> String {
    let mut told = Vec::new();
    if let Some(words) = schema["enum"].as_array() {
        told.push(
            words.iter().map(|word| format!("`{}`", word.as_str().unwrap_or_default())).collect::<Vec<_>>().join(", "),
        );
    }
    for (least, most, noun) in
        [("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items"), ("minimum", "maximum", "")]
    {
        match (&schema[least], &schema[most]) {
            (Value::Null, Value::Null) => {}
            (Value::Null, most) => told.push(format!("at most {most}{noun}")),
            (least, Value::Null) => told.push(format!("at least {least}{noun}")),
            (least, most) => told.push(format!("{least} to {most}{noun}")),
        }
    }
    told.extend(schema["pattern"].as_str().map(|pattern| format!("like `{pattern}`")));
    if let Some(value) = schema.get("default").filter(|value| !value.is_null()) {
        told.push(format!("default `{value}`"));
    }
    told.join("; ").replace('|', "\\|")
}

/// The needed fields of an object, with something in them.
fn example(schema: &Value) -> String {
    let needed = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let written: Vec<String> =
        needed.map(|name| format!("{name}: {}", something(&schema["properties"][name]))).collect();
    if written.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", written.join(", ")) }
}

fn something(schema: &Value) -> String {
    match kind(schema).as_str() {
        "integer" | "number" => schema.get("minimum").map_or_else(|| "1".to_owned(), ToString::to_string),
        "boolean" => "true".to_owned(),
        "object" => example(schema),
        list if list.starts_with("list of ") => format!("[{}]", something(&schema["items"])),
        _ => schema["enum"][0].as_str().map_or_else(|| "\"…\"".to_owned(), str::to_owned),
    }
}
