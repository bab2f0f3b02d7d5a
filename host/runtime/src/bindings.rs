//! The contract's generated bindings. Each export interface is probed for on its own, because `undo` and `check` are
//! optional.

wasmtime::component::bindgen!({
    world: "action-with-undo-and-check",
    path: "../../wit",
    imports: { default: async | trappable },
    exports: { default: async },
    require_store_data_send: true,
});
