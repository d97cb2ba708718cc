use super::args::Check;
use super::exit::{Exit, Stopped};
use super::out::{complain, say};
use super::scenario::{files_of, read};
use crate::diagnostic::{Diagnostic, Severity, Source, printable, render_all};
use crate::scenario::parse;
use crate::verdict::ExitStatus;

pub(super) fn check(asked: &Check, colour: bool) -> Result<Exit, Stopped> {
    let files = asked.files.iter().map(|path| files_of(path));
    let files: Vec<_> = files.collect::<Result<_, _>>()?;
    let sources = files.iter().flatten().map(|file| read(file));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let found: Vec<(&Source, Vec<Diagnostic>)> = sources
        .iter()
        .map(|source| {
            (
                source,
                parse(source.clone()).map_or_else(|mistakes| mistakes, |(_, warnings)| warnings),
            )
        })
        .collect();
    let shown: Vec<(&Source, &[Diagnostic])> = found
        .iter()
        .map(|(source, all)| (*source, all.as_slice()))
        .collect();
    let wrong = found
        .iter()
        .flat_map(|(_, all)| all)
        .any(|one| one.severity == Severity::Error);
    if wrong {
        complain(&render_all(&shown, colour));
        return Ok(Exit(ExitStatus::Usage));
    }
    for (source, warnings) in shown {
        complain(&crate::diagnostic::render(source, warnings, colour));
        say(&format!("{}: valid\n", printable(&source.name, 400)));
    }
    Ok(Exit(ExitStatus::Met))
}
