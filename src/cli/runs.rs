use std::collections::HashMap;

use super::args::Runs;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::out::say;
use super::past::summaries;
use super::store::{Named, wait};
use crate::diagnostic::printable;
use crate::model::{RunId, Summary, Verdict};
use crate::verdict::ExitStatus;

pub(super) fn runs(asked: &Runs) -> Result<Exit, Stopped> {
    let store = Named::open_existing(&asked.store)?;
    let audits = summaries(&store, &Held::default(), None)?;
    let audits: HashMap<RunId, &Summary> = audits.iter().map(|audit| (audit.run, audit)).collect();
    for row in wait(store.any().runs())?.map_err(Stopped::could_not_run)? {
        let audit = audits.get(&row.run);
        say(&format!(
            "{}  {}\n",
            row.run,
            audit.map_or_else(other, |audit| what(audit))
        ));
    }
    Ok(Exit(ExitStatus::Met))
}

fn other() -> String {
    "no audit: nothing planted, or what a collector saw for itself".to_owned()
}

/// Only what is asked of the service counts: the controls say nothing of it.
fn what(audit: &Summary) -> String {
    let count = |verdict| {
        let asked = audit.cells.iter().filter(|cell| cell.key.arm.is_shown());
        asked.filter(|cell| cell.verdict == verdict).count()
    };
    format!(
        "{:.0}  {}  {} observed, {} not observed, {} inconclusive{}",
        audit.started,
        printable(&audit.title, 60),
        count(Verdict::Observed),
        count(Verdict::NotObserved),
        count(Verdict::Inconclusive),
        if audit.provisional {
            ", provisional"
        } else {
            ""
        }
    )
}
