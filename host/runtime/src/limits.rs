//! Every limit of a plugin call, in one place, and the store limiter that enforces those of memory. Knows nothing of
//! what the calls do.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use super::stop::Stop;

/// A component's size, in bytes: a Python guest is about 18 MB.
pub const COMPONENT_BYTES: usize = 32 << 20;
/// The size from which a component runs in the large slots, in bytes. Plugins in Rust have some hundred kilobytes, those that
/// bring an interpreter more than ten megabytes.
pub const SMALL_COMPONENT_BYTES: usize = 4 << 20;
/// The instances a component may unfold to, those of components in it included. The pool holds far fewer; this is what may be
/// looked at to find out.
pub const INSTANCES: u64 = 1_000;
/// How deep components may be nested in a component, modules included.
pub const NESTED: usize = 16;
/// The longest deadline an invocation may bring.
pub const WALL_CLOCK: Duration = Duration::from_mins(10);
/// The manifest's size, in bytes.
pub const MANIFEST_BYTES: usize = 256 << 10;
/// How long `describe` may take.
pub const DESCRIBE_TIME: Duration = Duration::from_secs(10);
/// The JSON output's size, in bytes.
pub const OUTPUT_BYTES: usize = 1 << 20;
/// The artifacts' contents together, in bytes.
pub const ARTIFACTS_BYTES: usize = 4 << 20;
/// How many artifacts a call may leave.
pub const ARTIFACTS: usize = 16;
/// What `undo` needs, and what `pending` leaves, in bytes.
pub const TOKEN_BYTES: usize = 64 << 10;
/// A summary's or note's length, in characters; longer ones are cut.
pub const SUMMARY_CHARS: usize = 500;
/// A label's length, in characters; longer ones are cut.
pub const LABEL_CHARS: usize = 200;
/// A failure's code and message, in characters; longer ones are cut.
pub const FAILURE_CHARS: (usize, usize) = (64, 2_000);
/// What the guest hands over in one crossing of the boundary, in bytes: a reply with all its artifacts, and some air.
pub const CROSSING_BYTES: usize = 8 << 20;
/// Log text that is kept, in bytes. What exceeds it is dropped and counted.
pub const LOG_BYTES: usize = 256 << 10;
/// Log text at which the call is ended, in bytes, dropped lines included.
pub const LOG_FLOOD_BYTES: usize = 4 * LOG_BYTES;
/// What a log line costs beside its text, in bytes, so that empty lines are not free.
pub const LOG_LINE_COST: usize = 64;
/// HTTP requests of one call. The next ones are answered `too-large`.
pub const HTTP_CALLS: u32 = 100;
/// HTTP requests, refused ones included, at which the call is ended.
pub const HTTP_FLOOD_CALLS: u32 = 1_000;
/// Missing grants that a call's trace tells.
pub const DENIALS: usize = 16;
/// A request's body, in bytes.
pub const REQUEST_BODY_BYTES: usize = 1 << 20;
/// A request's headers: their number and their bytes.
pub const REQUEST_HEADERS: (usize, usize) = (64, 32 << 10);
/// A method's length, in bytes.
pub const METHOD_BYTES: usize = 16;
/// A URL's length, in bytes.
pub const URL_BYTES: usize = 8 << 10;
/// A response's body, in bytes; the rest is cut and said to be.
pub const RESPONSE_BODY_BYTES: usize = 1 << 20;
/// What is kept of the exchanges of a call that is recorded, in bytes; the rest is dropped and counted.
pub const RECORDED_BYTES: usize = 256 << 10;
/// Data that is signed at once, in bytes.
pub const SIGNED_BYTES: usize = 1 << 20;
/// Redirects that are followed.
pub const REDIRECTS: u8 = 5;
/// The wait for a connection.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request.
pub const IDLE: Duration = Duration::from_secs(90);
/// How long a connection may be silent until it is asked whether it still stands.
pub const KEEPALIVE: Duration = Duration::from_secs(15);
/// How often it is asked until it is given up.
pub const KEEPALIVE_TRIES: u32 = 3;
/// Certificates of a connection in PEM, in bytes.
pub const PEM_BYTES: usize = 64 << 10;
/// The longest `sleep-ms`.
pub const SLEEP: Duration = Duration::from_secs(5);
/// State: a key's bytes, a value's bytes, the keys of a scope.
pub const STATE: (usize, usize, usize) = (200, 64 << 10, 1_000);
/// State calls of one call; the next ones are answered `unavailable`.
pub const STATE_CALLS: u32 = 1_000;
/// Timeline entries of one call, a text's characters and its data's bytes.
pub const TIMELINE: (usize, usize, usize) = (20, 2_000, 64 << 10);
/// Mails of one call, receivers of one mail, and its bytes together.
pub const MAIL: (u32, usize, usize) = (20, 100, 2 << 20);
/// Components held ready; the one unused for longest makes room.
pub const LOADED: usize = 128;
/// Third parties whose failures are remembered, one a connection, revision and origin; the one untouched for longest makes
/// room.
pub const BREAKERS: usize = 1_024;
/// Plugins and connections with limits whose use is counted; from then on those are forgotten that used nothing for a minute.
pub const QUOTAS: usize = 1_024;
/// HTTP clients held ready, two a connection and revision: toward `base_url` and toward granted hosts.
pub const CLIENTS: usize = 256;
/// The size of a compiled component, in bytes: some ten times that of the largest component.
pub const COMPILED_BYTES: u64 = 512 << 20;
/// Compiled components kept on disk.
pub const CACHED: usize = 256;
/// How often the epoch moves: the grain in which CPU time is looked at, and the length of a turn.
pub const TICK: Duration = Duration::from_millis(10);

/// How long a call may compute before it takes turns with others that compute for long.
pub const SHORT: Duration = Duration::from_millis(10);

/// The limits of one engine's calls. `Default` suits plugins that bring only their own code.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls at a time; further ones wait in line, within their deadline.
    pub calls: u32,
    /// A call's linear memory together, in bytes.
    pub memory_bytes: usize,
    /// Elements of a call's tables together.
    pub table_elements: usize,
    /// CPU time of one call.
    pub cpu: Duration,
    /// Core instances, memories and tables of one component: its modules, and the shims that an encoder adds.
    pub parts: Parts,
    /// Components that are compiled at a time.
    pub compiling: usize,
}

/// What one component may be made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// Core instances.
    pub instances: u32,
    /// Memories.
    pub memories: u32,
    /// Tables.
    pub tables: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 64,
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            cpu: Duration::from_secs(5),
            parts: Parts { instances: 20, memories: 4, tables: 8 },
            compiling: 2,
        }
    }
}

impl Limits {
    /// How many calls of one plugin there may be at a time: a quarter of the room is left to the others.
    pub(super) fn share(&self) -> usize {
        let calls = self.calls as usize;
        calls - calls / 4
    }

    /// Those of plugins that bring an interpreter: fewer calls at a time, each with more of everything.
    pub fn large() -> Self {
        Self {
            calls: 8,
            memory_bytes: 256 << 20,
            table_elements: 200_000,
            parts: Parts { instances: 60, memories: 4, tables: 60 },
            compiling: 1,
            ..Self::default()
        }
    }
}

/// Counts and bounds a store's memories and tables. Over the limit the guest ends at once: a guest that is told "no"
/// would end in a trap that says nothing.
#[derive(Debug)]
pub(super) struct Meter {
    memory_limit: usize,
    table_limit: usize,
    parts: Parts,
    memory_bytes: usize,
    table_elements: usize,
}

impl Meter {
    /// A meter with the engine's limits, and less memory where a plugin or connection says so.
    pub(super) fn new(limits: &Limits, memory_bytes: Option<u64>) -> Self {
        let most = memory_bytes.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        Self {
            memory_limit: limits.memory_bytes.min(most),
            table_limit: limits.table_elements,
            parts: limits.parts,
            memory_bytes: 0,
            table_elements: 0,
        }
    }

    /// Linear memory together; it never shrinks, so this is the peak.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if total > self.memory_limit {
            return Err(Stop::Memory { limit_bytes: self.memory_limit }.into());
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add(desired.saturating_sub(current));
        if total > self.table_limit {
            return Err(Stop::Table { limit: self.table_limit }.into());
        }
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.parts.instances as usize
    }

    fn memories(&self) -> usize {
        self.parts.memories as usize
    }

    fn tables(&self) -> usize {
        self.parts.tables as usize
    }
}

/// A guest's own stack, in bytes.
pub(super) const GUEST_STACK_BYTES: usize = 512 << 10;
/// The stack a call runs on, in bytes: the guest's own, and what host functions need below it.
pub(super) const CALL_STACK_BYTES: usize = 2 << 20;
