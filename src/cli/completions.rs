use clap::CommandFactory as _;

use super::args::{Args, Completions};
use super::exit::{Exit, Stopped};
use super::out::say;
use crate::verdict::ExitStatus;

pub(super) fn completions(asked: &Completions) -> Result<Exit, Stopped> {
    let mut command = Args::command();
    let mut text = Vec::new();
    clap_complete::generate(asked.shell, &mut command, env!("CARGO_PKG_NAME"), &mut text);
    say(&String::from_utf8_lossy(&text));
    Ok(Exit(ExitStatus::Met))
}
