//! **Attribution** (floor 1). Who it was. That somebody came because of what we did, the experiment says; here is said
//! who, from factors that are kept apart, each with the version of its data. None hides another.
//!
//! Strongest first: a door of our own, or an address registered as ours; a published network, of the visitor or of whom a
//! declared proxy forwarded for; the name of the address, if it leads back to it (whoever holds an address can have it
//! named anything; only the holder of the name can make it lead back); an autonomous system that the provider alone uses;
//! the user agent. Agents are shared and spoofed on purpose (Signal says `WhatsApp/2`; The Lounge and iMessage say
//! `facebookexternalhit`), so where it is known from where a provider fetches, its agent from elsewhere proves nothing, and
//! an agent never makes another service out of a stranger. A system that a provider shares with its tenants (AS8075 is
//! Azure's customers too) proves nothing alone.
//!
//! | actor | when |
//! |---|---|
//! | `sender`, `recipient` | its door, or its registered address |
//! | `provider` | network, name or system of the service; or its agent beside its cloud, or alone where nothing better is known |
//! | `third-party` | network, name or system of somebody else who is known, or whom the scenario names; or the agent of somebody who is no service |
//! | `background` | the same of a scanner of the whole net, with no more of a link than its host; or no trace of any link |
//! | `unknown` | none of these |
//!
//! | confidence | when |
//! |---|---|
//! | `high` | a door or an address of our own; a published network and one more factor |
//! | `medium` | a published network, a name, or a system; an agent beside its cloud |
//! | `low` | an agent alone |
//!
//! The order follows what is known of client seals and of published prefixes, reverse names (RFC 1912 section 2.1 asks for
//! names that lead back) and systems: a second factor counts only where it is independent of the first, and an agent alone
//! is never more than a hint.

mod agent;
mod asn;
mod attributor;
mod catalogue;
mod clue;
mod forwarded;
mod gather;
mod span;
mod visitor;

pub use asn::{AsnError, AsnTable};
pub use attributor::{Attribution, Attributor, Known, Sources};
pub use catalogue::{Catalogue, KnownError};
pub use forwarded::forwarded;
