//! The rehearsal as its file says it.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use wardroom_domain::{
    event::Fact,
    time::{Timestamp, parse_duration},
};

/// The most cases of a file.
const MAX_CASES: usize = 100;

/// A workflow and what is tried with it.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The workflow's file, beside this one.
    pub workflow: String,
    /// The cases, in order.
    pub cases: Vec<Case>,
}

/// One try.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, for people.
    pub name: String,
    /// When it begins.
    pub at: Option<Timestamp>,
    /// The event that starts it, as `trigger` shows it: `{ type: stage.entered, stage: triage, first: true }`. Without one
    /// somebody starts it by hand.
    pub event: Option<Fact>,
    /// The incident as expressions see it; what is left out has a default. Without it there is none.
    pub incident: Option<serde_json::Map<String, Value>>,
    /// The inputs of a start by hand.
    #[serde(default)]
    pub inputs: Value,
    /// Whether it is a dry run.
    #[serde(default)]
    pub dry_run: bool,
    /// What becomes of the steps, by their ids: one outcome, or a list with one for each try; the last counts for the rest.
    #[serde(default)]
    pub outcomes: BTreeMap<String, Outcomes>,
    /// Signals that come from outside.
    #[serde(default)]
    pub signals: Vec<Sent>,
    /// When somebody cancels it.
    pub cancel: Option<Later>,
    /// What has to come of it.
    pub expect: Expectation,
}

/// One outcome, or one for each try.
#[derive(Debug, Clone)]
pub enum Outcomes {
    /// For each try; the last counts for the rest.
    Tries(Vec<Outcome>),
    /// For all.
    One(Box<Outcome>),
}

impl<'de> Deserialize<'de> for Outcomes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand, so that an error tells of the part that is wrong and not of the choice.
        match Value::deserialize(deserializer)? {
            tries @ Value::Array(_) => serde_json::from_value(tries).map(Self::Tries),
            one => serde_json::from_value(one).map(|outcome| Self::One(Box::new(outcome))),
        }
        .map_err(D::Error::custom)
    }
}

/// What becomes of a try, or of an approval.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outcome {
    /// The output of a try that is done.
    pub output: Value,
    /// The failure of one that is not.
    pub fail: Option<Failing>,
    /// It ends without an answer, and whether it happened is not known.
    pub lost: bool,
    /// How long it takes; 1 s unless it says otherwise.
    #[serde(deserialize_with = "duration")]
    pub takes: Option<Duration>,
    /// For a step with `foreach`: the outcome of each item; the last counts for the rest.
    pub items: Vec<Outcome>,
    /// For an approval: yes or no. Without it nobody decides.
    pub approve: Option<bool>,
    /// For an approval: after how long; 1 s unless it says otherwise.
    #[serde(deserialize_with = "duration")]
    pub after: Option<Duration>,
}

/// A failure.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// Its code.
    pub code: String,
    /// One sentence.
    #[serde(default)]
    pub message: String,
    /// Whether the plugin says that another try cannot help.
    #[serde(default)]
    pub for_good: bool,
}

/// A signal from outside.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// Its name.
    pub name: String,
    /// What comes with it.
    #[serde(default)]
    pub payload: Value,
    /// After how long.
    #[serde(default, deserialize_with = "duration")]
    pub after: Option<Duration>,
}

/// A point of time in the run.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// After how long.
    #[serde(deserialize_with = "duration")]
    pub after: Option<Duration>,
}

/// What has to come of it; what is left out may be anything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    /// Whether a run starts; it has to, unless this says otherwise.
    pub starts: Option<bool>,
    /// A part of the reason why none does.
    pub why_not: Option<String>,
    /// How the run ends: `succeeded`, `failed`, `rejected`, `canceled` or `timed_out`.
    pub status: Option<String>,
    /// The steps that begin, in this order.
    pub route: Option<Vec<String>>,
    /// How steps end, by their ids.
    pub steps: BTreeMap<String, String>,
    /// How often steps are tried.
    pub attempts: BTreeMap<String, u32>,
    /// The resolved `with` of steps: the fields that are named here.
    pub with: BTreeMap<String, Value>,
    /// How long it takes at most.
    #[serde(deserialize_with = "duration")]
    pub within: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    workflow: String,
    cases: Vec<Value>,
}

pub(crate) fn read(value: Value) -> Result<Rehearsal, String> {
    let File { workflow, cases } = serde_json::from_value(value).map_err(|error| error.to_string())?;
    if cases.is_empty() || cases.len() > MAX_CASES {
        return Err(format!("cases: 1 to {MAX_CASES} are wanted"));
    }
    let case = |(index, case)| serde_json::from_value(case).map_err(|error| format!("cases[{index}]: {error}"));
    let cases = cases.into_iter().enumerate().map(case).collect::<Result<_, _>>()?;
    Ok(Rehearsal { workflow, cases })
}

impl Outcomes {
    /// The outcome of a try, from 1.
    pub(crate) fn of(&self, attempt: u32) -> Option<&Outcome> {
        match self {
            Self::One(outcome) => Some(outcome),
            Self::Tries(tries) => at(tries, attempt.saturating_sub(1)),
        }
    }
}

/// The entry of an index, or the last.
pub(crate) fn at(outcomes: &[Outcome], index: u32) -> Option<&Outcome> {
    outcomes.get(index as usize).or(outcomes.last())
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wanted = || D::Error::custom(format!("{text:?} is no duration: 250ms, 10s, 5m, 2h or 1d is wanted"));
    parse_duration(&text).map(Some).ok_or_else(wanted)
}
