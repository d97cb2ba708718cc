//! **The door** (floor 6): what was typed, what it means, and the exit status. One file for each verb.

mod args;
mod authority;
mod check;
mod exit;
mod judge;
mod out;
mod plan;
mod progress;
mod report;
mod run;
mod runs;
mod scenario;
mod serve;
mod store;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use self::args::{Args, Verb};
use self::exit::{Exit, Stopped};
use crate::browser;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    // Hidden: waxseal starts itself with it, to have its browsers ended whatever becomes of it. It comes before all
    // else, because what follows it is another program's command line.
    if words.next().is_some_and(|verb| verb == "keeper") {
        return browser::keep(words);
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::usage(&error),
    };
    log(args.verbose, args.colour(&std::io::stderr()));
    match play(args) {
        Ok(exit) => exit.into(),
        Err(stopped) => stopped.tell(),
    }
}

fn play(args: Args) -> Result<Exit, Stopped> {
    let colour = args.colour(&std::io::stdout());
    let red = args.colour(&std::io::stderr());
    match args.verb {
        Verb::Check(asked) => check::check(&asked, red),
        Verb::Plan(asked) => plan::plan(&asked, red),
        Verb::Run(asked) => run::run(&asked, colour, red, args.quiet),
        Verb::Judge(asked) => judge::judge(&asked, colour),
        Verb::Runs(asked) => runs::runs(&asked),
        Verb::Verify(asked) => verify::verify(&asked),
        Verb::Serve(asked) => serve::serve(&asked),
        Verb::Authority(asked) => authority::authority(&asked),
    }
}

/// Logs go to the standard error stream: warnings, or as much as `RUST_LOG` or `-v` asks for.
fn log(verbose: u8, colour: bool) {
    let level = match verbose {
        0 => "waxseal=warn",
        1 => "waxseal=info",
        2 => "waxseal=debug",
        _ => "waxseal=trace",
    };
    let filter = match verbose {
        0 => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level)),
        _ => EnvFilter::new(level),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour);
    // Only a second subscriber could fail here, and there is none.
    let _ = subscriber.try_init();
}
