//! **Collector** (floor 4). Listens, records who comes, and answers with a neutral page.
//!
//! *Record, then answer*: a hit is durable before its visitor has one byte of the answer, let alone the last. What
//! cannot be recorded is not answered, and becomes part of a [`crate::model::Gap`]. Each browser of ours is led to a
//! door of its own, so what comes in at the public one cannot have been it.
//!
//! HTTP/1 is read here with `httparse` rather than by a server library, because evidence needs what those throw away:
//! header lines in the order and case they were sent, connections that never ask, and how much of an answer was taken.

mod dns;
mod door;
mod http;
mod intake;
mod limits;

pub use dns::ZoneSetting;
pub use door::{Collector, CollectorError, Setting};
