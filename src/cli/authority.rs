use std::path::Path;

use super::args::{Authority as Asked, Tls};
use super::exit::{Exit, Stopped};
use super::out::say;
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
    if let Some(acme) = asked.acme.setting(store) {
        // A root that is none would be found out only when the authority is asked.
        acme.check().map_err(stopped)?;
        return Ok(Credentials::Acme(acme));
    }
    let mut pairs = asked.pairs().map_err(Stopped::usage)?.into_iter();
    let credentials = match (pairs.next(), &asked.lab_authority) {
        (Some(first), _) => Pairs::read(first, pairs).map(Credentials::Own),
        (None, Some(folder)) => Authority::kept_in(folder).map(Credentials::lab),
        (None, None) => Authority::new().map(Credentials::lab),
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
