//! A collector on loopback, as most tests want it.

use waxseal::canary::{Key, Keyring};
use waxseal::collector::{Authority, Credentials, Setting};
use waxseal::model::RunId;

/// At a free port, for the runs of one key, with a certificate that nobody trusts; tests change what they are about.
pub fn setting(key: Key, run: RunId) -> Setting {
    Setting {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        public: None,
        zone: None,
        credentials: Credentials::lab(Authority::new().unwrap()),
        keyring: Keyring::all(key),
        proxies: Vec::new(),
        run,
        most: None,
        admin: None,
    }
}
