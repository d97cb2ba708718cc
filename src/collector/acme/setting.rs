use std::path::PathBuf;

use super::super::certificate::{CertificateError, trusting};

/// Which ACME authority issues the zone's certificate, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The address of its directory.
    pub directory: String,
    /// Where it may write to us, such as `mailto:somebody@example.org`.
    pub contacts: Vec<String>,
    /// A root that its directory is trusted by besides the machine's, in PEM.
    pub root: Option<PathBuf>,
    /// Where the account and the certificates are kept.
    pub folder: PathBuf,
    /// The names it is allowed by in the zone's CAA records (RFC 8659), besides those that its directory names.
    pub authorities: Vec<String>,
}

impl Acme {
    /// Finds out before anything is begun whether the root is one.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&self) -> Result<(), CertificateError> {
        trusting(self.root.as_deref()).map(drop)
    }
}
