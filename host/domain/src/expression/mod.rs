//! Expressions: CEL over a scope of JSON values, with bounds on size, depth and work. Pure; knows nothing of workflows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use cel::{Context, ExecutionError, Program, parser::Parser};
use serde_json::Value;

mod convert;
mod paths;
mod template;

pub use paths::Path;
pub use template::{Template, TemplateError};

/// The longest expression, in bytes.
pub const MAX_SOURCE: usize = 4 * 1024;
/// How deep an expression may nest.
pub const MAX_DEPTH: u16 = 48;
/// How deep `map`, `filter`, `all`, `exists` may nest. CEL has no other loop, so with the scope's size this bounds the work.
pub const MAX_LOOPS: usize = 2;

/// A source that is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong and, where it can be said, what would be right.
    pub message: String,
    /// Where in the source, in bytes, when known.
    pub offset: Option<usize>,
}

/// An expression that cannot be evaluated in this scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {message}")]
pub struct EvaluationError {
    /// The expression.
    pub expression: String,
    /// What is wrong.
    pub message: String,
}

/// The names an expression sees.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// `incident`, `trigger`, `inputs`, `steps`, `run`, `item`: those that are in scope.
    pub names: BTreeMap<&'static str, Value>,
}

/// A parsed expression. Cheap to clone.
#[derive(Clone)]
pub struct Expression(Arc<Parsed>);

struct Parsed {
    source: String,
    program: Program,
    paths: Vec<Path>,
    roots: BTreeSet<String>,
}

impl Expression {
    /// Parses a source.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        let refuse = |message: String| ExpressionError { message, offset: None };
        if source.len() > MAX_SOURCE {
            return Err(refuse(format!("has {} bytes: at most {MAX_SOURCE} are allowed", source.len())));
        }
        if source.trim().is_empty() {
            return Err(refuse("is empty: a CEL expression is wanted".to_owned()));
        }
        // Checked before parsing as well: the generated parser descends once a bracket.
        if nesting(source) > usize::from(MAX_DEPTH) {
            return Err(refuse(format!("nests deeper than {MAX_DEPTH} levels")));
        }
        // The parse is repeated with a bounded parser because `Program::compile` takes none.
        let ast =
            Parser::default().max_recursion_depth(MAX_DEPTH).parse(source).map_err(|errors| first(source, &errors))?;
        if paths::loops(&ast) > MAX_LOOPS {
            return Err(refuse(format!("nests more than {MAX_LOOPS} of map, filter, all, exists")));
        }
        let program = Program::compile(source).map_err(|errors| first(source, &errors))?;
        let paths = paths::collect(program.expression());
        let roots = paths.iter().map(|path| path.names[0].clone()).collect();
        Ok(Self(Arc::new(Parsed { source: source.to_owned(), program, paths, roots })))
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Every path it reads, such as `incident.labels.flag`.
    pub fn paths(&self) -> &[Path] {
        &self.0.paths
    }

    /// Evaluates it.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        let mut context = Context::default();
        for root in &self.0.roots {
            // Only what is read is converted: an incident can be large.
            if let Some(value) = scope.names.get(root.as_str()) {
                context.add_variable_from_value(root.as_str(), convert::to_cel(value));
            }
        }
        let value = self.0.program.execute(&context).map_err(|error| self.explain(&error))?;
        convert::to_json(&value).map_err(|message| self.refuse(message))
    }

    /// Evaluates it to a truth value.
    pub fn holds(&self, scope: &Scope) -> Result<bool, EvaluationError> {
        match self.evaluate(scope)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(self.refuse(format!("gives {}, but true or false is wanted", kind(&other)))),
        }
    }

    fn explain(&self, error: &ExecutionError) -> EvaluationError {
        self.refuse(match error {
            ExecutionError::NoSuchKey(key) => format!("there is no {key} (a test such as has(…) guards against that)"),
            ExecutionError::UndeclaredReference(name) => format!("{name} is not in scope here"),
            ExecutionError::NoSuchOverload(overload) => overload.to_string(),
            // The other messages print values, which may be large: cut.
            other => other.to_string().chars().take(300).collect(),
        })
    }

    fn refuse(&self, message: String) -> EvaluationError {
        EvaluationError { expression: self.0.source.chars().take(200).collect(), message }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.source).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

/// What a JSON value is, for people.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn nesting(source: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn first(source: &str, errors: &cel::ParseErrors) -> ExpressionError {
    let Some(error) = errors.errors.first() else {
        return ExpressionError { message: "is no CEL expression".to_owned(), offset: None };
    };
    let line = usize::try_from(error.pos.0).unwrap_or(1).max(1);
    let column = usize::try_from(error.pos.1).unwrap_or(1).max(1);
    let before: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let message = error.msg.lines().next().unwrap_or_default().chars().take(200).collect::<String>();
    ExpressionError {
        message: format!("is no CEL expression: {message}"),
        offset: Some((before + column - 1).min(source.len())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        Scope {
            names: BTreeMap::from([
                ("incident", json!({ "severity": "sev1", "labels": { "service": "checkout" }, "alerts": [1, 2] })),
                ("inputs", json!({ "count": 3, "share": 0.5, "nothing": null })),
            ]),
        }
    }

    fn evaluate(source: &str) -> Result<Value, String> {
        let expression = Expression::parse(source).map_err(|error| error.to_string())?;
        expression.evaluate(&scope()).map_err(|error| error.to_string())
    }

    #[test]
    fn values_keep_their_types() {
        assert_eq!(evaluate("inputs.count + 1"), Ok(json!(4)));
        assert_eq!(evaluate("inputs.share * 2.0"), Ok(json!(1.0)));
        assert_eq!(evaluate("inputs.nothing == null"), Ok(json!(true)));
        assert_eq!(evaluate("incident.alerts.map(a, a + 1)"), Ok(json!([2, 3])));
        assert_eq!(evaluate("{'a': [incident.severity]}"), Ok(json!({ "a": ["sev1"] })));
    }

    #[test]
    fn a_missing_key_is_named() {
        let error = evaluate("incident.labels.flag").expect_err("no such label");
        assert_eq!(error, "`incident.labels.flag`: there is no flag (a test such as has(…) guards against that)");
        assert_eq!(evaluate("has(incident.labels.flag)"), Ok(json!(false)));
    }

    #[test]
    fn what_is_not_in_scope_is_named() {
        assert_eq!(evaluate("secrets.chat").expect_err("no secrets"), "`secrets.chat`: secrets is not in scope here");
    }

    #[test]
    fn a_condition_has_to_be_true_or_false() {
        let error = Expression::parse("inputs.count").expect("parses").holds(&scope()).expect_err("a number");
        assert!(error.to_string().ends_with("gives a number, but true or false is wanted"), "{error}");
    }

    #[test]
    fn bounds_hold() {
        for (source, wanted) in [
            ("1 +".to_owned(), "is no CEL expression"),
            (" ".to_owned(), "is empty"),
            ("1".repeat(5_000), "at most 4096"),
            (format!("{}1{}", "(".repeat(200), ")".repeat(200)), "nests deeper"),
            ("[1].map(a, [1].map(b, [1].map(c, c)))".to_owned(), "nests more than 2"),
        ] {
            let error = Expression::parse(&source).expect_err("out of bounds").to_string();
            assert!(error.contains(wanted), "{source:.40}: {error}");
        }
    }

    #[test]
    fn a_fault_has_its_place() {
        let error = Expression::parse("incident.severity ==").expect_err("half an expression");
        assert!(error.offset.is_some_and(|offset| offset >= 18), "{error:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

        #[test]
        fn no_text_panics(source in "[a-z0-9 .()\\[\\]{}'\"+*/%<>=!&|?:,_\\\\-]{0,60}") {
            if let Ok(expression) = Expression::parse(&source) {
                _ = expression.evaluate(&scope());
            }
        }
    }
}
