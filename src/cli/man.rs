use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory as _;

use super::args::{Args, Man as Asked};
use super::exit::{Exit, Stopped};
use super::out::say;
use crate::verdict::ExitStatus;

/// The page of the program itself, or one for each verb in a folder.
pub(super) fn man(asked: &Asked) -> Result<Exit, Stopped> {
    match &asked.folder {
        Some(folder) => written(folder).map_err(|error| {
            Stopped::usage(format!(
                "write manual pages to {}: {error}",
                folder.display()
            ))
        })?,
        None => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Args::command()).render(&mut page);
            rendered.map_err(Stopped::could_not_run)?;
            say(&String::from_utf8_lossy(&page));
        }
    }
    Ok(Exit(ExitStatus::Met))
}

fn written(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Args::command(), folder)?;
    let (folder, name) = (folder.display(), env!("CARGO_PKG_NAME"));
    say(&format!("{folder}: {name}.1, and a page for each verb\n"));
    Ok(())
}
