//! **Calibration**: how wrong the instrument is, found out by itself.
//!
//! Worlds are drawn whose truth is known (`world`): who comes to which links, in which phase, how often, how far and
//! how late; and the circumstances under which that is looked at. Each is played (`play`) as a run is conducted, and leaves the
//! records that conductor and collector would (`paper`), with the real [`crate::plan`] and the real rules for topping up.
//! What the judge says of them is held against what is true (`truth`), and counted (`tally`). All of it is a pure function
//! of the seed.
//!
//! What is true is told by *when* somebody comes, as the arms are defined: a visitor that sending brought, and that comes
//! when the recipient has been shown the link, belongs to `received`. How often that happens is a figure of its own.
//!
//! [`rehearse`] goes the whole way, with a real browser: it plays practice messengers whose provider is a persona, and holds
//! what is said of them against what is true of them.
//!
//! Three things are not simulated, because no instrument could tell them from silence or from the provider: a collector
//! that hears nothing between two controls that it heard, and does not know; a provider that stays away from whoever looks
//! like an audit; and a bystander who comes from the provider's network now and then, and not always.

mod course;
mod dice;
mod paper;
mod persona;
mod play;
mod simulate;
mod tally;
mod truth;
mod visitor;
mod world;

pub use persona::{RehearseError, held, rehearse};
pub use simulate::{SimulateError, Simulated, Worlds};
pub use tally::Tally;
pub use truth::{CellTruth, Spot};
