use serde::Serialize;

use super::args::Due;
use super::exit::{Exit, Stopped};
use super::out::say;
use super::store::{Named, evidence, wait};
use crate::diagnostic::printable;
use crate::model::{Evidence, Manifest, RunId, Timestamp};
use crate::plan::{Plan, Step, next};
use crate::verdict::ExitStatus;

/// A run of which something is still to be done.
#[derive(Debug, Serialize)]
struct Row<'a> {
    run: RunId,
    service: &'a str,
    title: &'a str,
    started: Timestamp,
    /// `play`, `show`, `follow`, `close` or `end`.
    next: &'static str,
    /// Since when, or from when on.
    since: Timestamp,
    due: bool,
    /// Somebody has it in hand just now.
    held: bool,
    #[serde(skip)]
    words: String,
}

pub(super) fn due(asked: &Due) -> Result<Exit, Stopped> {
    let place = Named::open_existing(&asked.store)?.place();
    let unfinished = wait(place.unfinished())?.map_err(Stopped::could_not_run)?;
    let mut runs = Vec::new();
    for one in unfinished {
        runs.push((evidence(&*place.store(), one.run)?, one.held));
    }
    let now = Timestamp::now();
    let rows = runs
        .iter()
        .filter_map(|(so_far, held)| row(so_far, *held, now));
    let rows: Vec<Row<'_>> = rows
        .filter(|row| asked.all || (row.due && !row.held))
        .collect();
    if asked.json {
        let text = serde_json::to_string_pretty(&rows).map_err(Stopped::could_not_run)?;
        say(&format!("{text}\n"));
    } else {
        rows.iter().for_each(|row| say(&row.line()));
    }
    Ok(Exit(ExitStatus::Met))
}

/// What is to be done next of a run, in one line; nothing of one that is over.
pub(super) fn line(so_far: &Evidence) -> String {
    let row = row(so_far, false, Timestamp::now());
    row.map(|row| row.line()).unwrap_or_default()
}

/// None where nothing was planted, or all is done.
fn row(so_far: &Evidence, held: bool, now: Timestamp) -> Option<Row<'_>> {
    let manifest = so_far.manifest().filter(|_| !so_far.is_over())?;
    let (next, words, since) = what_next(manifest, so_far);
    Some(Row {
        run: so_far.run,
        service: &manifest.scenario.service,
        title: &manifest.scenario.title,
        started: manifest.started,
        next,
        since,
        due: since <= now,
        held,
        words,
    })
}

fn what_next(manifest: &Manifest, so_far: &Evidence) -> (&'static str, String, Timestamp) {
    let task =
        Plan::of(manifest).and_then(|plan| next(&plan, so_far, manifest.window, false, &|_| false));
    let Some(task) = task else {
        return ("end", "it can only be ended".to_owned(), manifest.started);
    };
    let (next, words) = match &task.step {
        Step::Play(trials) => ("play", format!("{} trials are to be played", trials.len())),
        Step::Show(sent) => (
            "show",
            format!("the recipient is to look for {} messages", sent.len()),
        ),
        Step::Follow(trials) => (
            "follow",
            format!("the recipient is to follow {} links", trials.len()),
        ),
        Step::Close(_) => ("close", "the last controls, then the verdict".to_owned()),
        Step::End => ("end", "the verdict".to_owned()),
    };
    (next, words, task.due)
}

impl Row<'_> {
    fn line(&self) -> String {
        let when = match (self.held, self.due) {
            (true, _) => "in hand".to_owned(),
            (false, true) => format!("due since {:.0}", self.since),
            (false, false) => format!("due at {:.0}", self.since),
        };
        let (run, title) = (self.run, printable(self.title, 60));
        format!("{run}  {title}  {when}: {}\n", self.words)
    }
}
