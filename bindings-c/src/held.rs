//! The clients that C holds.

use datasus::Language;

use crate::ticket::Tickets;

pub struct Held {
    pub client: datasus::Client,
    pub language: Language,
}

pub static CLIENTS: Tickets<Held> = Tickets::new();
