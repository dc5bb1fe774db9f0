//! The Node face: thin classes over the core's own, which `ts/` dresses for people.
//!
//! Nothing here waits on the event loop: what can wait runs on a thread of ours and settles a promise. No panic and no
//! error code gets lost on the way (`error`), and what an environment (the main thread, a worker) started ends with it
//! (`host`).

mod answer;
mod calls;
mod client;
mod error;
mod external_batch;
mod host;
mod job;
mod logs;
mod records;
mod rows;
mod tables;
mod threads;
