//! **The door** (floor 6): what was typed, what it means, and the exit status. One file for each verb.

mod args;
mod authority;
mod baseline;
mod calibrate;
mod check;
mod compare;
mod completions;
mod doctor;
mod due;
mod exit;
mod explain;
mod export;
mod history;
mod import;
mod judge;
mod knowledge;
mod log;
mod login;
mod man;
mod new;
mod out;
mod past;
mod person;
mod plan;
mod practice;
mod progress;
mod report;
mod resume;
mod run;
mod runs;
mod scenario;
mod serve;
mod services;
mod sessions;
mod settings;
mod show;
mod site;
mod store;
mod verify;
mod walk;

pub use settings::json_schema;

use std::process::ExitCode;

use clap::Parser;

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
    match play(args) {
        Ok(exit) => exit.into(),
        Err(stopped) => stopped.tell(),
    }
}

fn play(args: Args) -> Result<Exit, Stopped> {
    let colour = args.colour(&std::io::stdout());
    let red = args.colour(&std::io::stderr());
    let wish = log::Wish {
        verbose: args.verbose,
        colour: red,
        usual: "warn",
        ..log::Wish::default()
    };
    // A collector may be told in a file how to log.
    if !matches!(args.verb, Verb::Serve(_)) {
        log::start(&wish);
    }
    match args.verb {
        Verb::Check(asked) => check::check(&asked, red),
        Verb::Import(asked) => import::imported(&asked),
        Verb::Services(asked) => services::services(&asked),
        Verb::Plan(asked) => plan::plan(&asked, red),
        Verb::Run(asked) => run::run(&asked, colour, red, args.quiet),
        Verb::Send(asked) => run::send(&asked, red, args.quiet),
        Verb::Resume(asked) => resume::resume(&asked, colour, red, args.quiet),
        Verb::Due(asked) => due::due(&asked),
        Verb::Calibrate(asked) => calibrate::calibrate(&asked, colour, red, args.quiet),
        Verb::Judge(asked) => judge::judge(&asked, colour),
        Verb::Explain(asked) => explain::explained(&asked),
        Verb::Show(asked) => show::show(&asked, colour),
        Verb::Export(asked) => export::export(&asked),
        Verb::Baseline(asked) => baseline::baseline(&asked),
        Verb::Compare(asked) => compare::compare(&asked, colour),
        Verb::History(asked) => history::history(&asked, colour),
        Verb::Site(asked) => site::site(&asked),
        Verb::Runs(asked) => runs::runs(&asked),
        Verb::Verify(asked) => verify::verify(&asked),
        Verb::Serve(asked) => serve::serve(&asked, wish),
        Verb::Doctor(asked) => doctor::doctor(&asked, red),
        Verb::Practice(asked) => practice::practice(&asked),
        Verb::New(asked) => new::new(&asked),
        Verb::Login(asked) => login::login(&asked, red),
        Verb::Sessions(asked) => sessions::sessions(&asked),
        Verb::Completions(asked) => completions::completions(&asked),
        Verb::Man(asked) => man::man(&asked),
        Verb::Authority(asked) => authority::authority(&asked),
    }
}
