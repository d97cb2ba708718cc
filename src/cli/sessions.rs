use std::fs::File;
use std::path::Path;

use super::args::{Pack, Sessions as Asked, SessionsVerb, Unpack};
use super::exit::{Exit, Stopped};
use super::login::profiles;
use super::out::{folder, say};
use super::settings::Reference;
use crate::browser::{Key, ProfileError, Profiles, Seal, SignedIn, pack, unpack};
use crate::diagnostic::printable;
use crate::verdict::ExitStatus;

pub(super) fn sessions(asked: &Asked) -> Result<Exit, Stopped> {
    let text = match &asked.verb {
        None => listed(&profiles(&asked.profiles, &asked.store), asked.json)?,
        Some(SessionsVerb::Pack(asked)) => packed(&profiles(&asked.profiles, &asked.store), asked)?,
        Some(SessionsVerb::Unpack(asked)) => {
            unpacked(&profiles(&asked.profiles, &asked.store), asked)?
        }
    };
    say(&text);
    Ok(Exit(ExitStatus::Met))
}

fn listed(profiles: &Profiles, json: bool) -> Result<String, Stopped> {
    let all = profiles.all().map_err(Stopped::usage)?;
    if json {
        let text = serde_json::to_string(&all).map_err(Stopped::could_not_run)?;
        return Ok(text + "\n");
    }
    let folder = profiles.folder().display();
    match all.is_empty() {
        true => Ok(format!(
            "{folder}: nobody is signed in; `waxseal login` signs in\n"
        )),
        false => Ok(all.iter().map(line).collect()),
    }
}

fn line(one: &SignedIn) -> String {
    let whose = printable(&one.whose.to_string(), 120);
    format!(
        "{whose:<40}  signed in {:.0}  last seen good {:.0}\n",
        one.since, one.seen
    )
}

fn packed(profiles: &Profiles, asked: &Pack) -> Result<String, Stopped> {
    let seal = match &asked.passphrase {
        Some(reference) => Seal::passphrase(&secret(reference)?),
        None => Seal::recipients(&asked.recipients)
            .map_err(|why| Stopped::usage(format!("pack for a recipient: {why}")))?,
    };
    let failed = |error| Stopped::usage(format!("write {}: {error}", asked.file.display()));
    let file = tempfile::NamedTempFile::new_in(folder(&asked.file)).map_err(failed)?;
    let all = pack(profiles, seal, file.as_file()).map_err(stopped)?;
    file.persist(&asked.file)
        .map_err(|error| failed(error.error))?;
    Ok(told(&asked.file, "packed", &all))
}

fn unpacked(profiles: &Profiles, asked: &Unpack) -> Result<String, Stopped> {
    let key = match (&asked.passphrase, &asked.identity) {
        (Some(reference), _) => Key::passphrase(&secret(reference)?),
        (None, Some(reference)) => {
            let text = secret(reference)?;
            // As `age-keygen` writes it: comments, and one line with the identity.
            let line = text.lines().find(|line| !line.starts_with('#'));
            Key::identity(line.unwrap_or_default())
                .map_err(|why| Stopped::usage(format!("use the identity in {reference}: {why}")))?
        }
        (None, None) => return Err(Stopped::usage("unpack: give --identity or --passphrase")),
    };
    let failed = |error| Stopped::usage(format!("read {}: {error}", asked.file.display()));
    let file = File::open(&asked.file).map_err(failed)?;
    let all = unpack(profiles, &key, file, asked.force).map_err(stopped)?;
    Ok(told(&asked.file, "unpacked", &all))
}

fn secret(reference: &Reference) -> Result<String, Stopped> {
    reference.text().map_err(Stopped::usage)
}

fn told(file: &Path, what: &str, all: &[SignedIn]) -> String {
    let file = file.display();
    let lines = all.iter().map(|one| {
        let whose = printable(&one.whose.to_string(), 200);
        format!("{file}: {what} {whose}\n")
    });
    lines.collect()
}

fn stopped(error: ProfileError) -> Stopped {
    match error {
        ProfileError::System { .. } | ProfileError::Busy(_) => Stopped::could_not_run(error),
        ProfileError::Unreadable { .. }
        | ProfileError::Taken(_)
        | ProfileError::Nobody
        | ProfileError::Sealed(_)
        | ProfileError::Foreign(_)
        | ProfileError::Archive { .. } => Stopped::usage(error),
    }
}
