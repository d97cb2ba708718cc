//! Profiles that outlive a run: who signed in once, perhaps by hand, is signed in the next time.
//!
//! ```text
//! FOLDER/SERVICE/VARIANT/ACCOUNT/session.json   whose it is, since when, and when it was last seen to be good
//!                                lock           held by whoever uses it
//!                                profile/       what the browser keeps
//! ```
//!
//! Who has a profile is signed in, so nobody but its owner may read it, and two browsers on one profile would be one
//! browser: a profile is used by one process at a time.

mod error;
mod kept;
mod pack;

pub use error::ProfileError;
pub use kept::{Held, Profiles, SignedIn, Whose};
pub use pack::{Key, Seal, pack, unpack};
