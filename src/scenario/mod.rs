//! **Scenario** (floor 1). A TOML file that says how to drive a service, which links to plant, and what is expected.
//!
//! A file goes through three stages, and every mistake of every stage is reported at once:
//! `document` (TOML with the place of every key and value), `structure` (checked against the JSON Schema that is made
//! from the `raw` types: unknown keys, wrong types), `validate` (what a schema cannot say). What comes out is a
//! [`Scenario`]: nothing downstream checks again. What nobody knows before a run, above all the host of an address that
//! is given on the command line, is checked where it becomes known.

mod address;
mod document;
mod import;
mod key;
mod mistakes;
mod raw;
mod structure;
mod template;
mod types;
mod validate;

pub use address::{Astray, is_on_hosts};
// How a TOML file is held against a schema is the same for any file; the settings of `waxseal serve` are another.
pub(crate) use document::{Document, Path};
pub use import::{ImportError, import};
pub use key::key;
pub(crate) use mistakes::{Mistakes, Spot, words};
pub use raw::json_schema;
pub(crate) use raw::schema_of;
pub(crate) use structure::check;
pub(crate) use template::is_name;
pub use types::{
    Accounts, By, CLIENT_BUILD, Count, Dismiss, Experiment, Guard, Identity, Locator, Match,
    PRACTICE_URL, Piece, Reference, Scenario, Script, Service, Step, Target, Template, Timeouts,
    TypeText, Variable, Variant, Verb, Wait,
};
pub use validate::parse;
pub(crate) use validate::with_syntax;
