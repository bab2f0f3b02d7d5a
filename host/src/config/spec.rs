//! What an option is, read from the argument that clap's derive makes of its field.

use std::{
    any::TypeId,
    error::Error as _,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{
    Arg, ArgAction, Args, Command,
    error::{ContextKind, ContextValue, ErrorKind},
    value_parser,
};
use secrecy::SecretString;

use super::value;

/// What stands for a secret.
pub(super) const MASK: &str = "********";

/// One value of an option, as the file writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    Boolean,
    Integer,
    String,
}

/// How many values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    List,
    /// A list of `NAME=VALUE`.
    Table,
}

/// An option.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    arg: Arg,
    pub(crate) key: String,
    pub(crate) scalar: Scalar,
    pub(crate) shape: Shape,
    pub(crate) is_secret: bool,
}

/// The options that a struct declares, in its order.
pub(crate) fn all<C: Args>() -> Vec<Spec> {
    C::augment_args(Command::new("options")).get_arguments().map(Spec::new).collect()
}

/// A struct with these values, `(key, value)`, and defaults for what they leave out.
pub(crate) fn parse<C: Args>(
    specs: &[Spec],
    values: impl IntoIterator<Item = (String, OsString)>,
) -> Result<C, clap::Error> {
    let flags = values.into_iter().filter_map(|(key, value)| {
        let spec = specs.iter().find(|spec| spec.key == key)?;
        Some(spec.flag_with(&value))
    });
    let flags: Vec<OsString> = flags.collect();
    let command = silent().args(specs.iter().map(|spec| spec.arg.clone()));
    C::from_arg_matches(&command.try_get_matches_from(flags)?)
}

/// A command that reads nothing but arguments.
fn silent() -> Command {
    Command::new("options").no_binary_name(true).disable_help_flag(true)
}

impl Spec {
    fn new(arg: &Arg) -> Self {
        let of = |id: TypeId| arg.get_value_parser().type_id() == id;
        let integers = [
            TypeId::of::<u8>(),
            TypeId::of::<u16>(),
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<usize>(),
            TypeId::of::<i32>(),
            TypeId::of::<i64>(),
        ];
        let scalar = match arg.get_action() {
            ArgAction::SetTrue => Scalar::Boolean,
            _ if of(TypeId::of::<bool>()) => Scalar::Boolean,
            _ if integers.into_iter().any(of) => Scalar::Integer,
            _ => Scalar::String,
        };
        let is_named = arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.contains('=')));
        let shape = match arg.get_action() {
            ArgAction::Append if is_named => Shape::Table,
            ArgAction::Append => Shape::List,
            _ => Shape::One,
        };
        let is_secret = of(TypeId::of::<SecretString>());
        let mut arg = arg.clone();
        if scalar == Scalar::Boolean && shape == Shape::One {
            // A flag must be able to say no, because a file may have said yes.
            if arg.get_default_values().is_empty() {
                arg = arg.default_value("false");
            }
            arg = arg.action(ArgAction::Set).value_parser(value_parser!(bool));
            arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
            arg = arg.value_name("BOOL").hide_possible_values(true);
        }
        Self { key: arg.get_id().to_string(), arg, scalar, shape, is_secret }
    }

    /// The flag, without dashes.
    pub(crate) fn flag(&self) -> String {
        self.arg.get_long().map_or_else(|| self.key.replace('_', "-"), str::to_owned)
    }

    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        variable(&self.key)
    }

    /// The key of the file that holds the value, if it is a secret.
    pub(crate) fn file_key(&self) -> Option<String> {
        self.takes_file().then(|| format!("{}_file", self.key))
    }

    /// The flag of that file, without dashes.
    pub(crate) fn file_flag(&self) -> String {
        format!("{}-file", self.flag())
    }

    fn takes_file(&self) -> bool {
        self.is_secret && self.shape == Shape::One
    }

    /// The help.
    pub(crate) fn help(&self) -> String {
        self.arg.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// The values that it has if nothing sets it.
    pub(crate) fn defaults(&self) -> Vec<OsString> {
        self.arg.get_default_values().iter().map(clap::builder::OsStr::to_os_string).collect()
    }

    /// What its value is called in the help.
    pub(crate) fn value_name(&self) -> &str {
        self.arg.get_value_names().and_then(<[_]>::first).map_or("VALUE", |name| name.as_str())
    }

    /// The words it takes, if it takes only some.
    pub(crate) fn words(&self) -> Vec<String> {
        let words = if self.scalar == Scalar::String { self.arg.get_possible_values() } else { Vec::new() };
        words.iter().map(|word| word.get_name().to_owned()).collect()
    }

    /// Its flags as the command line takes them, with their help.
    pub(crate) fn flags(&self) -> Vec<Arg> {
        let help = format!("{} [env: {}]", self.help(), self.variable());
        let mut flag = self.arg.clone().help(help).hide_default_value(self.scalar == Scalar::Boolean);
        if self.is_secret {
            // Checked later, together with all others: clap would repeat the value in its error.
            flag = flag.value_parser(value_parser!(OsString));
        }
        if self.shape != Shape::One {
            flag = flag.value_delimiter(',');
        }
        let file = self.file_key().map(|key| {
            let help = format!("Read the value of --{} from a file [env: {}]", self.flag(), variable(&key));
            Arg::new(key).long(self.file_flag()).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
        });
        [Some(flag), file].into_iter().flatten().collect()
    }

    /// Checks one value. Says what was expected and, unless it is a secret, what was found.
    pub(crate) fn check(&self, text: &OsStr) -> Result<(), String> {
        let found = if self.is_secret {
            format!("{} characters", text.to_string_lossy().chars().count())
        } else {
            shortened(&text.to_string_lossy())
        };
        if text.is_empty() {
            return Err("expected a value, found an empty one; leave it out to use the default".to_owned());
        }
        match self.expected(text) {
            None => Ok(()),
            Some(expected) if expected.starts_with("expected") => Err(format!("{expected}, found {found}")),
            Some(reason) if self.is_secret => Err(format!("invalid value: {reason}")),
            Some(reason) => Err(format!("invalid value {found}: {reason}")),
        }
    }

    /// Why a value does not do.
    pub(crate) fn expected(&self, text: &OsStr) -> Option<String> {
        let command = silent().arg(self.arg.clone());
        let error = command.try_get_matches_from([self.flag_with(text)]).err()?;
        let words = match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(words)) if !words.is_empty() => Some(words.join(", ")),
            _ => None,
        };
        Some(match (error.source(), words) {
            (Some(source), _) => source.to_string(),
            (None, Some(words)) => format!("expected one of {words}"),
            (None, None) if error.kind() == ErrorKind::InvalidUtf8 => "expected UTF-8".to_owned(),
            (None, None) => format!("expected {}", self.value_name()),
        })
    }

    fn flag_with(&self, value: &OsStr) -> OsString {
        let mut flag = OsString::from(format!("--{}=", self.flag()));
        flag.push(value);
        flag
    }

    /// Whether a value would tell a secret if it were shown.
    pub(crate) fn holds_secret(&self, text: &str) -> bool {
        self.is_secret && !(self.value_name() == "URL" && value::is_plain_url(text))
    }

    /// One value as it may be shown.
    pub(crate) fn shown(&self, text: &OsStr) -> String {
        let text = text.to_string_lossy();
        if !self.is_secret {
            return text.into_owned();
        }
        let url = (self.value_name() == "URL").then(|| value::mask_url(&text.as_ref().into())).flatten();
        url.unwrap_or_else(|| MASK.to_owned())
    }
}

/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("WARDROOM_{}", key.to_uppercase())
}

/// A value in quotes, short enough for a message.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
