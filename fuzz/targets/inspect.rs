//! What comes in as a component, from the upload to the manifest: whatever the bytes are, they are taken or refused in a word
//! of their own, without a panic, within a bound of time and of memory.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use wardroom::{
    clock::SystemClock,
    plugin::{
        Options, PluginHost,
        limits::Limits,
        ports::{Nothing, SystemResolver},
    },
};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

static HOST: LazyLock<PluginHost> = LazyLock::new(|| {
    PluginHost::new(Options {
        cache: None,
        limits: Limits { calls: 1, ..Limits::default() },
        large: Limits { calls: 1, ..Limits::large() },
        secrets: Arc::new(Nothing),
        state: Arc::new(Nothing),
        resolver: Arc::new(SystemResolver),
        operator_hosts: Some(Vec::new()),
        proxy: None,
        clock: Arc::new(SystemClock),
        tape: None,
    })
    .expect("starts")
});

fuzz_target!(|bytes: &[u8]| {
    match RUNTIME.block_on(HOST.inspect(bytes)) {
        Ok(found) => assert!(!found.manifest.name.is_empty(), "a plugin has a name"),
        Err(refused) => assert!(!refused.to_string().is_empty(), "a refusal says why"),
    }
});
