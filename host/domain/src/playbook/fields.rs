//! Reading the fields of a playbook's document: the pieces that its parts share.

use std::collections::BTreeMap;

use crate::document::{Fields, Node, Reader};

/// Reads a field, if it is there.
pub(crate) fn field<T>(
    fields: &mut Fields<'_>,
    name: &'static str,
    read: impl FnOnce(&Node, &str) -> Option<T>,
) -> Option<T> {
    let path = fields.path(name);
    fields.take(name).and_then(|node| read(node, &path))
}

/// Reads a field that has to be there.
pub(crate) fn need<T>(
    reader: &mut Reader,
    fields: &mut Fields<'_>,
    name: &'static str,
    read: impl FnOnce(&mut Reader, &Node, &str) -> Option<T>,
) -> Option<T> {
    let path = fields.path(name);
    let node = fields.need(reader, name)?;
    read(reader, node, &path)
}

/// Reads a list of at most so many items; those with faults are left out.
pub(crate) fn items<T>(
    reader: &mut Reader,
    node: &Node,
    path: &str,
    most: usize,
    read: impl Fn(&mut Reader, &Node, &str) -> Option<T>,
) -> Vec<T> {
    let items = reader.list(node, path);
    if items.len() > most {
        reader.fault(node.at, path, format!("there are {}: at most {most} are wanted", items.len()));
    }
    let each = items.iter().take(most).enumerate();
    each.filter_map(|(index, node)| read(reader, node, &format!("{path}[{index}]"))).collect()
}

/// Reads an object whose keys people choose: 1 to 64 of `a-z 0-9 _ -`.
pub(crate) fn named<T>(
    reader: &mut Reader,
    node: &Node,
    path: &str,
    read: impl Fn(&mut Reader, &Node, &str) -> Option<T>,
) -> BTreeMap<String, T> {
    let Some(fields) = reader.object(node, path) else { return BTreeMap::new() };
    if fields.all().len() > MAX_FEW {
        reader.fault(node.at, path, format!("there are {}: at most {MAX_FEW} are wanted", fields.all().len()));
    }
    let mut all = BTreeMap::new();
    for (name, node) in fields.all().iter().take(MAX_FEW) {
        let path = fields.path(&name.text);
        if !is_word(&name.text) {
            reader.fault(name.at, &path, "1 to 64 of a-z 0-9 _ - are wanted");
        }
        if let Some(value) = read(reader, node, &path) {
            all.insert(name.text.clone(), value);
        }
    }
    all
}

pub(crate) fn is_word(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    !text.is_empty() && text.len() <= 64 && text.chars().all(allowed)
}

/// A text of 1 to so many characters.
pub(crate) fn bounded(reader: &mut Reader, node: &Node, path: &str, most: usize) -> Option<String> {
    let text = reader.text(node, path)?;
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most {
        reader.fault(node.at, path, format!("1 to {most} characters are wanted"));
        return None;
    }
    Some(text.to_owned())
}

/// A CEL identifier in lower case.
pub(crate) fn identifier(reader: &mut Reader, node: &Node, path: &str) -> Option<String> {
    let text = reader.text(node, path)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let good = text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(allowed);
    if !good {
        reader.fault(node.at, path, format!("{text:?} is no identifier: a-z 0-9 _ are wanted, a letter first"));
    }
    good.then_some(text)
}

/// The name of a role or a group: 1 to 64 of `a-z 0-9 _ -`.
pub(crate) fn word(reader: &mut Reader, node: &Node, path: &str) -> Option<String> {
    let text = reader.text(node, path)?;
    if !is_word(&text) {
        reader.fault(node.at, path, format!("{text:?} is no name here: 1 to 64 of a-z 0-9 _ - are wanted"));
        return None;
    }
    Some(text)
}

/// The most rules, roles, groups, templates and sections.
pub(crate) const MAX_FEW: usize = 20;
