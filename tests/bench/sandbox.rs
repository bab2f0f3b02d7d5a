//! The plugin runtime without a server, for what is measured of the sandbox alone.

use std::{path::Path, sync::Arc, time::Duration};

use secrecy::SecretBox;
use serde_json::Value;
use wardroom::{
    clock::SystemClock,
    domain::{grant::PluginGrant, run::Mode},
    plugin::{
        Allowance, Function, Inspection, Invocation, Options, Overlay, PluginHost,
        limits::Limits,
        ports::{Nothing, SystemResolver},
    },
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

/// A call of an action without a connection.
pub(crate) fn invocation(found: &Inspection, action: &str, input: Value) -> Invocation {
    Invocation {
        digest: found.digest.clone(),
        function: Function::Run,
        given: Arc::new(PluginGrant { asks: found.manifest.asks() }),
        limits: Allowance::default(),
        manifest: Arc::new(found.manifest.clone()),
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
