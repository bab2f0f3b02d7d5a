//! Expressions and templates.

use std::collections::BTreeMap;

use serde_json::Value;

/// A CEL expression.
#[derive(Debug, Clone)]
pub struct Expression {}

/// A JSON value whose strings may hold `${{ }}`.
#[derive(Debug, Clone)]
pub struct Template {}

/// The names an expression sees.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// `incident`, `trigger`, `inputs`, `steps`, `run`, `item`: those that are in scope.
    pub names: BTreeMap<&'static str, Value>,
}

/// Why.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EvaluationError(String);

impl Expression {
    /// Truth.
    pub fn holds(&self, _: &Scope) -> Result<bool, EvaluationError> {
        Ok(true)
    }
}
impl Template {
    /// Resolve.
    pub fn resolve(&self, _: &Scope) -> Result<Value, EvaluationError> {
        Ok(Value::Null)
    }
    /// Source.
    pub fn source(&self) -> &Value {
        &Value::Null
    }
}
