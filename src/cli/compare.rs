use super::args::Compare;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::out::say;
use super::past::{abridged, read_baselines, since};
use super::store::named_evidence;
use crate::diagnostic::printable;
use crate::history::{RATE, compare as told_apart};
use crate::model::{Comparison, Summary};
use crate::report::{comparison, json};
use crate::verdict::ExitStatus;

/// The name of whatever run is the baseline.
const BASELINE: &str = "baseline";

pub(super) fn compare(asked: &Compare, colour: bool) -> Result<Exit, Stopped> {
    let held = Held::read(&asked.knowledge)?;
    let told = compared(asked, &held)?;
    match asked.json {
        true => say(&(json::comparisons_1(&told).map_err(Stopped::could_not_run)? + "\n")),
        false => {
            let texts: Vec<String> = told.iter().map(|one| comparison(one, colour)).collect();
            say(&texts.join("\n"));
        }
    }
    Ok(Exit(status(&told)))
}

/// A change for the worse fails; where nothing could be compared, nothing is said.
fn status(told: &[Comparison]) -> ExitStatus {
    match (
        told.iter().any(Comparison::is_regression),
        told.iter().any(Comparison::says_anything),
    ) {
        (true, _) => ExitStatus::Failed,
        (false, true) => ExitStatus::Met,
        (false, false) => ExitStatus::Inconclusive,
    }
}

fn compared(asked: &Compare, held: &Held) -> Result<Vec<Comparison>, Stopped> {
    let run = |name: &str| -> Result<Summary, Stopped> {
        abridged(&named_evidence(&asked.store, name)?, held)
    };
    match (asked.before.as_str(), asked.after.as_str()) {
        (BASELINE, BASELINE) => Err(Stopped::usage(
            "compare the baseline with itself: name the run that is held against it",
        )),
        (BASELINE, after) => {
            let after = run(after)?;
            let baselines = read_baselines(&asked.file)?;
            let told = since(&baselines, &after).map_err(Stopped::usage)?;
            if told.is_empty() {
                return Err(none_of(asked, &after));
            }
            Ok(told)
        }
        (before, BASELINE) => Err(Stopped::usage(format!(
            "compare run `{before}` with a baseline that comes after it: name the baseline first"
        ))),
        (before, after) => {
            let told = told_apart(&run(before)?, &run(after)?, RATE);
            Ok(vec![told.map_err(Stopped::usage)?])
        }
    }
}

fn none_of(asked: &Compare, run: &Summary) -> Stopped {
    Stopped::usage(format!(
        "find a baseline of service `{}` in {}; `waxseal baseline set RUN` makes a run one",
        printable(&run.service, 100),
        asked.file.display()
    ))
}
