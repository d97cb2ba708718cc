use super::args::Import;
use super::exit::{Exit, Stopped};
use super::export::may_write;
use super::out::say;
use super::scenario::read_as;
use crate::scenario::import;
use crate::verdict::ExitStatus;

/// Makes a scenario of a recording, to be completed.
pub(super) fn imported(asked: &Import) -> Result<Exit, Stopped> {
    let source = read_as("recording", &asked.recording)?;
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let wrong = |error| Stopped::usage(format!("import {}: {error}", source.name));
    let text = import(&source.text, today).map_err(wrong)?;
    let Some(file) = &asked.output else {
        say(&text);
        return Ok(Exit(ExitStatus::Met));
    };
    may_write(file, asked.force)?;
    let name = file.display();
    let failed = |error| Stopped::usage(format!("write {name}: {error}"));
    std::fs::write(file, &text).map_err(failed)?;
    let left = text.matches("FILL IN").count() - 1;
    say(&format!(
        "{name}: {left} places to look at, each marked FILL IN\n"
    ));
    Ok(Exit(ExitStatus::Met))
}
