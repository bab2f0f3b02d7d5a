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
