use std::path::Path;

use super::args::{Authority as Asked, Tls};
use super::exit::{Exit, Stopped};
use super::out::say;
use super::settings::{Certificates, certificates};
use crate::collector::{Authority, CertificateError, Credentials, Pairs};
use crate::verdict::ExitStatus;

/// Makes a lab authority, or finds it made, and says what is to be trusted.
pub(super) fn authority(asked: &Asked) -> Result<Exit, Stopped> {
    Authority::kept_in(&asked.folder).map_err(stopped)?;
    say(&format!(
        "{}\n",
        Authority::root_in(&asked.folder).display()
    ));
    Ok(Exit(ExitStatus::Met))
}

/// What the collector is to show: one's own certificates, those of an authority that is kept, of one that
/// is not, or of an ACME authority, by default kept beside `store`.
pub(super) fn credentials(asked: &Tls, store: &Path) -> Result<Credentials, Stopped> {
    shown(&certificates(asked, store)?.unwrap_or(Certificates::Fresh))
}

/// The same for a collector that runs alone.
pub(super) fn shown(certificates: &Certificates) -> Result<Credentials, Stopped> {
    let credentials = match certificates {
        Certificates::Fresh => Authority::new().map(Credentials::lab),
        Certificates::Lab(folder) => Authority::kept_in(folder).map(Credentials::lab),
        Certificates::Own(first, more) => {
            Pairs::read(first.clone(), more.iter().cloned()).map(Credentials::Own)
        }
        // A root that is none would be found out only when the authority is asked.
        Certificates::Acme(acme) => acme.check().map(|()| Credentials::Acme(acme.clone())),
    };
    credentials.map_err(stopped)
}

fn stopped(error: CertificateError) -> Stopped {
    match error {
        CertificateError::File { .. } | CertificateError::Write { .. } => Stopped::usage(error),
        CertificateError::Make(_)
        | CertificateError::Tls(_)
        | CertificateError::NoZone
        | CertificateError::Acme(_) => Stopped::could_not_run(error),
    }
}
