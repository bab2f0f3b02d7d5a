//! What the integration tests stand on: databases, servers and their processes. Everything listens on 127.0.0.1 and ends
//! with the test binary.

pub mod clock;
pub mod counterparts;
pub mod database;
pub mod environment;
pub mod guests;
pub mod process;
pub mod server;
pub mod soak;
pub mod third_party;
