//! What `waxseal serve` is told: typed, in the environment, in a file, or not at all. In this order the first counts.
//!
//! The file is held against a schema made from the types in `raw`, as scenarios are, and every mistake in it is said at
//! once. What comes out of here is whole: nothing behind it asks where a value came from.

mod file;
mod given;
mod raw;
mod secret;

pub use raw::json_schema;

pub(super) use given::{Certificates, Opened, Settings, certificates, settings};
pub(super) use raw::{LogFormat, LogLevel};
pub(super) use secret::Reference;
