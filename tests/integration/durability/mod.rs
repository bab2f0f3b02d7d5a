//! Durability: what survives crashes, outages, a full disk and too much at once; the store by itself; backups; databases of
//! earlier versions, and the migrations that made them.

pub(crate) mod backup;
pub(crate) mod crash;
mod golden;
mod meaning;
mod migrations;
pub(crate) mod overload;
pub(crate) mod store;
