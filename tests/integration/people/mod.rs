//! People: who may do what, and what is written down of it.

mod access;
mod audit;
