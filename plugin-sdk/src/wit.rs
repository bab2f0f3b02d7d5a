//! The contract's generated bindings. Nothing here is written by hand.
#![expect(clippy::same_length_and_capacity, reason = "generated")]

wit_bindgen::generate!({
    world: "action-with-undo-and-check",
    path: "../wit",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "wardroom_plugin_sdk::wit",
});
