//! People and their tokens: what each role may do, how a refusal looks, and the audit log.

mod access;
mod audit;
