//! Reading typed values out of a document's nodes. Faults are collected, not thrown, so that one reading tells them all.

use std::{str::FromStr, time::Duration};

use serde_json::Value;

use super::{
    Fault,
    node::{Data, Name, Node, Position},
};
use crate::{
    expression::{Expression, Template},
    time::{Timestamp, parse_duration, write_duration},
};

/// Collects faults.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) faults: Vec<Fault>,
}

impl Reader {
    pub(crate) fn fault(&mut self, at: Position, path: &str, message: impl Into<String>) {
        self.faults.push(Fault::new(at, path, message));
    }

    /// The fields of an object; anything else is a fault.
    pub(crate) fn object<'a>(&mut self, node: &'a Node, path: &str) -> Option<Fields<'a>> {
        match &node.data {
            Data::Object(fields) => {
                Some(Fields { at: node.at, path: path.to_owned(), named: fields, seen: Vec::new() })
            }
            other => {
                self.fault(node.at, path, format!("an object is wanted, not {}", kind(other)));
                None
            }
        }
    }

    pub(crate) fn list<'a>(&mut self, node: &'a Node, path: &str) -> &'a [Node] {
        match &node.data {
            Data::List(items) => items,
            other => {
                self.fault(node.at, path, format!("a list is wanted, not {}", kind(other)));
                &[]
            }
        }
    }

    pub(crate) fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.data {
            Data::Scalar(Value::String(text)) => Some(text.clone()),
            other => {
                self.fault(node.at, path, format!("a text is wanted, not {}", kind(other)));
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, node: &Node, path: &str) -> Option<bool> {
        if let Data::Scalar(Value::Bool(flag)) = &node.data {
            return Some(*flag);
        }
        self.fault(node.at, path, format!("true or false is wanted, not {}", kind(&node.data)));
        None
    }

    /// A whole number within bounds.
    pub(crate) fn whole(&mut self, node: &Node, path: &str, least: u32, most: u32) -> Option<u32> {
        let number = match &node.data {
            Data::Scalar(Value::Number(number)) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.fault(node.at, path, format!("a whole number from {least} to {most} is wanted"));
        }
        number
    }

    /// A duration such as `250ms`, `10s`, `5m`, `2h` or `1d`, within bounds.
    pub(crate) fn duration(&mut self, node: &Node, path: &str, least: Duration, most: Duration) -> Option<Duration> {
        let text = self.text(node, path)?;
        let Some(duration) = parse_duration(&text) else {
            let message = format!("{text:?} is no duration: 250ms, 10s, 5m, 2h or 1d is wanted");
            self.fault(node.at, path, message);
            return None;
        };
        if duration < least || duration > most {
            let (least, most) = (write_duration(least), write_duration(most));
            self.fault(node.at, path, format!("{text} is out of bounds: {least} to {most} is wanted"));
            return None;
        }
        Some(duration)
    }

    /// One of a fixed list of words.
    pub(crate) fn word<T: FromStr>(&mut self, node: &Node, path: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(node, path)?;
        text.parse().map_err(|error: T::Err| self.fault(node.at, path, error.to_string())).ok()
    }

    /// One of a few words, each with its meaning.
    pub(crate) fn choice<T: Copy>(&mut self, node: &Node, path: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, path)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(node.at, path, format!("{text:?} is not known: one of {} is wanted", words.join(", ")));
        }
        found
    }

    pub(crate) fn expression(&mut self, node: &Node, path: &str) -> Option<Expression> {
        let text = match &node.data {
            Data::Scalar(Value::Bool(constant)) => constant.to_string(),
            _ => self.text(node, path)?,
        };
        if text.trim_start().starts_with("${{") {
            self.fault(node.at, path, "an expression stands bare here, without ${{ }}");
            return None;
        }
        Expression::parse(&text)
            .map_err(|error| self.fault(node.character(error.offset.unwrap_or(0)), path, error.message))
            .ok()
    }

    /// The name of a workflow or a schedule.
    pub(crate) fn name(&mut self, node: &Node, path: &str) -> Option<String> {
        let text = self.text(node, path)?;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(allowed);
        if !good {
            self.fault(node.at, path, format!("{text:?} is no name: 1 to 64 of a-z 0-9 - are wanted, a letter first"));
        }
        good.then_some(text)
    }

    /// A point in time that says how far it is from UTC.
    pub(crate) fn time(&mut self, node: &Node, path: &str) -> Option<Timestamp> {
        let text = self.text(node, path)?;
        let time = text.parse().ok().filter(|_| is_rfc_3339(&text));
        if time.is_none() {
            let like = "2026-12-24T18:00:00Z or 2026-12-24T18:00:00+01:00";
            self.fault(node.at, path, format!("{text:?} is no time: one such as {like} is wanted"));
        }
        time
    }

    /// A template of an object.
    pub(crate) fn object_template(&mut self, node: &Node, path: &str) -> Option<Template> {
        self.object(node, path)?;
        self.template(node, path)
    }

    pub(crate) fn template(&mut self, node: &Node, path: &str) -> Option<Template> {
        Template::parse(&node.value())
            .map_err(|faults| {
                for fault in faults {
                    let at = node.at_pointer(&fault.pointer).character(fault.offset);
                    self.fault(at, &format!("{path}{}", fault.pointer.replace('/', ".")), fault.error.message);
                }
            })
            .ok()
    }
}

/// The fields of an object while it is read: what nobody asked for is a fault in the end.
pub(crate) struct Fields<'a> {
    pub(crate) at: Position,
    pub(crate) path: String,
    named: &'a [(Name, Node)],
    seen: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// A field, if it is there.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<&'a Node> {
        self.seen.push(name);
        self.peek(name)
    }

    /// A field, if it is there, without taking it: somebody else asks for it.
    pub(crate) fn peek(&self, name: &str) -> Option<&'a Node> {
        self.named.iter().find(|(known, _)| known.text == name).map(|(_, node)| node)
    }

    /// A field that has to be there.
    pub(crate) fn need(&mut self, reader: &mut Reader, name: &'static str) -> Option<&'a Node> {
        let found = self.take(name);
        if found.is_none() {
            reader.fault(self.at, &self.path, format!("`{name}` is missing"));
        }
        found
    }

    /// The path of a field.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Every field, whatever its name.
    pub(crate) fn all(&self) -> &'a [(Name, Node)] {
        self.named
    }

    /// Tells what was not asked for.
    pub(crate) fn finish(self, reader: &mut Reader) {
        for (name, _) in self.named {
            if self.seen.contains(&name.text.as_str()) {
                continue;
            }
            let near = nearest(&name.text, self.seen.iter().copied());
            let hint = near.map_or_else(
                || format!("known are {}", self.seen.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("`{}` is not known here: {hint}", name.text);
            reader.fault(name.at, &self.path, message);
        }
    }
}

/// Whether a text has the form of RFC 3339: `2026-12-24T18:00:00.000Z`, where seconds may be missing. Date and clock are
/// checked by whoever reads it.
fn is_rfc_3339(text: &str) -> bool {
    let is = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(c, form)| if form == b'0' { c.is_ascii_digit() } else { c == form })
    };
    let Some((minutes, rest)) = text.split_at_checked(16) else { return false };
    let Some(zone) = rest.find(['Z', '+', '-']) else { return false };
    let (seconds, zone) = rest.split_at(zone);
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let fits = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|c| c.is_ascii_digit());
    is(minutes, "0000-00-00T00:00")
        && (seconds.is_empty() || is(whole, ":00") && fits)
        && (zone == "Z" || is(&zone[1..], "00:00"))
}

fn kind(data: &Data) -> &'static str {
    match data {
        Data::Scalar(Value::Null) => "nothing",
        Data::Scalar(Value::Bool(_)) => "true or false",
        Data::Scalar(Value::Number(_)) => "a number",
        Data::Scalar(_) => "a text",
        Data::List(_) => "a list",
        Data::Object(_) => "an object",
    }
}

/// The known word that differs least from a mistyped one, if it is near enough to be meant.
pub fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|word| (distance(text, word), word))
        // Of a short word nothing may be left, and then it is not meant.
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4 && *distance < text.chars().count())
        .min()
        .map(|(_, word)| word)
}

/// How many letters have to be changed, added or left out.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let cost = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
