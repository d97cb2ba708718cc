use std::collections::BTreeSet;

use super::args::OverTime;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::out::say;
use super::past::summaries;
use super::store::Named;
use crate::diagnostic::{did_you_mean, printable};
use crate::history::{RATE, history as over_time};
use crate::report::{history as shown, json};
use crate::verdict::ExitStatus;

pub(super) fn history(asked: &OverTime, colour: bool) -> Result<Exit, Stopped> {
    let held = Held::read(&asked.knowledge)?;
    let store = Named::open_existing(&asked.store)?;
    let runs = summaries(&store, &held, Some(&asked.service))?;
    let Some(told) = over_time(&runs, RATE) else {
        return Err(none_of(&asked.service, &store, &held)?);
    };
    match asked.json {
        true => say(&(json::history_1(&told).map_err(Stopped::could_not_run)? + "\n")),
        false => say(&shown(&told, colour)),
    }
    Ok(Exit(ExitStatus::Met))
}

fn none_of(service: &str, store: &Named, held: &Held) -> Result<Stopped, Stopped> {
    let all = summaries(store, held, None)?;
    let names: BTreeSet<&str> = all.iter().map(|run| run.service.as_str()).collect();
    let names: Vec<String> = names.into_iter().map(|name| printable(name, 60)).collect();
    let advice = match did_you_mean(service, names.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if names.is_empty() => "the store has no runs".to_owned(),
        None => format!("the store has runs of {}", names.join(", ")),
    };
    Ok(Stopped::usage(format!(
        "find runs of service `{service}`: there are none; {advice}"
    )))
}
