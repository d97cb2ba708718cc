use std::path::PathBuf;

use super::args::{Choice, Hands, Login as Asked, ProfilesPath, StorePath};
use super::exit::{Exit, Stopped};
use super::out::say;
use super::scenario::{choose, load};
use super::store::SECRET;
use crate::audit::{Login, LoginError, Stop, login as sign_in};
use crate::browser::{DriverOptions, Profiles};
use crate::diagnostic::printable;
use crate::model::Account;
use crate::verdict::ExitStatus;

/// Where profiles are kept where nothing is said and no store is a file.
const PROFILES: &str = "waxseal.profiles";

/// Signs in whoever is asked for, one after the other.
pub(super) fn login(asked: &Asked, red: bool) -> Result<Exit, Stopped> {
    let profiles = profiles(&asked.profiles, &asked.store);
    let accounts = asked
        .account
        .map_or_else(|| Account::ALL.to_vec(), |one| vec![one]);
    let logins = all(asked, &accounts, &profiles, red)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    runtime.block_on(async {
        let stop = Stop::on_signals()
            .map_err(|error| Stopped::could_not_run(format!("listen for signals: {error}")))?;
        for login in logins {
            let Some(signed_in) = sign_in(login, &stop).await.map_err(stopped)? else {
                return Ok(Exit(ExitStatus::Interrupted));
            };
            let whose = printable(&signed_in.whose.to_string(), 200);
            say(&format!(
                "{whose}: signed in, and kept in {}\n",
                profiles.folder().display()
            ));
        }
        Ok(Exit(ExitStatus::Met))
    })
}

/// One for each variant and account that was asked for.
fn all(
    asked: &Asked,
    accounts: &[Account],
    profiles: &Profiles,
    red: bool,
) -> Result<Vec<Login>, Stopped> {
    let choice = Choice {
        variants: asked.variants.clone(),
        vars: asked.vars.clone(),
        vars_file: asked.vars_file.clone(),
        ..Choice::default()
    };
    let chosen = choose(load(Some(&asked.file), red)?, &choice)?;
    if let Some(practice) = chosen.variants.iter().find(|one| one.practice.is_some()) {
        return Err(Stopped::usage(format!(
            "sign in to variant `{}`: its messenger is started anew for each run, so nothing is worth keeping",
            practice.name
        )));
    }
    let values = chosen.values().map_err(Stopped::usage)?;
    let mut hidden = chosen.scenario.accounts.secret_variables();
    hidden.push(SECRET.to_owned());
    let driver = DriverOptions {
        chromedriver: asked.chromedriver.clone(),
        browser: asked.browser.clone(),
        hidden,
        ..DriverOptions::default()
    };
    let mut logins = Vec::new();
    for (variant, values) in &values {
        logins.extend(accounts.iter().map(|&account| Login {
            scenario: chosen.scenario.clone(),
            variant: variant.name.clone(),
            values: values.clone(),
            account,
            driver: driver.clone(),
            headed: !asked.headless,
            profiles: profiles.clone(),
        }));
    }
    Ok(logins)
}

/// The profiles for a run. What is kept of the service must not get on a stage.
pub(super) fn profiles_for(asked: &Hands, store: &StorePath) -> Profiles {
    match asked.stage.is_empty() {
        true => profiles(&asked.profiles, store),
        false => Profiles::none(),
    }
}

/// The folder that was named, or the one beside the store.
pub(super) fn profiles(asked: &ProfilesPath, store: &StorePath) -> Profiles {
    let beside = || match store.collector() {
        Some(_) => PathBuf::from(PROFILES),
        None => store.path.with_extension("profiles"),
    };
    Profiles::at(asked.profiles.clone().unwrap_or_else(beside))
}

fn stopped(error: LoginError) -> Stopped {
    match error {
        LoginError::Given(_) => Stopped::usage(error),
        LoginError::Driver(_) | LoginError::Profile(_) | LoginError::Failed { .. } => {
            Stopped::could_not_run(error)
        }
    }
}
