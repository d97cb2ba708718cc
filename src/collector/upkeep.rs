use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{MissedTickBehavior, interval};

use crate::canary::Zone;
use crate::model::Timestamp;

use super::acme::{Acme, Renewal};
use super::authority::Authority;
use super::certificate::{CertificateError, Credentials};
use super::dns::Issuance;
use super::door::House;
use super::limits;
use super::pairs::{Looked, Pairs};
use super::shown::{Identities, Shown};

/// Keeps what is shown over TLS good for as long as the collector runs.
#[derive(Debug)]
pub(super) struct Upkeep {
    pub(super) shown: Arc<Shown>,
    /// What the zone says about who may issue.
    pub(super) issuance: Arc<Issuance>,
    source: Source,
}

/// Where something newer may come from.
#[derive(Debug)]
enum Source {
    /// A lab authority, and whom it issues for.
    Lab(Arc<Authority>, Vec<String>),
    Files(Arc<Mutex<Pairs>>),
    Acme(Box<Renewal>),
}

/// Whom certificates are for.
pub(super) struct Hosts<'a> {
    /// The address in the links.
    pub(super) public: &'a str,
    /// Where the collector listens.
    pub(super) address: IpAddr,
    pub(super) zone: Option<&'a Zone>,
}

impl Upkeep {
    /// Begins with what can be shown at once.
    pub(super) fn begin(
        credentials: Credentials,
        hosts: &Hosts<'_>,
    ) -> Result<Self, CertificateError> {
        let issuance = Arc::default();
        let (identities, source) = match credentials {
            Credentials::Lab(authority) => {
                let identities = hosts.issued_by(&authority)?;
                (identities, Source::Lab(authority, hosts.names()))
            }
            Credentials::Own(pairs) => {
                let identities = pairs.identities();
                (identities, Source::Files(Arc::new(Mutex::new(pairs))))
            }
            Credentials::Acme(acme) => hosts.issued_in_time(acme, &issuance)?,
        };
        let shown = Arc::new(Shown::new(identities));
        Ok(Self {
            shown,
            issuance,
            source,
        })
    }

    /// Looks for something newer now, and shows it.
    pub(super) async fn renew(&self) -> Result<(), CertificateError> {
        match &self.source {
            Source::Lab(authority, names) => {
                self.shown.put(authority.issue(names)?.into());
                Ok(())
            }
            Source::Files(pairs) => self.read_again(pairs).await,
            Source::Acme(renewal) => renewal.renew(&self.shown).await.map(drop),
        }
    }

    /// Looks for something newer in time, until the collector stops.
    pub(super) async fn watch(self: Arc<Self>, house: Arc<House>) {
        let looking = async {
            match &self.source {
                Source::Lab(..) => self.issue_in_time().await,
                Source::Files(pairs) => self.look_at_times(pairs).await,
                Source::Acme(renewal) => renewal.watch(&self.shown).await,
            }
        };
        tokio::select! {
            () = looking => {}
            () = house.stopped() => {}
        }
    }

    /// A collector may run for longer than a leaf of its authority is good.
    async fn issue_in_time(&self) {
        let mut looks = interval(limits::LEAF_LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let left = self.shown.expiry().duration_since(Timestamp::now());
            if left > limits::LEAF_LEFT {
                continue;
            }
            match self.renew().await {
                Ok(()) => tracing::info!("the lab authority has issued anew"),
                Err(error) => {
                    tracing::warn!("failed to {error}; the certificate from before is still shown")
                }
            }
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

impl Hosts<'_> {
    fn issued_by(&self, authority: &Authority) -> Result<Identities, CertificateError> {
        Ok(authority.issue(&self.names())?.into())
    }

    /// What is kept from before, or something to show until there is a better one.
    fn issued_in_time(
        &self,
        acme: Acme,
        issuance: &Arc<Issuance>,
    ) -> Result<(Identities, Source), CertificateError> {
        let zone = self.zone.ok_or(CertificateError::NoZone)?.clone();
        let mut renewal = Renewal::new(acme, zone, Arc::clone(issuance));
        let identities = match renewal.kept() {
            Some(kept) => kept.into(),
            None => self.issued_by(&Authority::new()?)?,
        };
        Ok((identities, Source::Acme(Box::new(renewal))))
    }

    /// The host in the links, the hosts below it where it has a name, and the address for those who come without one.
    fn names(&self) -> Vec<String> {
        let url = url::Url::parse(self.public).ok();
        let mut names = match url.as_ref().and_then(url::Url::host) {
            // The links' own host may stand for all of a zone. A second `*` in a name would make clients that are strict
            // refuse the whole certificate (RFC 9525, section 6.3).
            Some(url::Host::Domain(name)) => {
                let name = name.strip_prefix("*.").unwrap_or(name);
                vec![name.to_owned(), format!("*.{name}")]
            }
            Some(url::Host::Ipv4(host)) => vec![host.to_string()],
            Some(url::Host::Ipv6(host)) => vec![host.to_string()],
            None => Vec::new(),
        };
        let address = self.address.to_string();
        if !names.contains(&address) {
            names.push(address);
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(public: &str) -> Vec<String> {
        let hosts = Hosts {
            public,
            address: IpAddr::from([192, 0, 2, 1]),
            zone: None,
        };
        hosts.names()
    }

    #[test]
    fn names_have_one_wildcard_at_most() {
        let of_a_name = ["canary.example", "*.canary.example", "192.0.2.1"];
        assert_eq!(names("https://canary.example:8443"), of_a_name);
        assert_eq!(names("http://*.canary.example:80"), of_a_name);
        assert_eq!(names("http://192.0.2.1:80"), ["192.0.2.1"]);
    }
}
