//! Templates: JSON values whose strings may hold `${{ }}`. A string that is one whole `${{ }}` keeps the value's type.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{EvaluationError, Expression, ExpressionError, Scope, kind};

/// A string that is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct TemplateError {
    /// Where in the value, as a JSON pointer (`/to/0`).
    pub pointer: String,
    /// Where in the string, in bytes.
    pub offset: usize,
    /// What is wrong.
    #[source]
    pub error: ExpressionError,
}

/// A JSON value with expressions in its strings. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    source: Arc<Value>,
    node: Arc<Node>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// No expression in it.
    Constant(Value),
    /// One whole `${{ }}`: keeps the type.
    Whole(Expression),
    /// Text and expressions in turn.
    Text(Vec<Part>),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Expression(Expression),
}

impl Template {
    /// Parses a value; every fault is given, not only the first.
    pub fn parse(source: &Value) -> Result<Self, Vec<TemplateError>> {
        let mut faults = Vec::new();
        let node = node(source, &mut String::new(), &mut faults);
        if faults.is_empty() {
            Ok(Self { source: Arc::new(source.clone()), node: Arc::new(node) })
        } else {
            Err(faults)
        }
    }

    /// The value as written.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// Every expression with its place, as a JSON pointer.
    pub fn expressions(&self) -> Vec<(String, Expression)> {
        let mut found = Vec::new();
        expressions(&self.node, String::new(), &mut found);
        found
    }

    /// The value with every expression evaluated.
    pub fn resolve(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        resolve(&self.node, scope)
    }
}

fn node(source: &Value, pointer: &mut String, faults: &mut Vec<TemplateError>) -> Node {
    let length = pointer.len();
    match source {
        Value::String(text) => match parts(text) {
            Ok(parts) => text_node(parts),
            Err((offset, error)) => {
                faults.push(TemplateError { pointer: pointer.clone(), offset, error });
                Node::Constant(Value::Null)
            }
        },
        Value::Array(items) => {
            let mut nodes = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                *pointer = format!("{pointer}/{index}");
                nodes.push(node(item, pointer, faults));
                pointer.truncate(length);
            }
            constant(&nodes).map_or(Node::List(nodes), Node::Constant)
        }
        Value::Object(fields) => {
            let mut nodes = Vec::with_capacity(fields.len());
            for (name, field) in fields {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                nodes.push((name.clone(), node(field, pointer, faults)));
                pointer.truncate(length);
            }
            if nodes.iter().all(|(_, node)| matches!(node, Node::Constant(_))) {
                Node::Constant(source.clone())
            } else {
                Node::Object(nodes)
            }
        }
        other => Node::Constant(other.clone()),
    }
}

fn constant(nodes: &[Node]) -> Option<Value> {
    let values: Option<Vec<Value>> = nodes
        .iter()
        .map(|node| match node {
            Node::Constant(value) => Some(value.clone()),
            _ => None,
        })
        .collect();
    values.map(Value::Array)
}

fn text_node(mut parts: Vec<Part>) -> Node {
    match parts.as_mut_slice() {
        [] => Node::Constant(Value::String(String::new())),
        [Part::Text(text)] => Node::Constant(Value::String(std::mem::take(text))),
        [Part::Expression(whole)] => Node::Whole(whole.clone()),
        _ => Node::Text(parts),
    }
}

/// Cuts a string at its `${{ }}`. `$${{` stands for a literal `${{`.
fn parts(text: &str) -> Result<Vec<Part>, (usize, ExpressionError)> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${{") {
        let offset = text.len() - rest.len() + at;
        if rest[..at].ends_with('$') {
            literal.push_str(&rest[..at - 1]);
            literal.push_str("${{");
            rest = &rest[at + 3..];
            continue;
        }
        literal.push_str(&rest[..at]);
        let inner = &rest[at + 3..];
        let Some(end) = closing(inner) else {
            let error = ExpressionError { message: "`${{` without `}}`".to_owned(), offset: None };
            return Err((offset, error));
        };
        let source = inner[..end].trim();
        let expression = Expression::parse(source).map_err(|error| {
            let lead = inner[..end].len() - inner[..end].trim_start().len();
            (offset + 3 + lead + error.offset.unwrap_or(0), error)
        })?;
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        parts.push(Part::Expression(expression));
        rest = &inner[end + 2..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

/// Where the `}}` is that is in no string and closes no map literal.
fn closing(inner: &str) -> Option<usize> {
    let bytes = inner.as_bytes();
    let mut quote = None;
    let mut braces = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'{') => braces += 1,
            (None, b'}') if braces > 0 => braces -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

fn expressions(node: &Node, pointer: String, found: &mut Vec<(String, Expression)>) {
    match node {
        Node::Constant(_) => {}
        Node::Whole(expression) => found.push((pointer, expression.clone())),
        Node::Text(parts) => {
            for part in parts {
                if let Part::Expression(expression) = part {
                    found.push((pointer.clone(), expression.clone()));
                }
            }
        }
        Node::List(nodes) => {
            for (index, node) in nodes.iter().enumerate() {
                expressions(node, format!("{pointer}/{index}"), found);
            }
        }
        Node::Object(nodes) => {
            for (name, node) in nodes {
                expressions(node, format!("{pointer}/{name}"), found);
            }
        }
    }
}

fn resolve(node: &Node, scope: &Scope) -> Result<Value, EvaluationError> {
    match node {
        Node::Constant(value) => Ok(value.clone()),
        Node::Whole(expression) => expression.evaluate(scope),
        Node::Text(parts) => {
            let mut text = String::new();
            for part in parts {
                match part {
                    Part::Text(literal) => text.push_str(literal),
                    Part::Expression(expression) => text.push_str(&written(expression, scope)?),
                }
            }
            Ok(Value::String(text))
        }
        Node::List(nodes) => nodes.iter().map(|node| resolve(node, scope)).collect::<Result<_, _>>().map(Value::Array),
        Node::Object(nodes) => {
            let mut fields = Map::new();
            for (name, node) in nodes {
                fields.insert(name.clone(), resolve(node, scope)?);
            }
            Ok(Value::Object(fields))
        }
    }
}

/// A value inside a text. Null is refused: "rolled back null" helps nobody.
fn written(expression: &Expression, scope: &Scope) -> Result<String, EvaluationError> {
    match expression.evaluate(scope)? {
        Value::String(text) => Ok(text),
        value @ Value::Null => Err(EvaluationError {
            expression: expression.source().chars().take(200).collect(),
            message: format!("is {}, and stands inside a text", kind(&value)),
        }),
        other => Ok(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn resolved(source: &Value) -> Result<Value, String> {
        let names = BTreeMap::from([("inputs", json!({ "n": 3, "who": "Ada", "list": [1], "nothing": null }))]);
        let template = Template::parse(source).map_err(|faults| format!("{faults:?}"))?;
        template.resolve(&Scope { names }).map_err(|error| error.to_string())
    }

    #[test]
    fn one_whole_expression_keeps_its_type() {
        let source = json!({ "n": "${{ inputs.n }}", "l": ["${{ inputs.list }}"], "t": "for ${{ inputs.who }}: ${{ inputs.n }}" });
        assert_eq!(resolved(&source), Ok(json!({ "n": 3, "l": [[1]], "t": "for Ada: 3" })));
    }

    #[test]
    fn braces_and_quotes_inside_do_not_close() {
        assert_eq!(resolved(&json!("${{ {'a': {'b': '}}'}} }}")), Ok(json!({ "a": { "b": "}}" } })));
        assert_eq!(resolved(&json!("literal $${{ x }}")), Ok(json!("literal ${{ x }}")));
    }

    #[test]
    fn null_inside_a_text_is_refused() {
        let error = resolved(&json!("hello ${{ inputs.nothing }}")).expect_err("null");
        assert_eq!(error, "`inputs.nothing`: is null, and stands inside a text");
    }

    #[test]
    fn every_fault_has_its_place() {
        let faults = Template::parse(&json!({ "a": "x ${{ 1 + }}", "b": ["${{ open"] })).expect_err("two faults");
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, ["/a", "/b/0"]);
        assert!(faults[0].offset >= 6, "{faults:?}");
    }
}
