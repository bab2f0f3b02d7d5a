//! The actions: a build started and waited for, the same taken back by another one, and the builds of before.

use std::collections::BTreeMap;

use wardroom_plugin_sdk::prelude::*;

use crate::master::{self, Build, BuildSet, Config};

/// The pause between two looks at a build that runs, in milliseconds: short at first, because many rollbacks are.
const LOOKS_MS: [u64; 4] = [500, 1_000, 2_000, 5_000];
/// What a force scheduler is told beside the properties.
const OURS: [&str; 5] = ["reason", "owner", "username", "builderid", "priority"];

/// Starts a build and waits for its result.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// The force scheduler that starts it.
    #[schemars(length(min = 1, max = 200))]
    scheduler: String,
    /// What the scheduler asks for, by name: such as the version to roll back to.
    #[serde(default)]
    properties: BTreeMap<String, Value>,
    /// Why, in a few words.
    #[schemars(length(max = 200))]
    #[serde(default)]
    reason: String,
    /// What an undo asks the scheduler for instead: such as the version that was there before. Without it the build cannot be
    /// taken back.
    undo: Option<BTreeMap<String, Value>>,
}

/// Reads the latest builds of a builder that have ended, the newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Builds {
    /// The builder's name.
    #[schemars(length(min = 1, max = 200))]
    builder: String,
    /// Only those of this result: `success`, `warnings`, `failure`, `skipped`, `exception`, `retry` or `cancelled`.
    result: Option<String>,
    /// At most this many. Default 10.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 50))]
    limit: u8,
}

fn ten() -> u8 {
    10
}

/// What became of it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Ended {
    /// The build set.
    build_set: u64,
    /// `success` or `warnings`: every other result fails the step.
    result: String,
    /// Its builds: one for each builder of the scheduler.
    builds: Vec<Build>,
}

/// The builds that were found.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Found {
    /// The newest first.
    builds: Vec<Build>,
}

/// Where a wait goes on.
#[derive(Serialize, Deserialize)]
struct Waiting {
    build_set: u64,
    looks: usize,
}

impl Start {
    fn start(&self, properties: &BTreeMap<String, Value>, call: &Call) -> Result<u64, Failure> {
        let mark = mark(call);
        if let Some(known) = master::marked(&mark)? {
            return Ok(known.bsid);
        }
        if let Some(name) = properties.keys().find(|name| OURS.contains(&name.as_str())) {
            let text = format!("The property {name:?} is the scheduler's own: `reason` is said beside `properties`.");
            return Err(Failure::new("invalid_input", text));
        }
        let mut parameters = properties.clone();
        parameters.insert("reason".to_owned(), json!(format!("{} {mark}", self.reason).trim_start()));
        master::force(&self.scheduler, &parameters)
    }

    /// Waits for a build set; ends when it has ended.
    fn wait<T>(
        &self,
        properties: &BTreeMap<String, Value>,
        call: &Call,
        end: impl FnOnce(&BuildSet) -> Result<Reply<T>, Failure>,
    ) -> Result<Reply<T>, Failure> {
        let earlier = call.resume.as_deref().and_then(|resume| serde_json::from_slice::<Waiting>(resume).ok());
        let (build_set, looks) = match earlier {
            Some(Waiting { build_set, looks }) => (build_set, looks),
            None => (self.start(properties, call)?, 0),
        };
        let set = master::set(build_set).map_err(|failure| failure.effect(Effect::Applied))?;
        if set.complete {
            return end(&set);
        }
        let resume = json!(Waiting { build_set, looks: looks + 1 }).to_string();
        let pause = LOOKS_MS[looks.min(LOOKS_MS.len() - 1)];
        pending(pause, resume, format!("build set {build_set} of {} runs", self.scheduler))
    }
}

/// What the reason of this step's build holds.
fn mark(call: &Call) -> String {
    let key: String = call.idempotency_key.chars().take(32).collect();
    format!("[wardroom {key}]")
}

/// The builds of a set that ended well, or the failure that its end means.
fn good(set: &BuildSet, config: &Config) -> Result<Vec<Build>, Failure> {
    let builds = master::builds_of(set.bsid, config).map_err(|failure| failure.effect(Effect::Applied))?;
    let result = master::word(set.results).unwrap_or("exception");
    if matches!(result, "success" | "warnings") {
        return Ok(builds);
    }
    let place = builds.iter().find_map(|build| build.url.clone()).map(|url| format!(": {url}")).unwrap_or_default();
    let text = format!("Build set {} ended as {result}{place}.", set.bsid);
    Err(Failure::new(format!("build_{result}"), text).effect(Effect::Applied).details(json!({ "builds": builds })))
}

impl Action for Start {
    const NAME: &'static str = "start-build";
    const DESCRIPTION: &'static str = "Starts a build, such as a rollback, and waits for its result.";
    const RISK: Risk = Risk::Destructive;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    type Output = Ended;

    fn run(self, call: &Call) -> Result<Reply<Ended>, Failure> {
        let config: Config = call.config()?;
        self.wait(&self.properties, call, |set| {
            let builds = good(set, &config)?;
            let result = master::word(set.results).unwrap_or("exception").to_owned();
            let summary = format!("build set {} of {} ended as {result}", set.bsid, self.scheduler);
            let url = builds.iter().find_map(|build| build.url.clone());
            let mut ended = Done::new(Ended { build_set: set.bsid, result, builds }, summary);
            if let Some(url) = url {
                ended = ended.artifact("link", format!("build of {}", self.scheduler), url);
            }
            if self.undo.is_some() {
                ended = ended.undo(json!({ "build_set": set.bsid }));
            }
            Ok(ended.into())
        })
    }

    fn sample() -> Option<Ended> {
        let properties = BTreeMap::from([("version".to_owned(), json!("v1"))]);
        let build = Build { number: 1, builder: 1, result: Some("success"), properties, url: None };
        Some(Ended { build_set: 1, result: "success".to_owned(), builds: vec![build] })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let config: Config = call.config()?;
        let Some(properties) = &self.undo else {
            let text = "The step says under `undo` nothing of how its build is taken back.";
            return Err(Failure::new("no_undo", text));
        };
        if call.undo_data.is_none() {
            return done(json!({}), "no build had ended well");
        }
        self.wait(properties, call, |set| {
            let builds = good(set, &config)?;
            let summary = format!("build set {} of {} took it back", set.bsid, self.scheduler);
            done(json!({ "build_set": set.bsid, "builds": builds }), summary)
        })
    }
}

impl Action for Builds {
    const NAME: &'static str = "builds";
    const DESCRIPTION: &'static str =
        "Reads the latest builds of a builder, such as to find the version to go back to.";
    const RISK: Risk = Risk::Read;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = Found;

    fn run(self, call: &Call) -> Result<Reply<Found>, Failure> {
        let result = match self.result.as_deref() {
            Some(word) => Some(master::number(word).ok_or_else(|| {
                Failure::new("invalid_input", format!("{word:?} is no result: write success, failure or such."))
            })?),
            None => None,
        };
        let builds = master::ended(&self.builder, result, self.limit, &call.config()?)?;
        let summary = format!("found {} builds of {}", builds.len(), self.builder);
        done(Found { builds }, summary)
    }
}
