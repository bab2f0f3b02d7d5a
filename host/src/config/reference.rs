//! The table of all options in the documentation.

use std::fmt::Write as _;

use super::{
    options::Config,
    spec::{self, Scalar, Shape, Spec, variable},
};

/// Every option as a row of a Markdown table, as `docs/configuration.md` holds it.
pub fn table() -> String {
    let mut table =
        String::from("| key | type | environment | flag | default | meaning |\n|---|---|---|---|---|---|\n");
    for spec in spec::all::<Config>() {
        let (key, variable) = (&spec.key, spec.variable());
        let (of_type, flag, default, meaning) = (type_of(&spec), flag(&spec), default(&spec), meaning(&spec));
        // Writing to a string cannot fail.
        _ = writeln!(table, "| `{key}` | {of_type} | `{variable}` | `{flag}` | {default} | {meaning} |");
    }
    table
}

fn type_of(spec: &Spec) -> String {
    let scalar = match spec.scalar {
        Scalar::Boolean => "boolean",
        Scalar::Integer => "integer",
        Scalar::String if spec.is_secret => "secret",
        Scalar::String => "string",
    };
    match spec.shape {
        Shape::One => scalar.to_owned(),
        Shape::List => format!("list of {scalar}s"),
        Shape::Table => "table".to_owned(),
    }
}

fn flag(spec: &Spec) -> String {
    match spec.scalar {
        Scalar::Boolean => format!("--{}", spec.flag()),
        Scalar::Integer | Scalar::String => format!("--{} {}", spec.flag(), spec.value_name()),
    }
}

fn default(spec: &Spec) -> String {
    if spec.defaults().is_empty() {
        return "not set".to_owned();
    }
    let defaults: Vec<String> = spec.defaults().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    defaults.join(", ")
}

fn meaning(spec: &Spec) -> String {
    let mut meaning = format!("{}.", spec.help());
    if !spec.words().is_empty() {
        let words: Vec<String> = spec.words().iter().map(|word| format!("`{word}`")).collect();
        meaning = format!("{meaning} One of {}.", words.join(", "));
    }
    if let Some(key) = spec.file_key() {
        meaning = format!("{meaning} From a file: `{key}`, `{}`, `--{}`.", variable(&key), spec.file_flag());
    }
    meaning.replace('|', "\\|")
}
