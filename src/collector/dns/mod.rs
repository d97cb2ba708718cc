//! Authoritative DNS for the one zone that host tokens are labels of.
//!
//! A query is understood, decided upon and recorded before its answer leaves; [`consider`](message::consider) does the
//! first two as a pure function. Two things keep it from being used against others: a source that asks fast is answered
//! in datagrams that hold nothing but the question and the wish to come again by TCP, and no answer is much longer than
//! its query. Whatever the kernel had no room for is counted into the gap as well (`lost`).

mod authority;
mod issuance;
mod lost;
mod message;
mod name;
mod pace;
mod serve;

pub(super) use issuance::Issuance;
pub use serve::ZoneSetting;
pub(super) use serve::{Nameserver, bind};
