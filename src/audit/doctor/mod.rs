//! Whether a collector is fit to be believed, looked at as its visitors do: its names asked, its doors opened, its
//! certificate checked, and what it stands on: clock, disk, store, secrets. And whether a scenario still finds its way on
//! the pages it is for. What cannot be told is said to be so.

mod clock;
mod doors;
mod finding;
mod machine;
mod names;
mod selectors;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use finding::{Finding, State};
pub use names::Names;
pub use selectors::Walk;

/// For one question to be answered: whoever needs longer would not wait for it either.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is to be looked at.
#[derive(Debug)]
pub struct Checkup {
    /// Where the public door is.
    pub doors: Vec<SocketAddr>,
    /// The host in the links; none: the door's address.
    pub host: Option<String>,
    /// The authority that visitors are told to trust, as a PEM file; none: those that this machine trusts.
    pub trusted: Option<PathBuf>,
    /// The zone.
    pub names: Option<Names>,
    /// Whose `Date` the clock is held against; none: nobody's.
    pub clock_from: Option<String>,
    /// The evidence store.
    pub store: PathBuf,
    /// Files that only their owner may read.
    pub secrets: Vec<PathBuf>,
}

/// Looks at everything, one after the other, and says what was found.
pub async fn examine(checkup: &Checkup) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(names) = &checkup.names {
        found.extend(names.look().await);
    }
    for &door in &checkup.doors {
        found.extend(doors::look(door, checkup).await);
    }
    found.push(clock::look(checkup.clock_from.as_deref()).await);
    found.extend(machine::look(checkup));
    found
}
