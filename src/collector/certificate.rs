use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::authority::{Authority, read};

/// HTTP/2, as clients offer it (RFC 9113, section 3.2).
pub(super) const HTTP_2: &[u8] = b"h2";

/// What the collector shows over TLS: a chain of certificates, the leaf first, and the leaf's key.
#[derive(Debug, Clone)]
pub struct Identity(Arc<CertifiedKey>);

/// Where the certificates come from.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A leaf for the public host is made on the spot.
    Lab(Arc<Authority>),
    /// One's own are shown.
    Own(Identity),
}

impl Credentials {
    /// Those of a lab authority.
    #[must_use]
    pub fn lab(authority: Authority) -> Self {
        Self::Lab(Arc::new(authority))
    }

    /// What is shown for the host of `public`, which listens on `address`.
    pub(super) fn identity(
        &self,
        public: &str,
        address: IpAddr,
    ) -> Result<Identity, CertificateError> {
        match self {
            Self::Lab(authority) => authority.issue(&hosts(public, address)),
            Self::Own(identity) => Ok(identity.clone()),
        }
    }
}

/// The host in the links, the hosts below it where it has a name, and the address for those who come without one.
fn hosts(public: &str, address: IpAddr) -> Vec<String> {
    let url = url::Url::parse(public).ok();
    let mut hosts = match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => vec![name.to_owned(), format!("*.{name}")],
        Some(url::Host::Ipv4(host)) => vec![host.to_string()],
        Some(url::Host::Ipv6(host)) => vec![host.to_string()],
        None => Vec::new(),
    };
    let address = address.to_string();
    if !hosts.contains(&address) {
        hosts.push(address);
    }
    hosts
}

/// What can be wrong with certificates. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file is not what it should be.
    #[error("use {} for TLS: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file cannot be written.
    #[error("write {}: {reason}; name a folder that can be written", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A certificate cannot be made.
    #[error("make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The TLS library refuses.
    #[error("set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl CertificateError {
    pub(super) fn wrong(path: PathBuf, reason: &str) -> Self {
        let reason = reason.to_owned();
        Self::File { path, reason }
    }

    pub(super) fn write(path: &Path, error: &std::io::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        Self::Write { path, reason }
    }
}

impl Identity {
    /// Puts a chain and the key of its first certificate together.
    ///
    /// # Errors
    /// They do not belong together.
    pub(super) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'static>,
    ) -> Result<Self, CertificateError> {
        let certified = CertifiedKey::from_der(chain, key.clone_key(), &provider())?;
        Ok(Self(Arc::new(certified)))
    }

    /// Reads one's own from PEM files.
    ///
    /// # Errors
    /// A file is not what it should be, or the two do not belong together.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(read(chain)?.as_bytes()).collect();
        let certificates = certificates.unwrap_or_default();
        if certificates.is_empty() {
            let reason =
                "it holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`), the leaf first";
            return Err(CertificateError::wrong(chain.to_owned(), reason));
        }
        let private = PrivateKeyDer::from_pem_slice(read(key)?.as_bytes()).map_err(|_| {
            let reason = "it holds no private key in PEM (`-----BEGIN PRIVATE KEY-----`)";
            CertificateError::wrong(key.to_owned(), reason)
        })?;
        Self::new(certificates, &private).map_err(|error| {
            let first = chain.display();
            let reason = format!("it is not the key of the first certificate in {first} ({error})");
            CertificateError::wrong(key.to_owned(), &reason)
        })
    }

    /// The chain, the leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0.cert
    }

    /// The certificates that the leaf leads up to, as PEM.
    pub(super) fn roots_pem(&self) -> Vec<String> {
        let above = self.chain().iter().skip(1);
        above
            .map(|certificate| pem::encode(&pem::Pem::new("CERTIFICATE", certificate.to_vec())))
            .collect()
    }

    /// How our own fetches check it: as a careful client that trusts the machine's roots, and the chain's own last
    /// certificate. A door that such a client would not go through is not proven by one that looks away.
    ///
    /// # Errors
    /// The TLS library refuses.
    pub fn client(&self) -> Result<ClientConfig, CertificateError> {
        trusting(self.chain().iter().skip(1).cloned())
    }

    /// How it is shown. Each handshake is a whole one: a resumed one would show less of its client.
    pub(super) fn server(&self) -> Result<ServerConfig, CertificateError> {
        let resolver = rustls::sign::SingleCertAndKey::from(Arc::clone(&self.0));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

/// How our own fetches check the certificate of a collector elsewhere, which says in PEM what its own leads up to.
///
/// # Errors
/// The TLS library refuses.
pub fn client_trusting(roots: &[String]) -> Result<ClientConfig, CertificateError> {
    let read = |pem: &String| CertificateDer::from_pem_slice(pem.as_bytes()).ok();
    trusting(roots.iter().filter_map(read))
}

fn trusting(
    also: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<ClientConfig, CertificateError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(also);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The one that the browser driver's client uses as well. Named each time: what the process's default is would depend on
/// which crates happen to be compiled in.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
