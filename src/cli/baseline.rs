use std::path::Path;

use super::args::{Baseline, BaselineVerb, SetBaseline};
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::out::say;
use super::past::{abridged, read_baselines, write_baselines};
use super::store::named_evidence;
use crate::diagnostic::printable;
use crate::history::set;
use crate::model::{Baselines, Summary, Verdict};
use crate::verdict::ExitStatus;

pub(super) fn baseline(asked: &Baseline) -> Result<Exit, Stopped> {
    match &asked.verb {
        BaselineVerb::Set(asked) => set_to(asked),
        BaselineVerb::Show(asked) => show(&asked.file),
    }
}

fn set_to(asked: &SetBaseline) -> Result<Exit, Stopped> {
    let mut baselines = match asked.file.exists() {
        true => read_baselines(&asked.file)?,
        false => Baselines::default(),
    };
    let held = Held::read(&asked.knowledge)?;
    let run = abridged(&named_evidence(&asked.store, &asked.run)?, &held)?;
    if run.provisional {
        return Err(Stopped::usage(format!(
            "make run {} the baseline: it is not over, or its window is still open; do it when its verdicts are final",
            run.run
        )));
    }
    set(&mut baselines, &run);
    write_baselines(&asked.file, &baselines)?;
    let own = baselines
        .baselines
        .iter()
        .filter(|one| one.run == run.run && one.service == run.service);
    say(&own.map(line).collect::<String>());
    Ok(Exit(ExitStatus::Met))
}

fn show(file: &Path) -> Result<Exit, Stopped> {
    let baselines = read_baselines(file)?;
    say(&baselines.baselines.iter().map(line).collect::<String>());
    Ok(Exit(ExitStatus::Met))
}

fn line(one: &Summary) -> String {
    let variants: Vec<String> = one
        .variants
        .iter()
        .map(|variant| printable(&variant.name, 60))
        .collect();
    let asked = one.cells.iter().filter(|cell| cell.key.arm.is_shown());
    let said = asked
        .clone()
        .filter(|cell| cell.verdict != Verdict::Inconclusive);
    format!(
        "{} {}: run {} of {:.0}, {} of {} cells conclusive\n",
        printable(&one.service, 60),
        variants.join(", "),
        one.run,
        one.started,
        said.count(),
        asked.count(),
    )
}
