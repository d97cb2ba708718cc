use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::canary::Zone;
use crate::model::{Timestamp, display_duration};

use super::super::certificate::{CertificateError, Identity};
use super::super::dns::Issuance;
use super::super::limits::ACME_TIME;
use super::super::shown::Shown;
use super::due::{due, pause, until_look};
use super::error::AcmeError;
use super::folder::Folder;
use super::order::Applicant;
use super::setting::Acme;

/// Has the zone's certificate issued, and renewed in time.
#[derive(Debug)]
pub(in super::super) struct Renewal {
    acme: Acme,
    zone: Zone,
    folder: Folder,
    issuance: Arc<Issuance>,
    /// The last one that was issued. Locked while an order is open: there is never more than one.
    issued: Mutex<Option<Identity>>,
    /// Whether there is one, for those who cannot wait.
    is_issued: AtomicBool,
}

impl Renewal {
    /// Takes what is kept.
    pub(in super::super) fn new(acme: Acme, zone: Zone, issuance: Arc<Issuance>) -> Self {
        issuance.allow(acme.authorities.iter().map(String::as_str));
        let folder = Folder::of(&acme);
        let kept = folder.certificate(&zone);
        let kept = kept.filter(|kept| kept.until() > Timestamp::now());
        Self {
            acme,
            zone,
            folder,
            issuance,
            is_issued: AtomicBool::new(kept.is_some()),
            issued: Mutex::new(kept),
        }
    }

    /// What was issued before this collector began, and is still good.
    pub(in super::super) fn kept(&mut self) -> Option<Identity> {
        self.issued.get_mut().clone()
    }

    /// Has a new one issued and shown if it is time, and says when it will be time again.
    pub(in super::super) async fn renew(
        &self,
        shown: &Shown,
    ) -> Result<Timestamp, CertificateError> {
        let mut issued = self.issued.lock().await;
        if let Some(issued) = issued.as_ref() {
            let due = due(issued.from(), issued.until());
            if due > Timestamp::now() {
                return Ok(due);
            }
        }
        let fresh = self.obtain().await?;
        shown.put(fresh.clone().into());
        tracing::info!(zone = %self.zone, until = %fresh.until(), "a certificate was issued, and is shown from now on");
        let due = due(fresh.from(), fresh.until());
        *issued = Some(fresh);
        self.is_issued.store(true, Ordering::Relaxed);
        Ok(due)
    }

    async fn obtain(&self) -> Result<Identity, CertificateError> {
        let applicant = Applicant {
            acme: &self.acme,
            zone: &self.zone,
            folder: &self.folder,
            issuance: &self.issuance,
        };
        let (zone, reason) = (self.zone.clone(), "it takes too long".to_owned());
        let late = AcmeError::Order { zone, reason };
        let obtained = timeout(ACME_TIME, applicant.obtain()).await;
        obtained.unwrap_or_else(|_| Err(late.into()))
    }

    /// Renews in time, for ever. After a failure it waits longer each time.
    pub(in super::super) async fn watch(&self, shown: &Shown) {
        let mut failures = 0;
        loop {
            let wait = match self.renew(shown).await {
                Ok(due) => {
                    failures = 0;
                    until_look(due, Timestamp::now())
                }
                Err(error) => {
                    failures += 1;
                    // Without dice all pauses have their least length.
                    let wait = pause(failures, getrandom::u32().unwrap_or(0));
                    let again = display_duration(wait);
                    tracing::warn!(
                        "failed to {error}; trying again in {again}, until then {} is shown",
                        self.instead(shown)
                    );
                    wait
                }
            };
            sleep(wait).await;
        }
    }

    /// What is shown while there is nothing new.
    fn instead(&self, shown: &Shown) -> String {
        let until = shown.expiry();
        match self.is_issued.load(Ordering::Relaxed) {
            true => format!("the certificate that ends at {until}"),
            false => "a lab certificate, which nobody trusts,".to_owned(),
        }
    }
}
