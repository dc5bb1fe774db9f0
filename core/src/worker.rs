//! The process in which SQL of others runs ([`Config::isolation`](crate::Config::isolation)): `datasus-worker`, or a program that calls
//! [`main`] before anything else.

pub use crate::engine::worker_main as main;
