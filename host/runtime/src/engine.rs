//! The wasmtime engine: its configuration, and the thread by which CPU time is counted.

use std::{io, thread};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::limits::{self, Limits};

/// An engine whose instances come from a pool.
pub(super) fn new(limits: &Limits) -> wasmtime::Result<Engine> {
    Engine::new(&configuration(limits))
}

/// How engines are made: instances come from a pool, so that one costs microseconds, and there are never more than the pool
/// holds. Public for measuring what the host adds to a call of the engine's.
pub fn configuration(limits: &Limits) -> Config {
    let (calls, parts) = (limits.calls, limits.parts);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(parts.instances))
        .total_memories(calls.saturating_mul(parts.memories))
        .total_tables(calls.saturating_mul(parts.tables))
        .total_stacks(calls.saturating_mul(2))
        .max_core_instances_per_component(parts.instances)
        .max_memories_per_component(parts.memories)
        .max_tables_per_component(parts.tables)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        // What most calls touch stays mapped, so that a fresh instance faults in few pages. Linux since 6.7 tells which pages
        // were touched: then most calls give none back, and wait for nobody who gives back many.
        .linear_memory_keep_resident(256 << 10)
        .pagemap_scan(Enabled::Auto)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(32 << 10)
        .max_unused_warm_slots(calls)
        // A call gives back its own pages. Done for several calls at once it would cost less, and now and then a small call
        // would pay for the 64 MiB of another plugin.
        .decommit_batch_size(1);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .wasm_component_model(true)
        // No plugin needs more than one memory of 32 bits: what is off cannot be wrong.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .epoch_interruption(true)
        .max_wasm_stack(limits::GUEST_STACK_BYTES)
        .async_stack_size(limits::CALL_STACK_BYTES);
    config
}

/// Moves the epoch on every [`limits::TICK`] until the engine is gone. A thread of the operating system, because the
/// async runtime's own may all be busy with guests.
pub(super) fn start_ticker(engine: &Engine) -> io::Result<()> {
    let engine = engine.weak();
    thread::Builder::new().name("plugin-epoch".to_owned()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(limits::TICK);
        }
    })?;
    Ok(())
}
