//! The configuration file: TOML, read with the place of every key and value, so that all its faults are told at once.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::File,
    io::{self, Read as _},
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};
use wardroom_domain::document::{Position, nearest};

use super::{
    layer::{Given, Layer, Setting},
    source::{Fault, Source},
    spec::{Scalar, Shape, Spec, shortened},
};

/// The largest file that is read.
const MOST_BYTES: u64 = 1 << 20;
/// Permission to read for everybody.
const WORLD_READABLE: u32 = 0o004;

/// What a file sets, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) layer: Layer,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<String>,
}

/// Reads a file.
pub(super) fn read(path: &Path, specs: &[Spec]) -> Contents {
    let (bytes, mode) = match load(path) {
        Ok(loaded) => loaded,
        Err(error) => return Contents::only(unplaced(path, format!("cannot read the configuration file: {error}"))),
    };
    if bytes.len() as u64 > MOST_BYTES {
        return Contents::only(unplaced(path, "expected a configuration file of at most 1 MiB".to_owned()));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            let at = Source::file(path, Text(&valid).at(valid.len()));
            return Contents::only(Fault { source: at, key: None, message: "expected UTF-8".to_owned() });
        }
    };
    let mut contents = parse(path, &text, specs);
    let secret = contents.layer.iter().find(|(key, setting)| {
        let spec = specs.iter().find(|spec| spec.key == **key);
        spec.is_some_and(|spec| setting.values.iter().any(|given| spec.holds_secret(&given.text.to_string_lossy())))
    });
    if let Some((key, setting)) = secret
        && mode & WORLD_READABLE != 0
    {
        contents.warnings.push(format!(
            "{}: `{key}` is a secret, and every account of this machine can read the file; run `chmod o-r {}`, or name a \
             file with `{key}_file`",
            setting.source,
            path.display()
        ));
    }
    contents
}

impl Contents {
    fn only(fault: Fault) -> Self {
        Self { faults: vec![fault], ..Self::default() }
    }
}

/// The bytes of a file, one more than are allowed at most, and its mode.
fn load(path: &Path) -> io::Result<(Vec<u8>, u32)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes, mode))
}

/// A fault of a file as a whole.
fn unplaced(path: &Path, message: String) -> Fault {
    Fault { source: Source::File { path: path.to_owned(), at: None }, key: None, message }
}

/// Reads the text of a file.
pub(super) fn parse(path: &Path, text: &str, specs: &[Spec]) -> Contents {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { path, text: Text(text), contents: Contents::default(), broken: BTreeSet::new() };
    for error in errors {
        reader.syntax(&error);
    }
    let mut entries: Vec<_> = root.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        // What the parser made of a broken line may be anything.
        if !reader.is_broken(&key.span()) && !reader.is_broken(&value.span()) {
            reader.entry(key, value, specs);
        }
    }
    reader.contents
}

struct Reader<'a> {
    path: &'a Path,
    text: Text<'a>,
    contents: Contents,
    /// Lines with faults of syntax.
    broken: BTreeSet<usize>,
}

type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;

impl Reader<'_> {
    fn source(&self, span: &Range<usize>) -> Source {
        Source::file(self.path, self.text.at(span.start))
    }

    fn fault(&mut self, span: &Range<usize>, key: Option<&str>, message: String) {
        let source = self.source(span);
        self.contents.faults.push(Fault { source, key: key.map(str::to_owned), message });
    }

    /// Tells a fault of syntax. What follows it on the same line is its consequence.
    fn syntax(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or_default();
        if self.broken.insert(self.text.at(span.start).line) {
            let message = match (error.message(), self.text.0.get(span.clone())) {
                ("duplicate key", Some(key)) => format!("duplicate key `{key}`; keep one"),
                (message, _) => format!("invalid TOML: {message}"),
            };
            self.fault(&span, None, message);
        }
    }

    fn is_broken(&self, span: &Range<usize>) -> bool {
        self.broken.contains(&self.text.at(span.start).line)
    }

    fn entry(&mut self, key: &Key<'_>, value: &Spanned<DeValue<'_>>, specs: &[Spec]) {
        let (name, source) = (key.get_ref().as_ref(), self.source(&key.span()));
        if let Some(spec) = specs.iter().find(|spec| spec.key == name) {
            if let Some(values) = self.values(spec, value) {
                self.contents.layer.insert(name.to_owned(), Setting { source, values });
            }
        } else if specs.iter().any(|spec| spec.file_key().as_deref() == Some(name)) {
            match value.get_ref() {
                DeValue::String(file) => {
                    let values = vec![self.given(&value.span(), OsString::from(file.as_ref()))];
                    self.contents.layer.insert(name.to_owned(), Setting { source, values });
                }
                other => {
                    let message = format!("expected a string with the path of a file, found {}", article(other));
                    self.fault(&value.span(), Some(name), message);
                }
            }
        } else {
            self.unknown(key, value, specs);
        }
    }

    fn unknown(&mut self, key: &Key<'_>, value: &Spanned<DeValue<'_>>, specs: &[Spec]) {
        let known: Vec<String> =
            specs.iter().flat_map(|spec| [Some(spec.key.clone()), spec.file_key()]).flatten().collect();
        let name = key.get_ref().as_ref();
        let hint = match nearest(&name.to_lowercase().replace('-', "_"), known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if matches!(value.get_ref(), DeValue::Table(_)) => {
                "options stand at the top, not in sections".to_owned()
            }
            None => "`wardroom config show` lists all keys".to_owned(),
        };
        self.fault(&key.span(), None, format!("unknown key {}; {hint}", quoted(name)));
    }

    fn given(&self, span: &Range<usize>, text: OsString) -> Given {
        Given { source: self.source(span), text }
    }

    /// The values of an option as text; none if one of them has the wrong type.
    fn values(&mut self, spec: &Spec, value: &Spanned<DeValue<'_>>) -> Option<Vec<Given>> {
        let values = match (spec.shape, value.get_ref()) {
            (Shape::One, _) => vec![self.one(spec, &spec.key, value)],
            (Shape::List, DeValue::Array(items)) => {
                let named = items.iter().enumerate().map(|(index, item)| (format!("{}[{index}]", spec.key), item));
                named.map(|(path, item)| self.one(spec, &path, item)).collect()
            }
            (Shape::Table, DeValue::Table(entries)) => {
                let entries = entries.iter().map(|(name, value)| self.named(spec, name, value));
                entries.collect()
            }
            (shape, other) => {
                let expected = if shape == Shape::List { "a list, `[…]`" } else { "a table, `{ name = value }`" };
                let message = format!("expected {expected}, found {}", article(other));
                self.fault(&value.span(), Some(&spec.key), message);
                return None;
            }
        };
        values.into_iter().collect()
    }

    /// An entry of a table, as `NAME=VALUE`.
    fn named(&mut self, spec: &Spec, name: &Key<'_>, value: &Spanned<DeValue<'_>>) -> Option<Given> {
        let path = format!("{}.{}", spec.key, name.get_ref());
        if name.get_ref().is_empty() || name.get_ref().contains(['=', ',']) {
            self.fault(&name.span(), Some(&path), "expected a name without `=` and `,`".to_owned());
            return None;
        }
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => decimal(number),
            other => {
                self.fault(&value.span(), Some(&path), format!("expected a string, found {}", article(other)));
                return None;
            }
        };
        Some(self.given(&value.span(), format!("{}={text}", name.get_ref()).into()))
    }

    fn one(&mut self, spec: &Spec, path: &str, value: &Spanned<DeValue<'_>>) -> Option<Given> {
        let text = match (spec.scalar, value.get_ref()) {
            (Scalar::String, DeValue::String(text)) => text.to_string(),
            (Scalar::Boolean, DeValue::Boolean(is_on)) => is_on.to_string(),
            (Scalar::Integer, DeValue::Integer(number)) => decimal(number),
            (scalar, other) => {
                let message = self.wrong_type(spec, scalar, other, &value.span());
                self.fault(&value.span(), Some(path), message);
                return None;
            }
        };
        Some(self.given(&value.span(), text.into()))
    }

    /// What was expected instead of a value of another type: for strings, what they have to say.
    fn wrong_type(&self, spec: &Spec, scalar: Scalar, found: &DeValue<'_>, span: &Range<usize>) -> String {
        let literal = match found {
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
                self.text.0.get(span.clone())
            }
            DeValue::String(text) => Some(text.as_ref()),
            DeValue::Array(_) | DeValue::Table(_) => None,
        };
        let expected = match scalar {
            Scalar::Boolean => "true or false".to_owned(),
            Scalar::Integer => "an integer".to_owned(),
            Scalar::String => {
                let reason = literal.and_then(|literal| spec.expected(literal.as_ref()));
                let reason = reason.as_deref().and_then(|reason| reason.strip_prefix("expected "));
                reason.map_or_else(|| "a string".to_owned(), |reason| format!("a string: {reason}"))
            }
        };
        let literal = literal.filter(|_| !spec.is_secret).map_or_else(String::new, |literal| match found {
            DeValue::String(_) => format!(" {}", shortened(literal)),
            _ => format!(" `{literal}`"),
        });
        format!("expected {expected}, found {}{literal}", article(found))
    }
}

/// An integer in decimal digits. One that is too large stays as it is, and is refused for its size.
fn decimal(number: &DeInteger<'_>) -> String {
    let digits = number.as_str();
    i128::from_str_radix(digits, number.radix()).map_or_else(|_| digits.to_owned(), |number| number.to_string())
}

/// The type of a value with its article.
fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A key as a message shows it.
fn quoted(name: &str) -> String {
    let shown = shortened(name);
    format!("`{}`", shown.replace('"', ""))
}

/// A text whose offsets become places.
struct Text<'a>(&'a str);

impl Text<'_> {
    /// The place of an offset. Columns count characters; a mark of byte order at the beginning is not one.
    fn at(&self, offset: usize) -> Position {
        let before = self.0.get(..offset).unwrap_or(self.0);
        let line = before.rsplit_once('\n').map_or_else(|| before.trim_start_matches('\u{feff}'), |(_, line)| line);
        Position { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}
