use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::model::Timestamp;

use super::certificate::{CertificateError, HTTP_2, Identity, provider};

/// What can be shown: there is always a first one.
#[derive(Debug, Clone)]
pub(super) struct Identities {
    pub(super) first: Identity,
    pub(super) others: Vec<Identity>,
}

impl From<Identity> for Identities {
    fn from(first: Identity) -> Self {
        Self {
            first,
            others: Vec::new(),
        }
    }
}

impl Identities {
    fn all(&self) -> impl Iterator<Item = &Identity> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The one for exactly this host, else one for all hosts beside it, else the first: a certificate for another host
    /// tells a client more than a broken handshake would, and its alert tells us more.
    fn choose(&self, host: Option<&str>) -> &Identity {
        let host = host.map(|host| host.trim_end_matches('.').to_ascii_lowercase());
        let chosen = host.and_then(|host| {
            let wildcard = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
            self.named(&host).or_else(|| self.named(&wildcard?))
        });
        chosen.unwrap_or(&self.first)
    }

    fn named(&self, name: &str) -> Option<&Identity> {
        let is_named = |identity: &&Identity| identity.names().iter().any(|own| own == name);
        self.all().find(is_named)
    }
}

/// What is shown over TLS just now. It can be replaced while connections come in: each handshake shows what there is at
/// its beginning.
#[derive(Debug)]
pub(super) struct Shown(RwLock<Arc<Identities>>);

impl Shown {
    pub(super) fn new(identities: Identities) -> Self {
        Self(RwLock::new(Arc::new(identities)))
    }

    /// Shows these from the next handshake on.
    pub(super) fn put(&self, identities: Identities) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(identities);
    }

    fn now(&self) -> Arc<Identities> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is shown to who asks for a host.
    pub(super) fn to(&self, host: Option<&str>) -> Identity {
        self.now().choose(host).clone()
    }

    /// When the first of them to end does so.
    pub(super) fn expiry(&self) -> Timestamp {
        let now = self.now();
        let others = now.others.iter().map(Identity::until);
        others.fold(now.first.until(), Timestamp::min)
    }

    /// How it is shown. Each handshake is a whole one: a resumed one would show less of its client.
    pub(super) fn server(self: &Arc<Self>) -> Result<ServerConfig, CertificateError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Self>::clone(self));
        config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.to(hello.server_name()).key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::Authority;

    fn issued(hosts: &[&str]) -> Identity {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        Authority::new().unwrap().issue(&hosts).unwrap()
    }

    #[test]
    fn the_exact_name_comes_before_the_wildcard_and_the_first_for_the_rest() {
        let all = Identities {
            first: issued(&["first.example", "192.0.2.1"]),
            others: vec![
                issued(&["*.Zone.example", "zone.example"]),
                issued(&["www.zone.example"]),
            ],
        };
        for (host, at) in [
            (Some("www.zone.example"), 2),
            (Some("WWW.zone.EXAMPLE."), 2),
            (Some("token.zone.example"), 1),
            (Some("zone.example"), 1),
            (Some("a.token.zone.example"), 0),
            (Some("elsewhere.example"), 0),
            (Some("example"), 0),
            (Some(""), 0),
            (None, 0),
        ] {
            let wanted = all.all().nth(at).unwrap();
            assert_eq!(all.choose(host).chain(), wanted.chain(), "{host:?}");
        }
    }

    #[test]
    fn what_is_put_in_its_place_is_shown() {
        let (first, second) = (issued(&["a.example"]), issued(&["b.example"]));
        let shown = Shown::new(first.clone().into());
        assert_eq!(shown.to(None).chain(), first.chain());
        shown.put(second.clone().into());
        assert_eq!(shown.to(Some("a.example")).chain(), second.chain());
        assert_eq!(shown.expiry(), second.until());
    }
}
