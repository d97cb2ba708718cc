use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{MissedTickBehavior, interval};

use super::certificate::{CertificateError, Credentials};
use super::door::House;
use super::limits;
use super::pairs::{Looked, Pairs};
use super::shown::Shown;

/// Keeps what is shown over TLS good for as long as the collector runs.
#[derive(Debug)]
pub(super) struct Upkeep {
    shown: Arc<Shown>,
    source: Source,
}

/// Where something newer may come from.
#[derive(Debug)]
enum Source {
    /// What was made at the start lasts longer than any run.
    Start,
    Files(Arc<Mutex<Pairs>>),
}

impl Upkeep {
    pub(super) fn new(credentials: Credentials, shown: Arc<Shown>) -> Self {
        let source = match credentials {
            Credentials::Lab(_) => Source::Start,
            Credentials::Own(pairs) => Source::Files(Arc::new(Mutex::new(pairs))),
        };
        Self { shown, source }
    }

    /// Looks for something newer now, and shows it.
    pub(super) async fn renew(&self) -> Result<(), CertificateError> {
        match &self.source {
            Source::Start => Ok(()),
            Source::Files(pairs) => self.read_again(pairs).await,
        }
    }

    /// Looks for something newer in time, until the collector stops.
    pub(super) async fn watch(self: Arc<Self>, house: Arc<House>) {
        let looking = async {
            match &self.source {
                Source::Start => {}
                Source::Files(pairs) => self.look_at_times(pairs).await,
            }
        };
        tokio::select! {
            () = looking => {}
            () = house.stopped() => {}
        }
    }

    async fn look_at_times(&self, pairs: &Arc<Mutex<Pairs>>) {
        let mut looks = interval(limits::CERTIFICATE_LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            // Told where it was found.
            let _ = self.read_again(pairs).await;
        }
    }

    async fn read_again(&self, pairs: &Arc<Mutex<Pairs>>) -> Result<(), CertificateError> {
        let (pairs, shown) = (Arc::clone(pairs), Arc::clone(&self.shown));
        let looking = tokio::task::spawn_blocking(move || {
            let mut pairs = pairs.lock().unwrap_or_else(PoisonError::into_inner);
            let looked = pairs.look_again();
            if looked.is_new {
                shown.put(pairs.identities());
                tracing::info!("a certificate has changed, and is shown from now on");
            }
            looked
        });
        // Looking does not panic, and is never aborted; if it were, the next look would be as good.
        let Looked { wrong, .. } = looking.await.unwrap_or_default();
        for error in &wrong {
            tracing::warn!("failed to {error}; the certificate from before is still shown");
        }
        wrong.into_iter().next().map_or(Ok(()), Err)
    }
}
