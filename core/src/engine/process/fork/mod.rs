//! Workers that need not be started: a process that has an engine open, and sees no statement, forks them.

mod library;
mod passing;
mod server;

pub(super) use library::ForkServer;
pub(super) use server::{is_possible, serve};
