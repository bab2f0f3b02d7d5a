//! Where a value of the configuration comes from, and what is wrong with it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use wardroom_domain::document::Position;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nothing sets it.
    Default,
    /// A configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The place in it; none if it concerns the file as a whole.
        at: Option<Position>,
    },
    /// An environment variable.
    Environment(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl Source {
    /// A place in a configuration file.
    pub(crate) fn file(path: &Path, at: Position) -> Self {
        Self::File { path: path.to_owned(), at: Some(at) }
    }

    /// In which order faults are told: by line in the file, then those of variables, then those of flags.
    pub(crate) fn order(&self) -> (usize, usize, usize) {
        match self {
            Self::Default | Self::File { at: None, .. } => (0, 0, 0),
            Self::File { at: Some(at), .. } => (0, at.line, at.column),
            Self::Environment(_) => (1, 0, 0),
            Self::Flag(_) => (2, 0, 0),
        }
    }

    /// The source for programs.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Default => json!({ "kind": "default" }),
            Self::File { path, at } => {
                let (line, column) = (at.map(|at| at.line), at.map(|at| at.column));
                json!({ "kind": "file", "file": path, "line": line, "column": column })
            }
            Self::Environment(variable) => json!({ "kind": "environment", "variable": variable }),
            Self::Flag(flag) => json!({ "kind": "flag", "flag": flag }),
        }
    }
}

/// How `wardroom config show` names a source.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, at: Some(at) } => write!(f, "{}:{}", path.display(), at.line),
            Self::File { path, at: None } => path.display().fmt(f),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// Something wrong in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub source: Source,
    /// Of which option; none if it concerns no known one.
    pub key: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl Fault {
    /// A fault of an option.
    pub(crate) fn of(key: &str, source: Source, message: impl Into<String>) -> Self {
        Self { source, key: Some(key.to_owned()), message: message.into() }
    }

    /// The fault for programs.
    pub fn to_json(&self) -> Value {
        json!({ "source": self.source.to_json(), "key": self.key, "message": self.message })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File { path, at: Some(at) } => write!(f, "{}:{at}: ", path.display())?,
            Source::File { path, at: None } => write!(f, "{}: ", path.display())?,
            // Variables and flags name their option already.
            Source::Environment(name) | Source::Flag(name) => return write!(f, "{name}: {}", self.message),
            Source::Default => {}
        }
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Every fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [fault] = &self.0[..] {
            return fault.fmt(f);
        }
        write!(f, "{} faults in the configuration:", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Faults {}
