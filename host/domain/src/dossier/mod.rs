//! An incident with everything that belongs to it: tasks, causes, updates, artifacts, the retrospective. One dossier is
//! changed at a time, and what differs afterwards is what is written. Reads no clock: time comes in.
//!
//! - [`part`]: what the parts have in common
//! - [`task`], [`cause`], [`update`], [`retrospective`]: the parts
//! - [`begin`]: what a playbook brings; [`guard`]: what it wants before a stage is left
//! - [`alarm`]: what comes by the clock
//! - [`document`]: the retrospective as people read it
//! - [`scope`]: what expressions see; [`brief`]: what people who join late have to know

use serde_json::{Map, Value};

use super::{
    event::Fact,
    incident::Incident,
    milestone::{Milestone, MilestoneKind},
    timeline::EntryKind,
};

pub mod alarm;
pub mod begin;
pub mod brief;
pub mod cause;
pub mod document;
pub mod guard;
pub mod head;
pub mod part;
pub mod retrospective;
pub mod scope;
pub mod surroundings;
pub mod task;
pub mod update;

pub use cause::Cause;
pub use part::{Head, Part, PartKind, PartRow, Parts};
pub use retrospective::{Contribution, FollowUp, Proposal, Publication, Retrospective};
pub use task::Task;
pub use update::{Artifact, Update};

/// An incident with its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Dossier {
    /// The incident.
    pub incident: Incident,
    /// The rest.
    pub parts: Parts,
}

/// What a change leaves beside the rows: timeline entries, and facts that triggers read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// Timeline entries, in order.
    pub entries: Vec<(EntryKind, String, Value)>,
    /// Facts, in order.
    pub facts: Vec<Fact>,
}

impl Told {
    /// Adds a timeline entry.
    pub fn entry(&mut self, kind: EntryKind, text: impl Into<String>, data: Value) {
        let text: String = text.into();
        self.entries.push((kind, text.chars().take(2_000).collect(), data));
    }

    /// Adds a fact that triggers hear as `event: WORD`. What is no object has no fields.
    pub fn milestone(&mut self, kind: MilestoneKind, about: Value) {
        let about = match about {
            Value::Object(about) => about,
            _ => Map::new(),
        };
        self.facts.push(Fact::Milestone(Milestone { kind, about }));
    }
}
