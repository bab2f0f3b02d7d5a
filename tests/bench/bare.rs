//! A call of a component by wasmtime alone, on an engine of the same configuration: no policy, no limits, nothing read of what
//! comes back. What the host adds is measured against it.

use std::time::Duration;

use wardroom_runtime::{engine_configuration, limits::Limits};
use wardroom_tests::process::now;
use wasmtime::{
    Engine, Store,
    component::{Component, Linker},
};

use contract::{
    ActionPre,
    wardroom::plugin::types::{Call, Mode},
};

/// The contract's generated bindings.
mod contract {
    wasmtime::component::bindgen!({
        world: "action",
        path: "../wit",
        exports: { default: async },
        require_store_data_send: true,
    });
}

/// A component that is ready to be called.
pub(crate) struct Bare {
    engine: Engine,
    ready: ActionPre<()>,
}

impl Bare {
    /// Compiles a component. Whatever it imports traps.
    ///
    /// # Panics
    /// When it is none of the contract.
    pub(crate) fn new(component: &[u8]) -> Self {
        let engine = Engine::new(&engine_configuration(&Limits::default())).expect("starts");
        let component = Component::new(&engine, component).expect("fits");
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).expect("links");
        let ready = linker.instantiate_pre(&component).and_then(ActionPre::new).expect("links");
        Self { engine, ready }
    }

    /// A fresh instance and a call, and how long they took together.
    ///
    /// # Panics
    /// When it fails.
    pub(crate) async fn call(&self, action: &str) -> Duration {
        let call = call(action);
        let began = now();
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(u64::MAX >> 1);
        let instance = self.ready.instantiate_async(&mut store).await.expect("is made");
        let reply = instance.wardroom_plugin_plugin().call_run(&mut store, &call).await.expect("answers");
        drop(store);
        assert!(reply.is_ok(), "{reply:?}");
        began.elapsed()
    }
}

fn call(action: &str) -> Call {
    Call {
        action: action.to_owned(),
        input: "{}".to_owned(),
        run_id: String::new(),
        step_id: String::new(),
        item: None,
        attempt: 1,
        incident_id: None,
        connection_name: None,
        connection_config: "{}".to_owned(),
        idempotency_key: String::new(),
        remaining_ms: 10_000,
        mode: Mode::Real,
        resume: None,
        undo_data: None,
        callback_url: None,
        extra: "{}".to_owned(),
    }
}
