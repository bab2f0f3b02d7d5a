//! What is refused at install, each with a sentence that says what to do.

use wardroom_runtime::RefusedPlugin;
use wardroom_tests::guests;

use crate::plugins::Sandbox;

async fn refusal(bytes: &[u8]) -> RefusedPlugin {
    Sandbox::new().await.host.inspect(bytes).await.expect_err("is refused")
}

#[tokio::test]
async fn a_component_that_asks_for_more_is_refused_by_that_name() {
    let refused = refusal(&guests::outsider()).await;
    let RefusedPlugin::ForeignImport { names } = &refused else { panic!("{refused:?}") };
    assert_eq!(names.as_slice(), ["example:outsider/filesystem@0.1.0"]);
    assert!(refused.to_string().contains("without WASI"), "{refused}");
}

#[tokio::test]
async fn what_is_no_component_is_refused() {
    assert!(matches!(refusal(b"#!/bin/sh").await, RefusedPlugin::NotWasm { .. }));
    assert!(matches!(refusal(b"").await, RefusedPlugin::NotWasm { .. }));
    assert!(matches!(refusal(b"\x7fELF\x02\x01\x01").await, RefusedPlugin::Precompiled));
    // The smallest core module: magic and version.
    assert!(matches!(refusal(b"\0asm\x01\0\0\0").await, RefusedPlugin::CoreModule));
    // The smallest component: it exports nothing.
    assert!(matches!(refusal(b"\0asm\x0d\0\x01\0").await, RefusedPlugin::NoPluginExport));
    let half = &guests::hostile()[..40_000];
    assert!(matches!(refusal(half).await, RefusedPlugin::NotWasm { .. } | RefusedPlugin::Unfit { .. }));
}

#[tokio::test]
async fn every_bundled_plugin_can_be_installed() {
    let sandbox = Sandbox::new().await;
    for name in ["prometheus", "matrix", "email", "unleash", "webhook"] {
        let found =
            sandbox.host.inspect(&guests::bundled(name)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.manifest.name, name);
        let foreign = found.imports.iter().find(|import| !import.starts_with("wardroom:plugin/"));
        assert_eq!(foreign, None);
    }
}
