//! Runs: from an event or a request to a run that has ended. In reading order:
//!
//! - [`trigger`], [`signal`], [`dispatch`], [`start`], `slots`, `rerun`, `undo`: what starts a run, and when
//! - [`plan`], `actors`, [`worker`], `call`, `turn`, `lanes`, [`builtin`], `children`: driving it
//! - [`decide`]: what people say to a run; `watch`: following one
//! - [`recover`]: leases, and what a crash left; [`retain`]: forgetting what ended long ago
//! - [`rehearse`]: a workflow without any of the rest

pub mod acting;
pub(crate) mod actors;
pub mod builtin;
pub(crate) mod call;
pub(crate) mod children;
pub mod decide;
pub mod dispatch;
pub(crate) mod driven;
pub mod forgotten;
pub(crate) mod lanes;
pub(crate) mod lease_term;
pub mod plan;
pub(crate) mod planned;
pub mod recover;
pub mod rehearse;
pub(crate) mod rerun;
pub mod retain;
pub mod signal;
pub(crate) mod slots;
pub mod start;
pub mod trigger;
pub(crate) mod turn;
pub(crate) mod undo;
pub(crate) mod watch;
pub(crate) mod watched;
pub mod worker;
