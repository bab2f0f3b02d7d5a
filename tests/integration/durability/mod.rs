//! Durability: what survives crashes, outages, a full disk and too much at once; the store by itself; backups.

pub(crate) mod backup;
pub(crate) mod crash;
pub(crate) mod overload;
pub(crate) mod store;
