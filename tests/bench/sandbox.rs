//! The plugin runtime without a server, for what is measured of the sandbox alone.

use std::{path::Path, sync::Arc, time::Duration};

use secrecy::SecretBox;
use serde_json::Value;
use wardroom_base::clock::SystemClock;
use wardroom_domain::{grant::PluginGrant, plugin::Manifest, run::Mode};
use wardroom_runtime::{
    Allowance, Function, Inspection, Invocation, Options, Overlay, PluginHost,
    limits::Limits,
    ports::{Nothing, SystemResolver},
};

/// A runtime that stores nothing and knows no secret, with a cache of compiled components if there is a folder for it.
///
/// # Panics
/// When the machine has no room for it.
pub(crate) fn host(limits: Limits, cache: Option<&Path>) -> PluginHost {
    PluginHost::new(Options {
        cache: cache.map(|folder| (folder.to_owned(), SecretBox::new(Box::new([1; 32])))),
        limits,
        large: Limits::large(),
        secrets: Arc::new(Nothing),
        state: Arc::new(Nothing),
        resolver: Arc::new(SystemResolver),
        operator_hosts: None,
        proxy: None,
        clock: Arc::new(SystemClock),
        tape: None,
    })
    .expect("starts")
}

/// A component with what its calls share, as the server's have it: made once and not with each call.
pub(crate) struct Subject {
    digest: String,
    manifest: Arc<Manifest>,
    given: Arc<PluginGrant>,
}

impl Subject {
    /// Of a component that was inspected; it is granted what it asks for.
    pub(crate) fn of(found: Inspection) -> Self {
        let given = Arc::new(PluginGrant { asks: found.manifest.asks() });
        Self { digest: found.digest, manifest: Arc::new(found.manifest), given }
    }
}

/// A call of an action without a connection.
pub(crate) fn invocation(subject: &Subject, action: &str, input: Value) -> Invocation {
    Invocation {
        digest: subject.digest.clone(),
        function: Function::Run,
        given: Arc::clone(&subject.given),
        limits: Allowance::default(),
        manifest: Arc::clone(&subject.manifest),
        action: action.to_owned(),
        input,
        run: String::new(),
        step: String::new(),
        item: None,
        attempt: 1,
        incident: None,
        snapshot: None,
        connection: None,
        idempotency_key: String::new(),
        mode: Mode::Real,
        resume: None,
        undo_data: None,
        callback_url: None,
        deadline: Duration::from_mins(5),
        lease: None,
        overlay: Overlay::default(),
    }
}
