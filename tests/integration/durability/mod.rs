//! Durability: nothing acknowledged is lost and nothing happens twice when the server is killed, the disk is full or the
//! database is gone or overloaded; backups, the store by itself, databases of earlier versions and frozen migrations.

pub(crate) mod backup;
pub(crate) mod crash;
mod golden;
mod meaning;
mod migrations;
pub(crate) mod overload;
pub(crate) mod store;
