use super::args::Runs;
use super::exit::{Exit, Stopped};
use super::out::say;
use crate::diagnostic::printable;
use crate::store::Store;
use crate::verdict::ExitStatus;

pub(super) fn runs(asked: &Runs) -> Result<Exit, Stopped> {
    let store = Store::open_existing(&asked.store.path).map_err(Stopped::could_not_run)?;
    for row in store.runs().map_err(Stopped::could_not_run)? {
        let evidence = store.evidence(row.run).map_err(Stopped::could_not_run)?;
        let what = match evidence.manifest() {
            Some(manifest) => {
                let title = printable(&manifest.scenario.title, 60);
                let trials = manifest.trials.len();
                format!("{:.0}  {title}  {trials} trials", manifest.started)
            }
            None => "no audit: a collector alone".to_owned(),
        };
        say(&format!("{}  {what}\n", row.run));
    }
    Ok(Exit(ExitStatus::Met))
}
