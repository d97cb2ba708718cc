use super::args::Practice as Asked;
use super::exit::{Exit, Stopped};
use super::out::say;
use crate::audit::{Stop, names_at, practise, renderer};
use crate::browser::DriverOptions;
use crate::model::Persona;
use crate::practice::{ACCOUNTS, Practice, Setting};
use crate::verdict::ExitStatus;

/// Serves a practice messenger until it is stopped.
pub(super) fn practice(asked: &Asked) -> Result<Exit, Stopped> {
    let setting = setting(asked)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    runtime.block_on(async {
        let stop = Stop::on_signals()
            .map_err(|error| Stopped::could_not_run(format!("listen for signals: {error}")))?;
        let told = |practice: &Practice| tell(asked.persona, practice);
        let served = practise(setting, &stop, told).await;
        served.map_err(Stopped::could_not_run)?;
        Ok(Exit(ExitStatus::Met))
    })
}

fn setting(asked: &Asked) -> Result<Setting, Stopped> {
    let driver = DriverOptions {
        browser: asked.browser.clone(),
        ..DriverOptions::default()
    };
    Ok(Setting {
        listen: asked.listen,
        persona: asked.persona,
        names: asked.resolver.map(names_at),
        renderer: renderer(asked.persona, &driver).map_err(Stopped::could_not_run)?,
        seed: asked.seed,
        late: asked.late,
    })
}

fn tell(persona: Persona, practice: &Practice) {
    let accounts = ACCOUNTS.map(|one| format!("  {}  {}\n", one.user, one.password));
    say(&format!(
        "practice messenger on http://{}, whose provider {}\naccounts and passwords:\n{}",
        practice.address(),
        persona.words(),
        accounts.concat()
    ));
}
