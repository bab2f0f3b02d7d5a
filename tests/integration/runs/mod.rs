//! Runs: the order of steps and the data between them, retries, `foreach`, child runs, signals, approvals, concurrency keys,
//! cancellation, the kill switch, unknown effects, how a run ends, rerun, undo and retention.

mod approvals;
mod children;
mod controls;
mod items;
mod rerun;
mod retain;
mod run_endings;
mod signals;
mod slots;
mod steps;
mod undo;
