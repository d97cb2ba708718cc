//! **Practice** (floor 4). A small real web chat whose *provider* is a persona: a messenger whose truth is known, for
//! waxseal to be tried on before it is believed about others.
//!
//! ```text
//!   two browsers ── server ── chat (messages, ticks)            127.0.0.1
//!                     │
//!                     └────── provider ── visits ──> the link   127.0.0.2, a third party 127.0.0.3,
//!                             (manners)                         a resolver 127.0.0.4
//! ```
//!
//! * [`Manners`] say what a persona does, as data; [`Truth`] is what follows from them for an audit.
//! * Whoever comes for a link comes from an address of its own, so that attribution by network is real. These are
//!   loopback addresses: the practice provider reaches nothing beyond this machine.
//! * The accounts are made up and their passwords are known to everybody ([`ACCOUNTS`]): there is nothing to protect.
//!   What is written in the chat is shown as text all the same, whatever is in it.

mod chat;
mod link;
mod page;
mod persona;
mod preview;
mod provider;
mod server;
mod tunnel;
mod visit;
mod world;

pub use chat::{ACCOUNTS, Login};
pub use persona::{Delivery, Links, Manners, Moment, Truth, Visit, Visitor, manners, truth};
pub use server::{LATE, Practice, PracticeError, Setting};
pub use world::{Names, Renderer};
