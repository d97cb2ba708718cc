use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use super::args::PublicPages;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::out::say;
use super::past::summaries;
use super::store::{Named, evidence};
use crate::diagnostic::counted;
use crate::history::{RATE, history};
use crate::model::{History, RunId, Summary};
use crate::report::{File, Site, View, run_files, site as pages};
use crate::verdict::{ExitStatus, judge_knowing};

pub(super) fn site(asked: &PublicPages) -> Result<Exit, Stopped> {
    let held = Held::read(&asked.knowledge)?;
    let store = Named::open_existing(&asked.store)?;
    let histories = histories(summaries(&store, &held, None)?);
    let newest = usize::from(asked.runs);
    let shown = histories
        .iter()
        .flat_map(|one| one.runs.iter().rev().take(newest));
    let runs: BTreeSet<RunId> = shown.map(|one| one.run).collect();
    let mut written = Written::default();
    for run in &runs {
        for file in run_pages(&store, *run, &held)? {
            written.add(&asked.folder, &file)?;
        }
    }
    let url = asked.url.as_ref().map(url::Url::as_str);
    let site = Site {
        histories: &histories,
        runs: &runs,
        url,
    };
    for file in pages(&site).map_err(Stopped::could_not_run)? {
        written.add(&asked.folder, &file)?;
    }
    say(&format!(
        "{}, {} of runs: {} written, {} as they were\n",
        counted(histories.len(), "service"),
        counted(runs.len(), "page"),
        counted(written.fresh, "file"),
        written.same
    ));
    Ok(Exit(ExitStatus::Met))
}

/// The services in the order of their names.
fn histories(runs: Vec<Summary>) -> Vec<History> {
    let mut by_service: BTreeMap<String, Vec<Summary>> = BTreeMap::new();
    for run in runs {
        by_service.entry(run.service.clone()).or_default().push(run);
    }
    let services = by_service.values();
    services.filter_map(|runs| history(runs, RATE)).collect()
}

fn run_pages(store: &Named, run: RunId, held: &Held) -> Result<[File; 2], Stopped> {
    let evidence = evidence(&*store.any(), run)?;
    let judged = judge_knowing(&evidence, held.sources()).map_err(Stopped::could_not_run)?;
    let view = View::new(&evidence, &judged.cells, &judged.observations);
    let view =
        view.ok_or_else(|| Stopped::could_not_run("show a run: its evidence has no manifest"))?;
    run_files(&view).map_err(Stopped::could_not_run)
}

/// How many files there are.
#[derive(Default)]
struct Written {
    fresh: usize,
    same: usize,
}

impl Written {
    /// Writes a file, unless it is there already just so: whoever copies the folder elsewhere then copies only what is new.
    fn add(&mut self, folder: &Path, file: &File) -> Result<(), Stopped> {
        let path = folder.join(&file.path);
        if fs::read(&path).is_ok_and(|old| old == file.text.as_bytes()) {
            self.same += 1;
            return Ok(());
        }
        let written = path.parent().map_or(Ok(()), fs::create_dir_all);
        let written: io::Result<()> = written.and_then(|()| fs::write(&path, &file.text));
        self.fresh += 1;
        written
            .map_err(|error| Stopped::could_not_run(format!("write {}: {error}", path.display())))
    }
}
