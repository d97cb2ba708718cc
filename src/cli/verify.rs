use super::args::Verify;
use super::exit::{Exit, Stopped};
use super::out::{complain, say};
use super::store::file;
use crate::store::Store;
use crate::verdict::ExitStatus;

pub(super) fn verify(asked: &Verify) -> Result<Exit, Stopped> {
    file(&asked.store, "verify")?;
    let store = Store::open_existing(&asked.store.path).map_err(Stopped::could_not_run)?;
    match store.verify().map_err(Stopped::could_not_run)? {
        Ok(records) => {
            let path = store.path().display();
            say(&format!(
                "{path}: {records} records, none altered, moved or missing\n"
            ));
            Ok(Exit(ExitStatus::Met))
        }
        Err(broken) => {
            let (path, seq) = (store.path().display(), broken.seq);
            complain(&format!(
                "{path}: record {seq} is missing, or does not follow from the one before it\n"
            ));
            Ok(Exit(ExitStatus::Failed))
        }
    }
}
