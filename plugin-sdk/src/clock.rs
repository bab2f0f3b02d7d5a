//! The host's clock. `std::time` has none in a component.

use crate::sys;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now_ms() -> u64 {
    sys::now_ms()
}

/// Waits, at most 5 s; return [`pending`](crate::pending) for longer.
pub fn sleep_ms(ms: u32) {
    sys::sleep_ms(ms);
}
