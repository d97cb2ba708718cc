//! One wildcard certificate for the zone from an ACME authority (RFC 8555), proven by our own name server (DNS-01), and
//! renewed in time. Never one for each canary: authorities publish what they issue.
//!
//! `instant-acme` speaks the protocol, over the HTTP client that our own fetches use as well.

mod due;
mod error;
mod folder;
mod http;
mod order;
mod renewal;
mod setting;

pub use error::AcmeError;
pub(super) use renewal::Renewal;
pub use setting::Acme;
