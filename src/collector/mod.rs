//! **Collector** (floor 4). Listens, records who comes, and answers with a neutral page.
//!
//! *Record, then answer*: a hit is durable before its visitor has one byte of the answer, let alone the last. What
//! cannot be recorded is not answered, and becomes part of a [`crate::model::Gap`]. Each browser of ours is led to a
//! door of its own, so what comes in at the public one cannot have been it.
//!
//! Every door speaks both in the clear and over TLS: the first byte of a connection tells. A TLS client's hello is a hit
//! of its own, durable before the handshake goes on.
//!
//! HTTP/1 is read here with `httparse` rather than by a server library, because evidence needs what those throw away:
//! header lines in the order and case they were sent, connections that never ask, and how much of an answer was taken.
//! HTTP/2 is read with `h2`, which keeps values and the order of names; how a client opened the connection is overheard.
//!
//! One that serves many runs answers them at an interface of its own (`api`), which also tells how it fares. What is shown
//! over TLS is kept good while it runs (`upkeep`). Every limit is in `limits`, with its reason.

mod acme;
mod answer;
mod api;
mod authority;
mod certificate;
mod clock;
mod dns;
mod door;
mod effort;
mod hello;
mod holds;
mod http;
mod http2;
mod intake;
mod ja4;
mod key;
mod limits;
mod metrics;
mod opening;
mod pairs;
mod places;
mod shown;
mod socks;
mod source;
mod tls;
mod upkeep;
mod visitor;

pub use acme::{Acme, AcmeError};
pub use api::Secrets;
pub use authority::Authority;
pub use certificate::{CertificateError, Credentials, Identity, client_trusting};
pub use dns::ZoneSetting;
pub use door::{Admin, Apart, Collector, CollectorError, Setting};
pub use key::{KeyError, kept_key};
pub use limits::{DESCRIPTORS, HITS};
pub use metrics::{METRICS_TYPE, Metrics};
pub use pairs::{Pair, Pairs};
