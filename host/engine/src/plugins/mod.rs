//! Plugins as administrators keep them: installing and rolling back ([`install`]), signatures ([`signers`]), what they may do
//! ([`grants`]) and use ([`limits`]), the accounts they act through ([`connections`]), and what the runtime asks of the engine
//! while a guest runs ([`ports`]).

pub mod connections;
pub mod grants;
pub mod install;
pub mod limits;
pub mod ports;
pub mod signers;
