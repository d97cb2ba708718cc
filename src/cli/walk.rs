use super::args::{Choice, Walk as Asked};
use super::doctor::{shown, status};
use super::exit::{Exit, Stopped};
use super::out::{complain, say};
use super::scenario::{Chosen, choose, load};
use crate::audit::Walk;
use crate::browser::DriverOptions;
use crate::diagnostic::printable;

/// Walks through a scenario, one variant after the other, and says whether its selectors still find what they are for.
pub(super) fn walk(asked: &Asked, red: bool) -> Result<Exit, Stopped> {
    let scenario = load(asked.scenario.as_deref(), red)?;
    let choice = Choice {
        variants: asked.variants.clone(),
        vars: asked.vars.clone(),
        vars_file: asked.vars_file.clone(),
        // Nothing is drawn: nothing is planted.
        seed: Some(0),
        ..Choice::default()
    };
    if scenario.provenance.by_hand {
        return Err(Stopped::usage(
            "walk through it: it is driven by hand, and has no selectors",
        ));
    }
    let chosen = choose(scenario, &choice)?;
    let walks = walks(asked, chosen)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    let mut all = Vec::new();
    for walk in walks {
        complain(&format!(
            "walking through {}\n",
            printable(&walk.variant.name, 80)
        ));
        all.extend(runtime.block_on(walk.look())?);
    }
    say(&shown(&all));
    Ok(Exit(status(&all)))
}

fn walks(asked: &Asked, chosen: Chosen) -> Result<Vec<Walk>, Stopped> {
    let values = chosen.values().map_err(Stopped::usage)?;
    let driver = DriverOptions {
        chromedriver: asked.chromedriver.clone(),
        browser: asked.browser.clone(),
        webdriver: asked.webdriver.clone(),
        stage: asked.stage.clone(),
        hidden: chosen.scenario.accounts.secret_variables(),
        ..DriverOptions::default()
    };
    let pairs = chosen.variants.into_iter().zip(values);
    let walk = |(variant, (_, values))| Walk {
        scenario: chosen.scenario.clone(),
        variant,
        values,
        driver: driver.clone(),
        headed: asked.headed,
    };
    Ok(pairs.map(walk).collect())
}
