//! What the practice town remembers.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::Value;

/// What the town remembers.
#[derive(Default)]
pub(crate) struct Shop {
    /// Since when the flag has been off; none: it is on.
    pub(crate) off_since: Option<Instant>,
    pub(crate) rooms: Vec<String>,
    pub(crate) messages: Vec<String>,
    pub(crate) mails: Vec<String>,
    pub(crate) tracker: Tracker,
}

/// The town.
#[derive(Clone)]
pub(crate) struct Town {
    pub(crate) address: SocketAddr,
    pub(crate) mail: SocketAddr,
    pub(crate) shop: Arc<Mutex<Shop>>,
}

/// What the tracker remembers: items in their order, an item's number being its place plus one.
#[derive(Default)]
pub(crate) struct Tracker {
    pub(crate) messages: Vec<Value>,
    pub(crate) issues: Vec<Value>,
}

impl Tracker {
    /// The titles of the tickets.
    pub(crate) fn titles(&self) -> Vec<String> {
        self.issues.iter().map(|issue| issue["title"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
