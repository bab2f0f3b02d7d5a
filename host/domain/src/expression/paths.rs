//! What an expression reads: the paths from each root name, and how deep its loops nest.

use std::collections::BTreeSet;

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr},
};

/// A path from a root name, such as `incident.labels.flag`. It ends where the expression indexes, calls or tests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// The names, the root first; never empty.
    pub names: Vec<String>,
    /// Whether it is only tested by `has()`.
    pub tested: bool,
}

/// Every path of an expression, each once.
pub(super) fn collect(expression: &IdedExpr) -> Vec<Path> {
    let mut paths = BTreeSet::new();
    walk(&expression.expr, &mut Vec::new(), &mut paths);
    paths.into_iter().collect()
}

fn walk(expression: &Expr, bound: &mut Vec<String>, paths: &mut BTreeSet<Path>) {
    if let Some(path) = path(expression) {
        // A loop's own variable is nobody else's name.
        if !bound.contains(&path.names[0]) {
            paths.insert(path);
        }
        return;
    }
    if let Expr::Comprehension(loops) = expression {
        walk(&loops.iter_range.expr, bound, paths);
        walk(&loops.accu_init.expr, bound, paths);
        let outer = bound.len();
        bound.extend([loops.iter_var.clone(), loops.accu_var.clone()]);
        bound.extend(loops.iter_var2.clone());
        for inner in [&loops.loop_cond, &loops.loop_step, &loops.result] {
            walk(&inner.expr, bound, paths);
        }
        bound.truncate(outer);
        return;
    }
    for child in children(expression) {
        walk(&child.expr, bound, paths);
    }
}

fn path(expression: &Expr) -> Option<Path> {
    let mut names = Vec::new();
    let mut tested = false;
    let mut at = expression;
    loop {
        match at {
            Expr::Ident(name) => {
                names.push(name.clone());
                names.reverse();
                return Some(Path { names, tested });
            }
            Expr::Select(select) => {
                tested |= select.test;
                names.push(select.field.clone());
                at = &select.operand.expr;
            }
            _ => return None,
        }
    }
}

/// The deepest nest of loops.
pub(super) fn loops(expression: &IdedExpr) -> usize {
    let deepest = children(&expression.expr).into_iter().map(loops).max().unwrap_or(0);
    deepest + usize::from(matches!(expression.expr, Expr::Comprehension(_)))
}

fn children(expression: &Expr) -> Vec<&IdedExpr> {
    match expression {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Comprehension(loops) => {
            vec![&loops.iter_range, &loops.accu_init, &loops.loop_cond, &loops.loop_step, &loops.result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|one| parts(&one.expr)).collect(),
        Expr::Struct(structure) => structure.entries.iter().flat_map(|one| parts(&one.expr)).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
    }
}

fn parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}
