//! The contract's generated bindings. Nothing here is written by hand.
#![cfg_attr(
    not(target_arch = "wasm32"),
    expect(clippy::same_length_and_capacity, clippy::crate_in_macro_def, reason = "generated")
)]
#![cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "generated"))]

wit_bindgen::generate!({
    world: "action-with-undo-and-check",
    path: "../../../wit",
    export_macro_name: "export_component",
    pub_export_macro: true,
    default_bindings_module: "crate::wit",
});
