//! Rehearsing a workflow: the run machine with mocked outcomes and a simulated clock. No server, network, database or plugin
//! takes part, so a repository of workflows can test them. What a step's call would do is said by the rehearsal, not by the
//! action: what is proven is the route.

mod case;
mod compare;
mod drive;

use serde_json::Value;

pub use case::{Case, Rehearsal};
pub use drive::Stage;

use wardroom_domain::workflow::Workflow;

/// How one case went.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The case's name.
    pub name: String,
    /// What was not as expected; empty when all was.
    pub faults: Vec<String>,
    /// What happened, in order.
    pub route: Vec<Stage>,
}

/// Reads a rehearsal: a file of YAML or JSON, given as its plain value. An error names the part that is wrong.
pub fn read(value: Value) -> Result<Rehearsal, String> {
    case::read(value)
}

/// Plays a case.
pub fn play(workflow: &Workflow, case: &Case) -> Verdict {
    let played = drive::play(workflow, case);
    let faults = compare::faults(&case.expect, &played);
    Verdict { name: case.name.clone(), faults, route: played.route }
}
