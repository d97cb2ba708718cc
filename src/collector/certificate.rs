use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;

use crate::model::Timestamp;

use super::acme::{Acme, AcmeError};
use super::authority::{Authority, read};
use super::pairs::Pairs;

/// HTTP/2, as clients offer it (RFC 9113, section 3.2).
pub(super) const HTTP_2: &[u8] = b"h2";

/// What the collector shows over TLS: a chain of certificates, the leaf first, and the leaf's key.
#[derive(Debug, Clone)]
pub struct Identity {
    key: Arc<CertifiedKey>,
    /// The leaf's host names, in lower case.
    names: Vec<String>,
    from: Timestamp,
    until: Timestamp,
}

/// Where the certificates come from.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A leaf for the public host is made on the spot.
    Lab(Arc<Authority>),
    /// One's own are shown, and read again when their files change.
    Own(Pairs),
    /// An ACME authority issues one for the zone.
    Acme(Acme),
}

impl Credentials {
    /// Those of a lab authority.
    #[must_use]
    pub fn lab(authority: Authority) -> Self {
        Self::Lab(Arc::new(authority))
    }
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
    /// An ACME authority issues for a zone only.
    #[error("have a certificate issued: there is no zone to prove; name it with --zone")]
    NoZone,
    /// An ACME authority does not issue.
    #[error(transparent)]
    Acme(#[from] AcmeError),
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
        let leaf = chain.first().map_or(&[][..], |leaf| leaf);
        let (names, from, until) = told_by(leaf).ok_or(rustls::Error::InvalidCertificate(
            rustls::CertificateError::BadEncoding,
        ))?;
        let key = Arc::new(CertifiedKey::from_der(chain, key.clone_key(), &provider())?);
        Ok(Self {
            key,
            names,
            from,
            until,
        })
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
        &self.key.cert
    }

    pub(super) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    /// The leaf's host names, in lower case; `*.zone` for all of a zone.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Since when the leaf is good.
    #[must_use]
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// Until when the leaf is good.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
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
        fetching(self.chain().iter().skip(1).cloned())
    }
}

/// What a certificate says of its hosts and its time (RFC 5280, sections 4.2.1.6 and 4.1.2.5); none if it is none.
fn told_by(leaf: &[u8]) -> Option<(Vec<String>, Timestamp, Timestamp)> {
    let (_, leaf) = x509_parser::parse_x509_certificate(leaf).ok()?;
    let others = leaf.subject_alternative_name().ok().flatten();
    let others = others.map_or(&[][..], |others| &others.value.general_names);
    let names = others.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    let at = |time: ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    let span = leaf.validity();
    Some((names.collect(), at(span.not_before)?, at(span.not_after)?))
}

/// A client that trusts the machine's roots, and those in a file besides.
pub(super) fn trusting(root: Option<&Path>) -> Result<ClientConfig, CertificateError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = root {
        let text = read(path)?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let (good, _) = roots.add_parsable_certificates(read.unwrap_or_default());
        if good == 0 {
            let reason = "it holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)";
            return Err(CertificateError::wrong(path.to_owned(), reason));
        }
    }
    client(roots)
}

/// A client that trusts these roots, and the machine's.
fn client(mut roots: RootCertStore) -> Result<ClientConfig, CertificateError> {
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// How our own fetches check the certificate of a collector elsewhere, which says in PEM what its own leads up to.
///
/// # Errors
/// The TLS library refuses.
pub fn client_trusting(roots: &[String]) -> Result<ClientConfig, CertificateError> {
    let read = |pem: &String| CertificateDer::from_pem_slice(pem.as_bytes()).ok();
    fetching(roots.iter().filter_map(read))
}

/// A client for our own fetches: those of HTTP/1.1.
fn fetching(
    also: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<ClientConfig, CertificateError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(also);
    let mut config = client(roots)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The one that the browser driver's client uses as well. Named each time: what the process's default is would depend on
/// which crates happen to be compiled in.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
