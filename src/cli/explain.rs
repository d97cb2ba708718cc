use std::fmt::Write as _;

use super::args::Explain;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::out::say;
use super::store::named_evidence;
use crate::diagnostic::did_you_mean;
use crate::model::{Arm, Cell};
use crate::verdict::{ExitStatus, Explanation, explain, judge_knowing, name_of};

pub(super) fn explained(asked: &Explain) -> Result<Exit, Stopped> {
    let held = Held::read(&asked.knowledge)?;
    let evidence = named_evidence(&asked.store, &asked.run)?;
    let judged = judge_knowing(&evidence, held.sources()).map_err(Stopped::could_not_run)?;
    let cells = chosen(&judged.cells, asked.cell.as_deref())?;
    let texts = cells
        .iter()
        .map(|cell| shown(&explain(&evidence, &judged, cell, held.sources())));
    say(&texts.collect::<Vec<_>>().join("\n"));
    Ok(Exit(ExitStatus::Met))
}

/// The cells of that name: the whole of it, or what stands in it between slashes. Without a name all but the controls.
fn chosen<'c>(cells: &'c [Cell], name: Option<&str>) -> Result<Vec<&'c Cell>, Stopped> {
    let Some(name) = name else {
        let told = cells.iter().filter(|cell| cell.arm != Arm::Reached);
        return Ok(told.collect());
    };
    let wanted: Vec<&str> = name.split('/').collect();
    let fits = |cell: &&Cell| {
        let own = name_of(cell);
        let own: Vec<&str> = own.split('/').collect();
        own.windows(wanted.len()).any(|part| part == wanted)
    };
    let found: Vec<&Cell> = cells.iter().filter(fits).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = cells.iter().map(name_of).collect();
    let advice = match did_you_mean(name, names.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the run has {}", names.join(", ")),
    };
    Err(Stopped::usage(format!(
        "explain cell `{name}`: there is none of that name; {advice}"
    )))
}

fn shown(explanation: &Explanation) -> String {
    let mut out = format!("{}\n", explanation.verdict);
    let mut part = |heading: &str, sentences: &[String]| {
        if !sentences.is_empty() {
            let _ = writeln!(out, "\n  {heading}");
            for sentence in sentences {
                let _ = writeln!(out, "    {sentence}");
            }
        }
    };
    part("what carries it", &explanation.grounds);
    part("what would have changed it", &explanation.otherwise);
    for timeline in &explanation.timelines {
        if let Some((heading, events)) = timeline.split_first() {
            part(heading, events);
        }
    }
    out
}
