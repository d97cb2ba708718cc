use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use super::args::New;
use super::exit::{Exit, Stopped};
use super::out::say;
use crate::model::Timestamp;
use crate::scenario::is_name;
use crate::verdict::ExitStatus;

/// What a new scenario begins as.
const TEMPLATE: &str = include_str!("new.toml");

/// Writes a scenario to start from.
pub(super) fn new(asked: &New) -> Result<Exit, Stopped> {
    let name = &asked.name;
    if !is_name(name) {
        return Err(Stopped::usage(format!(
            "name a scenario `{name}`: it takes letters, digits, `_` and `-`, a letter first"
        )));
    }
    let file = asked.file.clone();
    let path = file.unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    let today = Timestamp::now().to_string();
    let today = today.get(..10).unwrap_or_default();
    let text = TEMPLATE.replace("@name@", name).replace("@today@", today);
    // What is there already is somebody's work.
    let written = OpenOptions::new().write(true).create_new(true).open(&path);
    let path = path.display();
    written
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Stopped::usage(format!("write {path}: {error}")))?;
    say(&format!(
        "{path}: fill in what is marked with <<<, then\n  waxseal check {path}\n  waxseal plan {path} --var url=…\n  \
         waxseal run {path} --var url=… --headed\n"
    ));
    Ok(Exit(ExitStatus::Met))
}
