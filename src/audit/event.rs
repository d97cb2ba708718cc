use std::time::Duration;

use tokio::sync::mpsc;

use crate::model::{Failure, RunId, Sighting, Trial};

/// What a run tells whoever watches it. Nothing here is evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Browsers and collector are up; the plan begins.
    Began {
        /// The run.
        run: RunId,
        /// How many trials.
        trials: usize,
        /// The address in the links.
        public: String,
        /// Who drives.
        browser: String,
    },
    /// A trial begins.
    Trial(Trial),
    /// A trial is over.
    Played,
    /// Something went wrong, and is in the evidence.
    Failed(Failure),
    /// An element was found, for the first time or by another alternative than before; it is in the evidence.
    Seen(Sighting),
    /// Messages keep their pace: so long until the next one.
    Pausing(Duration),
    /// All is planted: so long until the last window closes.
    Listening(Duration),
    /// The windows have closed; the last positive controls follow.
    Closing,
    /// The run is over, and so many visitors' addresses are asked about.
    Asking(usize),
}

/// Where events go; nobody may be listening.
#[derive(Debug, Clone)]
pub struct Teller(mpsc::UnboundedSender<Event>);

impl Teller {
    /// A teller, and where what it tells arrives.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (teller, told) = mpsc::unbounded_channel();
        (Self(teller), told)
    }

    pub(super) fn tell(&self, event: Event) {
        let _ = self.0.send(event);
    }
}
