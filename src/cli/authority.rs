use super::args::{Authority as Asked, Tls};
use super::exit::{Exit, Stopped};
use super::out::say;
use super::settings::Certificates;
use crate::collector::{Authority, CertificateError, Credentials, Identity};
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

/// What the collector is to show: one's own certificates, those of an authority that is kept, or of one that is not.
pub(super) fn credentials(asked: &Tls) -> Result<Credentials, Stopped> {
    let credentials = match (&asked.certificate, &asked.key, &asked.lab_authority) {
        (Some(chain), Some(key), _) => Identity::from_files(chain, key).map(Credentials::Own),
        (_, _, Some(folder)) => Authority::kept_in(folder).map(Credentials::lab),
        _ => Authority::new().map(Credentials::lab),
    };
    credentials.map_err(stopped)
}

/// The same for a collector that runs alone.
pub(super) fn shown(certificates: &Certificates) -> Result<Credentials, Stopped> {
    let credentials = match certificates {
        Certificates::Fresh => Authority::new().map(Credentials::lab),
        Certificates::Lab(folder) => Authority::kept_in(folder).map(Credentials::lab),
        Certificates::Own(files) => match files.as_slice() {
            [(chain, key)] => Identity::from_files(chain, key).map(Credentials::Own),
            _ => {
                let said = "show several certificates: it takes one; name one chain and its key";
                return Err(Stopped::usage(said));
            }
        },
    };
    credentials.map_err(stopped)
}

fn stopped(error: CertificateError) -> Stopped {
    match error {
        CertificateError::File { .. } | CertificateError::Write { .. } => Stopped::usage(error),
        CertificateError::Make(_) | CertificateError::Tls(_) => Stopped::could_not_run(error),
    }
}
