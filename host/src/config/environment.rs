//! The environment, which nothing else reads.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use wardroom_domain::document::nearest;

use super::{
    layer::{Layer, Setting},
    source::Source,
    spec::{Shape, Spec, variable},
};

/// What variables of this program begin with.
const PREFIX: &str = "WARDROOM_";
/// The variable that names the configuration file.
pub(super) const CONFIG: &str = "WARDROOM_CONFIG";
/// Variables that are no options of the server: those of the client commands and of the tools.
const OTHERS: [&str; 5] = [CONFIG, "WARDROOM_URL", "WARDROOM_TOKEN", "WARDROOM_TOKEN_FILE", "WARDROOM_TOOLS"];

/// A variable of the process's environment.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn variable_of_process(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The variables that may be options of the server. An empty one counts as not set, because that is what scripts and container
/// files leave behind where nothing is meant.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Those of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The configuration file that is named.
    pub(super) fn config(&self) -> Option<PathBuf> {
        self.0.get(CONFIG).map(PathBuf::from)
    }

    /// What is set.
    pub(super) fn layer(&self, specs: &[Spec]) -> Layer {
        let mut layer = Layer::new();
        for spec in specs {
            if let Some((variable, value)) = self.0.get_key_value(&spec.variable()) {
                let values = if spec.shape == Shape::One { vec![value.clone()] } else { items(value) };
                layer.insert(spec.key.clone(), Setting::new(Source::Environment(variable.clone()), values));
            }
            let Some(key) = spec.file_key() else { continue };
            if let Some((variable, value)) = self.0.get_key_value(&variable(&key)) {
                layer.insert(key, Setting::new(Source::Environment(variable.clone()), [value.clone()]));
            }
        }
        layer
    }

    /// Variables that look like a mistyped option. Others that are unknown are left alone: Kubernetes, say, sets
    /// `WARDROOM_SERVICE_HOST` in every pod beside a service of that name.
    pub(super) fn warnings(&self, specs: &[Spec]) -> Vec<String> {
        let options = specs.iter().flat_map(|spec| [Some(spec.variable()), spec.file_key().map(|key| variable(&key))]);
        let known: Vec<String> = options.flatten().chain(OTHERS.map(str::to_owned)).collect();
        let unknown = self.0.keys().filter(|name| !known.contains(name));
        let mistyped = unknown.filter_map(|name| {
            // Compared without what they share, which would make all of them look alike.
            let names = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
            let near = nearest(name.strip_prefix(PREFIX)?, names)?;
            Some(format!("{name}: unknown environment variable; did you mean {PREFIX}{near}?"))
        });
        mistyped.collect()
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        let named = variables.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self(named.filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty()).collect())
    }
}

/// The items of a list with commas.
fn items(list: &OsStr) -> Vec<OsString> {
    let items = list.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    items.filter(|item| !item.is_empty()).map(|item| OsString::from_vec(item.to_vec())).collect()
}
