//! Why the host ends a guest in the middle of a call. Travels through wasmtime as an error and is found again at the top.

/// The reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    #[error("it asked for more than {limit_bytes} bytes of memory")]
    Memory { limit_bytes: usize },
    #[error("it asked for more than {limit} table elements")]
    Table { limit: usize },
    #[error("it used more than {limit_ms} ms of CPU time")]
    Cpu { limit_ms: u64 },
    #[error("it logged more than {limit_bytes} bytes")]
    Log { limit_bytes: usize },
    #[error("it made more than {limit} HTTP requests")]
    Http { limit: u32 },
    #[error("its time was up")]
    WallClock,
    #[error("this host no longer holds the lease of the run")]
    LeaseLost,
    #[error("its first unsafe request was recorded instead of sent")]
    Simulated,
}
