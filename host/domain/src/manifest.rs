//! The rules that make a plugin's manifest acceptable. Every fault is told, not only the first.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    plugin::{Action, CONTRACT, Idempotency, Manifest, Risk},
    schema::Schema,
    workflow::builtin,
};

/// The most actions.
const ACTIONS: usize = 64;
/// The most entries of each other list.
const ENTRIES: usize = 64;
/// The longest description, in characters.
const DESCRIPTION: usize = 2_000;
/// The most faults that are told.
const FAULTS: usize = 50;
/// The longest text that is told in a fault, in characters.
const TOLD: usize = 80;
/// The kinds of `auth` the host can apply.
const AUTH: [&str; 4] = ["bearer", "basic", "header", "query"];

impl Manifest {
    /// Every fault, each a sentence without a full stop; none when the plugin can be installed.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !CONTRACT.speaks(&self.api) {
            faults.push(format!("`api` is {:?}: this host speaks {CONTRACT}", told(&self.api)));
        }
        if !is_name(&self.name) || !self.name.starts_with(|c: char| c.is_ascii_lowercase()) {
            faults.push(format!("`name` is {:?}: 1 to 64 of a-z 0-9 - are wanted, a letter first", told(&self.name)));
        }
        if self.name == builtin::NAME {
            faults.push(format!("the name {} is the server's own", builtin::NAME));
        }
        if !is_version(&self.version) {
            faults.push(format!("`version` is {:?}: a semantic version such as 1.2.3 is wanted", told(&self.version)));
        }
        if self.description.chars().count() > DESCRIPTION {
            faults.push(format!("`description` is longer than {DESCRIPTION} characters"));
        }
        if self.actions.is_empty() || self.actions.len() > ACTIONS {
            faults.push(format!("it has {} actions: 1 to {ACTIONS} are wanted", self.actions.len()));
        }
        let mut names = BTreeSet::new();
        for action in &self.actions {
            if !names.insert(action.name.as_str()) {
                faults.push(format!("there are two actions {:?}", told(&action.name)));
            }
            self.check_action(action, &mut faults);
        }
        self.check_requests(&mut faults);
        let described = [("plugin", &self.description)].into_iter();
        let described = described.chain(self.actions.iter().map(|action| (action.name.as_str(), &action.description)));
        let described = described.chain(self.secrets.iter().map(|one| (one.name.as_str(), &one.description)));
        for (what, _) in described.filter(|(_, text)| !is_readable(text)) {
            faults.push(format!("the description of {what:?} holds control characters"));
        }
        let left = faults.len().saturating_sub(FAULTS);
        faults.truncate(FAULTS);
        if left > 0 {
            faults.push(format!("and {left} more"));
        }
        faults
    }

    fn check_action(&self, action: &Action, faults: &mut Vec<String>) {
        let name = told(&action.name);
        if !is_name(&action.name) {
            faults.push(format!("{name:?} is no action name: 1 to 64 of a-z 0-9 - are wanted"));
        }
        if action.description.trim().is_empty() {
            faults.push(format!("action {name} has no description"));
        }
        schema(&action.input, &format!("the input schema of {name}"), faults);
        let output = schema(&action.output, &format!("the output schema of {name}"), faults);
        match (&action.sample_output, action.risk) {
            (None, Risk::Write | Risk::Destructive) => {
                faults
                    .push(format!("action {name} changes the world and has no `sample_output`: simulations need one"));
            }
            (Some(sample), _) => {
                if let Some(error) = output.and_then(|output| first_error(output, sample)) {
                    faults.push(format!("the sample output of {name} breaks its schema: {error}"));
                }
            }
            (None, Risk::Read) => {}
        }
        if let Some(ending) = &action.ended_by
            && !self.actions.iter().any(|other| other.name == *ending && other.name != *name)
        {
            faults.push(format!("action {name} is ended by {ending}, which is no other action of this plugin"));
        }
        if let Idempotency::Depends { when_config } = &action.idempotent
            && !self.has_option(when_config)
        {
            faults.push(format!(
                "action {name} is idempotent by option {when_config}, which the connection does not have"
            ));
        }
    }

    fn has_option(&self, option: &str) -> bool {
        let schema = self.connection.as_ref().map(|spec| spec.schema.source());
        schema.and_then(|schema| schema.get("properties")).is_some_and(|properties| properties.get(option).is_some())
    }

    fn check_requests(&self, faults: &mut Vec<String>) {
        if let Some(connection) = &self.connection {
            schema(&connection.schema, "the connection's schema", faults);
            for kind in connection.auth.iter().filter(|kind| !AUTH.contains(&kind.as_str())) {
                faults.push(format!("{:?} is no kind of auth: the host applies {}", told(kind), AUTH.join(", ")));
            }
        }
        for (list, length) in [
            ("requests", self.requests.len()),
            ("hosts", self.hosts.len()),
            ("secrets", self.secrets.len()),
            ("reads", self.reads.len()),
        ] {
            if length > ENTRIES {
                faults.push(format!("`{list}` has {length} entries: {ENTRIES} at most"));
            }
        }
        for host in &self.hosts {
            let bare = url::Url::parse(host).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https") && url.has_host() && url.path() == "/" && url.query().is_none()
            });
            // There are no wildcards: one would look as if it granted everything.
            if !bare || host.ends_with('/') || host.contains('*') {
                faults.push(format!("{:?} is no host: scheme://host[:port] is wanted", told(host)));
            }
        }
        for secret in self.secrets.iter().filter(|secret| !is_name(&secret.name)) {
            faults.push(format!("{:?} is no secret's word: 1 to 64 of a-z 0-9 - are wanted", told(&secret.name)));
        }
        for read in self.reads.iter().filter(|read| !read.path.starts_with('/')) {
            faults.push(format!("{:?} in `reads` is no path: it begins with a slash", told(&read.path)));
        }
        if let Some(notify) = &self.notify
            && self.action(&notify.action).is_none()
        {
            faults.push(format!("`notify` names the action {}, which there is not", notify.action));
        }
    }
}

/// Whether a terminal shows a text as it is: a control character could move it, colour it or hide what comes after.
fn is_readable(text: &str) -> bool {
    let hides = |c: char| c.is_control() && c != '\n' && c != '\t';
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| hides(c) || turns(c))
}

/// The beginning of what a manifest says, for a fault.
fn told(text: &str) -> String {
    text.chars().take(TOLD).collect()
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}

/// Whether it is `major.minor.patch`, perhaps with a pre-release or a build behind.
fn is_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit());
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    version.len() <= 64 && version.chars().all(rest) && numbers.len() == 3 && numbers.iter().all(number)
}

fn schema<'a>(schema: &'a Schema, what: &str, faults: &mut Vec<String>) -> Option<&'a jsonschema::Validator> {
    let fault = |error: &str| {
        faults.push(format!("{what} is no JSON Schema: {}", error.chars().take(200).collect::<String>()));
    };
    schema.validator().map_err(fault).ok()
}

fn first_error(validator: &jsonschema::Validator, value: &Value) -> Option<String> {
    validator.validate(value).err().map(|error| error.to_string().chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut value = json!({
            "api": "1.0", "name": "chat", "version": "1.0.0", "description": "Talks.",
            "actions": [{
                "name": "post", "description": "Posts.", "risk": "write", "idempotent": true,
                "input": { "type": "object" }, "output": { "type": "object", "required": ["id"] },
                "sample_output": { "id": 1 },
            }],
        });
        change(&mut value);
        serde_json::from_value::<Manifest>(value).expect("a manifest").check()
    }

    #[test]
    fn a_good_manifest_has_no_faults() {
        assert_eq!(manifest(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn each_fault_is_told() {
        let faults = manifest(|value| {
            value["api"] = json!("9");
            value["name"] = json!("wardroom");
            value["version"] = json!("one");
            value["actions"][0]["sample_output"] = json!({});
            value["actions"][0]["input"] = json!({ "type": "nonsense" });
            value["actions"][0]["idempotent"] = json!({ "when_config": "deduplicates" });
            value["actions"][0]["ended_by"] = json!("post");
            value["hosts"] = json!(["https://example.com/path", "*.example.com"]);
            value["notify"] = json!({ "action": "shout", "text": "text" });
        });
        for wanted in [
            "`api`",
            "server's own",
            "`version`",
            "sample output",
            "input schema",
            "deduplicates",
            "no other action",
            "/path",
            "*.ex",
            "shout",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(wanted)), "{wanted}: {faults:?}");
        }
    }

    #[test]
    fn what_changes_the_world_needs_a_sample() {
        let faults = manifest(|value| {
            value["actions"][0].as_object_mut().expect("an object").remove("sample_output");
        });
        assert!(faults[0].contains("`sample_output`"), "{faults:?}");
    }
}
