//! **Canary** (floor 1). Tokens, the links they are dressed as, the pages behind them, and how they are known again.
//!
//! A token is 45 characters of lower-case base32 (RFC 4648 without padding): the run's number, masked, and eight bytes that
//! say which trial, arm, form and part it stands for, sealed with AES-SIV (RFC 5297) under the run's key. So it fits one
//! DNS label, survives any mangling of case, shows nobody two canaries of one run are kin, and cannot be guessed or
//! forged: the synthetic IV is a MAC of 128 bits. Each run's key comes from the collector's, so a collector needs no table
//! to know what to answer, and who plants for one run can plant for no other.

mod body;
mod form;
mod page;
mod pdf;
mod recognise;
mod token;
mod word;
mod wrapper;
mod zone;

pub use body::{Body, LARGE_BYTES, Large};
pub use form::{Dress, Link, dress, dress_of, over_tls};
pub use page::{Page, nothing_here};
pub use recognise::{Asked, Keyring};
pub use token::{Key, Mint, TOKEN_CHARS};
pub use word::{holds_token, is_token_shaped, without_tokens};
pub use wrapper::wrapper;
pub use zone::Zone;
