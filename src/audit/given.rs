use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::browser::{DriverOptions, Secret};
use crate::model::Account;
use crate::scenario::{Astray, Identity, PRACTICE_URL, Reference, Scenario, Variant};

/// Each account's secrets by name.
pub(super) type Secrets = BTreeMap<Account, BTreeMap<String, Secret>>;

/// Variables by name.
pub type Values = BTreeMap<String, String>;

/// A value that a scenario asks for and nobody gave. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// A variable has no value.
    #[error(
        "fill in variable `{name}` for variant `{variant}`: {ask}; give it with --var {name}={example}, or in a file named with --vars"
    )]
    Variable {
        /// Its name.
        name: String,
        /// In which variant.
        variant: String,
        /// What the scenario asks for.
        ask: String,
        /// What it looks like.
        example: String,
    },
    /// A variable leads away from the service.
    #[error(
        "open {address} in variant `{variant}`: it is no page on the scenario's `hosts` (line {line}); add its host there, or give another value"
    )]
    Astray {
        /// Where it leads.
        address: String,
        /// In which variant.
        variant: String,
        /// The line of the `goto`.
        line: u32,
    },
    /// A secret cannot be had.
    #[error("read secret `{name}` from {place}: {reason}")]
    Secret {
        /// Its name.
        name: String,
        /// Where it should be.
        place: String,
        /// Why it cannot.
        reason: String,
    },
}

/// The values of a variant's variables: what was given for it wins over what was given for all, over the variant's own,
/// over the default. The address of a practice messenger is known only once it listens, and left out.
///
/// # Errors
/// A variable has no value from anywhere, or a `goto` would lead away from the service.
pub fn values(
    scenario: &Scenario,
    variant: &Variant,
    given: &[Values],
) -> Result<Values, GivenError> {
    let value = |name: &String| {
        let given = given.iter().rev().find_map(|values| values.get(name));
        let own = given.or_else(|| variant.vars.get(name));
        own.or_else(|| {
            scenario
                .vars
                .get(name)
                .and_then(|variable| variable.default.as_ref())
        })
        .cloned()
    };
    let missing = |name: &String| GivenError::Variable {
        name: name.clone(),
        variant: variant.name.clone(),
        ask: scenario
            .vars
            .get(name)
            .and_then(|one| one.ask.clone())
            .unwrap_or_else(|| "it has no value".to_owned()),
        example: scenario
            .vars
            .get(name)
            .and_then(|one| one.example.clone())
            .unwrap_or_else(|| "VALUE".to_owned()),
    };
    let practice = |name: &String| variant.practice.is_some() && name == PRACTICE_URL;
    let names = scenario.vars.keys().filter(|name| !practice(name));
    let values = names
        .map(|name| Ok((name.clone(), value(name).ok_or_else(|| missing(name))?)))
        .collect::<Result<Values, GivenError>>()?;
    match scenario.astray(&values) {
        Some(Astray { address, line }) => {
            let variant = variant.name.clone();
            Err(GivenError::Astray {
                address,
                variant,
                line,
            })
        }
        None => Ok(values),
    }
}

/// Reads an identity's secrets from where they are kept. Files are looked for from the scenario's folder; commands run
/// under the driver's keeper, so that they end with waxseal.
///
/// # Errors
/// One cannot be read, or is empty.
pub async fn secrets(
    identity: &Identity,
    folder: &Path,
    driver: &DriverOptions,
) -> Result<BTreeMap<String, Secret>, GivenError> {
    let mut secrets = BTreeMap::new();
    for (name, reference) in &identity.secrets {
        let value = match reference {
            Reference::Env(name) => std::env::var(name).map_err(|error| error.to_string()),
            Reference::File(path) => {
                let text = tokio::fs::read_to_string(folder.join(path)).await;
                text.map_err(|error| error.to_string())
            }
            Reference::Command(line) => run(line, driver).await,
        };
        let value = value.map(|text| without_line_break(&text));
        let failed = |reason| GivenError::Secret {
            name: name.clone(),
            place: place(reference),
            reason,
        };
        let value = value.and_then(|text| {
            if text.is_empty() {
                Err("it is empty".to_owned())
            } else {
                Ok(text)
            }
        });
        secrets.insert(name.clone(), Secret::new(value.map_err(failed)?));
    }
    Ok(secrets)
}

/// The folder that a scenario's files are looked for from.
pub(super) fn folder_of(scenario: &Scenario) -> &Path {
    let folder = Path::new(&scenario.source.name).parent();
    folder.unwrap_or_else(|| Path::new(""))
}

/// Long enough for a password manager that asks a person.
const COMMAND_TIME: Duration = Duration::from_secs(120);

async fn run(line: &str, driver: &DriverOptions) -> Result<String, String> {
    let command = driver
        .kept(["sh", "-c", line])
        .map_err(|error| error.to_string())?;
    // Dropping it, here or at a stop, closes the keeper's standard input, and so ends the command.
    let output = tokio::time::timeout(COMMAND_TIME, output(command)).await;
    let output = output.map_err(|_| format!("it took more than {} s", COMMAND_TIME.as_secs()))?;
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("the command ended with {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| "its output is not UTF-8".to_owned())
}

async fn output(mut command: Command) -> std::io::Result<Output> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let (stdin, mut text) = (child.stdin.take(), Vec::new());
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut text).await?;
    }
    let status = child.wait().await?;
    drop(stdin);
    Ok(Output {
        status,
        stdout: text,
        stderr: Vec::new(),
    })
}

fn without_line_break(text: &str) -> String {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text).to_owned()
}

fn place(reference: &Reference) -> String {
    match reference {
        Reference::Env(name) => format!("environment variable {name}"),
        Reference::File(path) => format!("file {path}"),
        Reference::Command(_) => "its command".to_owned(),
    }
}
