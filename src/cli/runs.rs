use super::args::Runs;
use super::exit::{Exit, Stopped};
use super::out::say;
use super::store::{Named, evidence, wait};
use crate::diagnostic::printable;
use crate::model::{Evidence, Record};
use crate::verdict::ExitStatus;

pub(super) fn runs(asked: &Runs) -> Result<Exit, Stopped> {
    let store = Named::open_existing(&asked.store)?.any();
    for row in wait(store.runs())?.map_err(Stopped::could_not_run)? {
        let evidence = evidence(&*store, row.run)?;
        say(&format!("{}  {}\n", row.run, what(&evidence)));
    }
    Ok(Exit(ExitStatus::Met))
}

fn what(evidence: &Evidence) -> String {
    let first = evidence.entries.first().map(|entry| &entry.record);
    match (evidence.manifest(), first) {
        (Some(manifest), _) => {
            let title = printable(&manifest.scenario.title, 60);
            let trials = manifest.trials.len();
            format!("{:.0}  {title}  {trials} trials", manifest.started)
        }
        (None, Some(Record::Registration(registration))) => {
            format!("{:.0}  registered, and nothing planted", registration.at)
        }
        (None, _) => "no audit: what a collector saw for itself".to_owned(),
    }
}
