//! What to measure: the arguments of the command line. Measures nothing itself.

use wardroom_tests::database::{BOTH, Kind};

/// A part of the benchmark that can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// One run at a time, of 1 and of 40 steps.
    Latency,
    /// A step over 1,000 items, and a step after it.
    FanOut,
    /// As many 1-step runs as go through.
    Sustained,
    /// The latency at 70 % of that.
    Load,
    /// 1,000 runs in flight, and a `kill -9`.
    Resume,
    /// The same delivery of an alert source, 10,000 times.
    Storm,
    /// 100,000 runs that sleep.
    Sleepers,
    /// 10,000 schedules.
    Schedules,
    /// 1,000,000 runs that have ended.
    History,
    /// Components: how large, how long to compile, to load and to call.
    Plugins,
    /// A plugin beside one that is hostile.
    Neighbours,
}

const EVERY: [Scenario; 11] = [
    Scenario::Latency,
    Scenario::FanOut,
    Scenario::Sustained,
    Scenario::Load,
    Scenario::Resume,
    Scenario::Storm,
    Scenario::Sleepers,
    Scenario::Schedules,
    Scenario::History,
    Scenario::Plugins,
    Scenario::Neighbours,
];

impl Scenario {
    /// What it is called in arguments and in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::FanOut => "fan-out",
            Self::Sustained => "sustained",
            Self::Load => "load",
            Self::Resume => "resume",
            Self::Storm => "storm",
            Self::Sleepers => "sleepers",
            Self::Schedules => "schedules",
            Self::History => "history",
            Self::Plugins => "plugins",
            Self::Neighbours => "neighbours",
        }
    }

    /// Whether it measures a server on a database, or the sandbox alone.
    pub(crate) fn needs_database(self) -> bool {
        !matches!(self, Self::Plugins | Self::Neighbours)
    }
}

/// What to measure.
#[derive(Debug)]
pub(crate) struct Options {
    /// On which databases.
    pub(crate) kinds: Vec<Kind>,
    /// Which scenarios, in the order of [`Scenario`].
    pub(crate) scenarios: Vec<Scenario>,
}

impl Options {
    /// Reads `--only NAME[,NAME…]` and `--on sqlite|postgres`; without them everything is measured. The error is a whole
    /// sentence for the terminal.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { kinds: BOTH.to_vec(), scenarios: EVERY.to_vec() };
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{argument} wants a value; {}", usage()))?;
            match argument.as_str() {
                "--only" => options.scenarios = scenarios(&value)?,
                "--on" => options.kinds = vec![kind(&value)?],
                _ => return Err(format!("{argument:?} is not understood; {}", usage())),
            }
        }
        Ok(options)
    }

    /// Whether nothing is left out.
    pub(crate) fn is_everything(&self) -> bool {
        self.kinds.len() == BOTH.len() && self.scenarios.len() == EVERY.len()
    }
}

fn usage() -> String {
    format!("--only takes one or more of {} with commas between; --on takes sqlite or postgres", names())
}

fn names() -> String {
    EVERY.map(Scenario::name).join(", ")
}

fn scenarios(names: &str) -> Result<Vec<Scenario>, String> {
    let wanted: Vec<&str> = names.split(',').map(str::trim).collect();
    if let Some(unknown) = wanted.iter().find(|name| EVERY.iter().all(|scenario| scenario.name() != **name)) {
        return Err(format!("there is no scenario {unknown:?}; {}", usage()));
    }
    Ok(EVERY.into_iter().filter(|scenario| wanted.contains(&scenario.name())).collect())
}

fn kind(name: &str) -> Result<Kind, String> {
    match name {
        "sqlite" => Ok(Kind::Sqlite),
        "postgres" => Ok(Kind::Postgres),
        _ => Err(format!("there is no database {name:?}; {}", usage())),
    }
}
