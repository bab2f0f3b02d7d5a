//! What comes in as a component, from the upload to the manifest: whatever the bytes are, they are taken or refused in a word
//! of their own, without a panic, within a bound of time and of memory.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use wardroom_runtime::{Options, PluginHost};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

static HOST: LazyLock<PluginHost> = LazyLock::new(|| PluginHost::new(Options::offline()).expect("starts"));

fuzz_target!(|bytes: &[u8]| {
    match RUNTIME.block_on(HOST.inspect(bytes)) {
        Ok(found) => assert!(!found.manifest.name.is_empty(), "a plugin has a name"),
        Err(refused) => assert!(!refused.to_string().is_empty(), "a refusal says why"),
    }
});
