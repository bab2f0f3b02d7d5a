//! Who changes an incident, about which revision, and how often.

use wardroom_domain::person::Actor;
use wardroom_store::Dependant;

use crate::{Caller, once::Once};

/// Who changes an incident, and when the change counts.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Who or what asks.
    pub actor: Actor,
    /// How many runs stand between this and an outside cause.
    pub depth: u8,
    /// The revision the caller read (`If-Match`).
    pub expected: Option<i64>,
    /// Makes it happen once.
    pub once: Option<Once>,
    /// What is written with it beside the incident.
    pub also: Vec<Dependant>,
}

impl Asking {
    /// Somebody or something outside asks.
    pub fn of(actor: Actor) -> Self {
        Self { actor, depth: 0, expected: None, once: None, also: Vec::new() }
    }

    /// A person asks, about the revision they read.
    pub fn person(caller: &Caller, expected: Option<i64>) -> Self {
        Self { expected, ..Self::of(caller.actor()) }
    }

    /// The same, once.
    #[must_use]
    pub fn once(self, once: Option<Once>) -> Self {
        Self { once, ..self }
    }
}
