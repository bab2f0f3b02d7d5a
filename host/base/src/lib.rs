//! What every layer above the domain takes as a parameter or passes through: time and randomness ([`clock`]), places where
//! tests break things ([`fault`]) and the server's own log ([`telemetry`]).

pub mod clock;
pub mod fault;
pub mod telemetry;
