//! Who asks: a person with the rights of one token.

use wardroom_domain::person::{AccessRole, Actor, Person};

use crate::error::EngineError;

/// Who asks: a person with the rights of one token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person.
    pub person: Person,
    /// What the token may do.
    pub role: AccessRole,
    /// What scopes idempotency keys: the token.
    pub token: wardroom_domain::id::TokenId,
}

impl Caller {
    /// The person as timelines name them.
    pub fn actor(&self) -> Actor {
        Actor::Person { id: self.person.id, handle: self.person.handle.clone() }
    }

    /// Whether the token has a role, or one above it.
    pub fn demand(&self, role: AccessRole) -> Result<(), EngineError> {
        if self.role >= role {
            return Ok(());
        }
        let (role, own) = (role.as_str(), self.role.as_str());
        Err(EngineError::Forbidden(format!("this needs a token of role {role} or above: yours is {own}")))
    }
}
