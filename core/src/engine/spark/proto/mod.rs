//! Spark Connect on the wire: those of Apache's messages that are sent and read here, and no others. `setup/spark-connect.sh` writes them.

#[allow(dead_code, reason = "what is generated with a message is not all used")]
mod messages;

pub(super) use messages::*;
