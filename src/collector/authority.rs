use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate::{CertificateError, Identity};

/// The file of an authority's folder that messengers are told to trust.
const ROOT: &str = "ca.pem";

/// The file that is nobody else's business.
const KEY: &str = "ca.key";

/// What the authority calls itself. It says nothing about who made it, and certificates name it.
const NAME: &str = "Local Test Root";

/// How long its own certificate is good for. It is trusted by test machines only, and a folder is kept for long.
const ROOT_YEARS: i16 = 10;

/// How long a leaf is good for. It is made anew at each start.
const LEAF_DAYS: i32 = 90;

/// A certificate authority for laboratories: a messenger that is told to trust it takes our certificates.
pub struct Authority {
    root: CertificateDer<'static>,
    root_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one that goes with the process.
    ///
    /// # Errors
    /// No key can be drawn.
    pub fn new() -> Result<Self, CertificateError> {
        let key = KeyPair::generate()?;
        let root = parameters()?.self_signed(&key)?;
        Ok(Self {
            root: root.der().clone(),
            root_pem: root.pem(),
            issuer: Issuer::new(parameters()?, key),
        })
    }

    /// The one that is kept in `folder`; made where there is none.
    ///
    /// # Errors
    /// The folder cannot be read or written, or holds something else.
    pub fn kept_in(folder: &Path) -> Result<Self, CertificateError> {
        let (root_path, key_path) = (folder.join(ROOT), folder.join(KEY));
        if !root_path.exists() && !key_path.exists() {
            let made = Self::new()?;
            made.keep(folder)?;
            return Ok(made);
        }
        let root_pem = read(&root_path)?;
        let wrong = |path: PathBuf, what: &str| CertificateError::wrong(path, what);
        let root = CertificateDer::from_pem_slice(root_pem.as_bytes())
            .map_err(|_| wrong(root_path, "it holds no certificate"))?;
        let key = KeyPair::from_pem(&read(&key_path)?)
            .map_err(|_| wrong(key_path, "it holds no private key"))?;
        Ok(Self {
            root,
            root_pem,
            issuer: Issuer::new(parameters()?, key),
        })
    }

    /// Where in `folder` the certificate is that messengers are told to trust.
    #[must_use]
    pub fn root_in(folder: &Path) -> PathBuf {
        folder.join(ROOT)
    }

    /// Where in `folder` its private key is.
    #[must_use]
    pub fn key_in(folder: &Path) -> PathBuf {
        folder.join(KEY)
    }

    fn keep(&self, folder: &Path) -> Result<(), CertificateError> {
        fs::create_dir_all(folder).map_err(|error| CertificateError::write(folder, &error))?;
        let key = self.issuer.key().serialize_pem();
        // The key first: an authority without one could never be used, and would look like one.
        write(&folder.join(KEY), 0o600, &key)?;
        write(&folder.join(ROOT), 0o644, &self.root_pem)
    }

    /// A certificate for hosts by name or address, `*.zone` for all of a zone.
    ///
    /// # Errors
    /// A host is none.
    pub fn issue(&self, hosts: &[String]) -> Result<Identity, CertificateError> {
        let key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new(hosts)?;
        date(&mut leaf, LEAF_DAYS.days());
        leaf.distinguished_name = name(hosts.first().map_or("localhost", String::as_str));
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let leaf = leaf.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Identity::new(vec![leaf.der().clone(), self.root.clone()], &key)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(***)")
    }
}

/// What the authority says of itself: the same each time, so that a kept key is enough to sign in its name.
fn parameters() -> Result<CertificateParams, CertificateError> {
    let mut root = CertificateParams::new(Vec::new())?;
    date(&mut root, ROOT_YEARS.years());
    root.distinguished_name = name(NAME);
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(root)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// Good from yesterday on, for clocks that are behind.
fn date(certificate: &mut CertificateParams, length: jiff::Span) {
    let midnight = |date: Date| {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(date.year().into(), month, day)
    };
    let today = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date();
    certificate.not_before = midnight(today.saturating_sub(1.day()));
    certificate.not_after = midnight(today.saturating_add(length));
}

pub(super) fn read(path: &Path) -> Result<String, CertificateError> {
    fs::read_to_string(path)
        .map_err(|error| CertificateError::wrong(path.to_owned(), &error.to_string()))
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), CertificateError> {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| CertificateError::write(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_kept_and_used_again() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("lab");
        let made = Authority::kept_in(&folder).unwrap();
        let again = Authority::kept_in(&folder).unwrap();
        assert_eq!(made.root, again.root);
        assert_eq!(
            made.issuer.key().serialize_der(),
            again.issuer.key().serialize_der()
        );
        let mode = |name| {
            fs::metadata(folder.join(name))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!((mode(ROOT), mode(KEY)), (0o644, 0o600));
        fs::write(folder.join(KEY), "nothing").unwrap();
        let told = Authority::kept_in(&folder).unwrap_err().to_string();
        assert!(
            told.contains("ca.key for TLS: it holds no private key"),
            "{told}"
        );
    }

    #[test]
    fn nothing_in_a_certificate_names_the_tool() {
        let authority = Authority::new().unwrap();
        let hosts = ["192.0.2.1".to_owned(), "*.example.org".to_owned()];
        let identity = authority.issue(&hosts).unwrap();
        for certificate in identity.chain() {
            let text = String::from_utf8_lossy(certificate).to_lowercase();
            for word in ["waxseal", "canary", "rcgen", "audit"] {
                assert!(!text.contains(word), "{word} in {text}");
            }
        }
    }
}
