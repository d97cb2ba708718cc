use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args as Group, Parser, Subcommand, ValueEnum};

use super::exit::Stopped;
use super::settings::{LogFormat, LogLevel, Reference};
use crate::browser::{Make, StageRule};
use crate::canary::Zone;
use crate::collector::{Acme, Pair, ZoneSetting};
use crate::model::{Account, Arm, Form, Persona, parse_duration};

/// Does your messenger open your mail? Sends canary links through web messengers with a real browser, and says who
/// came to look.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) verb: Verb,
    /// When to use colour; `NO_COLOR` is honoured
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, visible_alias = "colour")]
    color: When,
    /// Show no progress
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Say more (-vv, -vvv: more still)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

const EXIT: &str = "Exit status: 0 every expectation met; 1 an expectation failed, or a change for the worse; 2 usage or scenario error; \
3 inconclusive; 4 could not run; 130 interrupted.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl Args {
    /// Whether a stream gets colour.
    pub(super) fn colour(&self, stream: &impl anstream::stream::RawStream) -> bool {
        match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Check scenarios, and show every mistake at its place
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// Make a scenario of a recording of Chromium's Recorder, with places to fill in
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(Import),
    /// List the services that there are scenarios for: their state, and what is known of their selectors
    #[command(after_help = SERVICES_EXAMPLES)]
    Services(Services),
    /// List every message, link and wait of a run, without contacting anything
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(Plan),
    /// Audit a service: send, listen, judge
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<Run>),
    /// Plant, prove delivery, and return: what comes is heard by a collector that stays, and judged later
    #[command(after_help = SEND_EXAMPLES)]
    Send(Box<Run>),
    /// Do what is still to be done of a run that was sent, left or killed, and judge it
    #[command(after_help = RESUME_EXAMPLES)]
    Resume(Box<Resume>),
    /// List the runs of which something is to be done now
    #[command(after_help = DUE_EXAMPLES)]
    Due(Due),
    /// Find out how wrong the instrument is: simulated worlds, and practice messengers, whose truth is known
    #[command(after_help = CALIBRATE)]
    Calibrate(Calibrate),
    /// Judge a run again from its evidence, in the store or in a file
    #[command(after_help = JUDGE_EXAMPLES)]
    Judge(Judge),
    /// Say in plain sentences which records carry a verdict, and what would have changed it
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(Explain),
    /// Show what went wrong in a trial: the step, its line in the scenario, and what was kept of the page
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Show),
    /// Write a run's evidence to a file that anybody can check and judge
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(Export),
    /// List the runs in the evidence store, with how many verdicts of each kind they came to
    #[command(after_help = RUNS_EXAMPLES)]
    Runs(Runs),
    /// Choose the runs that later ones are held against, and show them
    #[command(after_help = BASELINE_EXAMPLES)]
    Baseline(Baseline),
    /// Say what is different between two runs, beyond what chance explains
    #[command(after_help = COMPARE)]
    Compare(Compare),
    /// Show a service over time: what each run says, how often that turned, and when it changed
    #[command(after_help = HISTORY_EXAMPLES)]
    History(OverTime),
    /// Write public pages of all services over time, which need no server but one for files
    #[command(after_help = SITE)]
    Site(PublicPages),
    /// Check that no record in the evidence store was altered, taken out or moved
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(Verify),
    /// Run the collector alone: record whoever comes, until stopped
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Box<Serve>),
    /// Look at a running collector as its visitors do, and say what is wrong; or, with a scenario, whether its selectors
    /// still find what they are for
    #[command(after_help = DOCTOR)]
    Doctor(Box<Doctor>),
    /// Serve a practice messenger: a small web chat whose provider does with links what its persona says
    #[command(after_help = PRACTICE)]
    Practice(Practice),
    /// Write a scenario to start from
    #[command(after_help = NEW_EXAMPLES)]
    New(New),
    /// Sign accounts in, by hand where it takes a person, and keep their profiles for runs to come
    #[command(after_help = LOGIN_EXAMPLES)]
    Login(Box<Login>),
    /// List who is signed in, or carry that elsewhere in an encrypted archive
    #[command(after_help = SESSIONS_EXAMPLES)]
    Sessions(Sessions),
    /// Write what a shell needs to complete command lines
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(Completions),
    /// Write the manual page, or one for each verb in a folder
    #[command(after_help = MAN_EXAMPLES)]
    Man(Man),
    /// Make a lab authority that a messenger can be told to trust, and say which file it must be given
    #[command(after_help = AUTHORITY_EXAMPLES)]
    Authority(Authority),
}

const RUN_EXAMPLES: &str = "Examples:
  waxseal run
  waxseal run scenarios/lab/thelounge.toml --vars vars.toml
  waxseal run chat.toml --var url=https://chat.example --variant default --report json=report.json
  waxseal run chat.toml --report html=report.html --report junit=report.xml --report markdown=summary.md
  waxseal run chat.toml --seed 7 --trials 10 --window 15m
  waxseal run chat.toml --zone canary.example --dns-listen 198.51.100.7:53 --listen 198.51.100.7:80";

const SEND_EXAMPLES: &str = "It needs a collector that outlives it: `waxseal serve --admin ADDRESS` elsewhere, named with --store. Where an arm `received` \
or `opened` is planned, showing the links is left to `waxseal resume`; else the recipient looks right after the sending.

Exit status: 0 all is planted; 2 usage or scenario error; 3 something went wrong on the way, and is in the evidence; 4 could not run.

Examples:
  export WAXSEAL_STORE=https://canary.example:8443 WAXSEAL_SECRET=...
  waxseal send chat.toml --window 24h
  waxseal due                        # tomorrow, here or on another machine
  waxseal resume latest              # the last controls, and the verdict";

const RESUME_EXAMPLES: &str = "No message is sent twice: what was begun before is not begun again. A run that listened for itself listens again at the same \
address, and what it missed meanwhile is a gap.

Examples:
  waxseal resume latest
  waxseal resume 5f3a --var url=https://chat.example --no-wait
  waxseal resume 5f3a --close        # end it as it is";

const DUE_EXAMPLES: &str = "Examples:
  waxseal due
  waxseal due --all --json
  waxseal due --json | jq -r '.[].run' | xargs -n 1 waxseal resume --no-wait";

const CHECK_EXAMPLES: &str = "Examples:
  waxseal check scenarios/lab/thelounge.toml
  waxseal check scenarios/practice/*.toml";

const IMPORT_EXAMPLES: &str = "Examples:
  waxseal import recording.json
  waxseal import recording.json --output chat.toml";

const PLAN_EXAMPLES: &str = "Examples:
  waxseal plan
  waxseal plan chat.toml --var url=https://chat.example --trials 10";

const JUDGE_EXAMPLES: &str = "Examples:
  waxseal judge
  waxseal judge 5f3a --report json=report.json
  waxseal judge run.jsonl.zst --known services.toml";

const EXPLAIN_EXAMPLES: &str = "Examples:
  waxseal explain
  waxseal explain latest sent/http
  waxseal explain run.jsonl received";

const SHOW_EXAMPLES: &str = "Of every page on which a step goes wrong there are kept: a picture, the document, its console, and what it asked the network for. \
No secret of the scenario and no canary is in them; what shows one is covered in the picture. What else the page shows is there: \
look before you hand it on.

Exit status: 0 all is as it was kept; 1 a file was altered or is gone; 2 usage error; 4 could not run.

Examples:
  waxseal show latest
  waxseal show latest 7
  waxseal show 5f3a login";

const EXPORT_EXAMPLES: &str = "Examples:
  waxseal export latest run.jsonl
  waxseal export 5f3a run.jsonl.zst
  waxseal export latest - | tail -n 1";

const RUNS_EXAMPLES: &str = "Examples:
  waxseal runs
  waxseal runs --store /var/lib/waxseal/waxseal.db";

const VERIFY_EXAMPLES: &str = "Examples:
  waxseal verify
  waxseal verify latest
  waxseal verify run.jsonl.zst

Exit status: 0 nothing was altered; 1 something was, and is named; 2 usage error; 4 could not run.";

const AUTHORITY_EXAMPLES: &str = "Examples:
  waxseal authority lab-authority";

const NEW_EXAMPLES: &str = "Examples:
  waxseal new chat
  waxseal new chat scenarios/chat.toml";

const LOGIN_EXAMPLES: &str = "A browser opens and plays `login`. What its steps do not do, a person does; it ends as soon as `logged_in` is seen.
Runs then use the profile by themselves. It is worth as much as the password: keep it as such.

Examples:
  waxseal login chat.toml --var url=https://chat.example
  waxseal login chat.toml --account sender --variant default --profiles /srv/profiles";

const SESSIONS_EXAMPLES: &str = "Examples:
  waxseal sessions
  waxseal sessions --json
  waxseal sessions pack profiles.age --recipient age1...
  waxseal sessions unpack profiles.age --identity env:PROFILES_KEY";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  waxseal completions bash > /etc/bash_completion.d/waxseal
  waxseal completions zsh > ~/.zfunc/_waxseal
  waxseal completions fish > ~/.config/fish/completions/waxseal.fish";

const MAN_EXAMPLES: &str = "Examples:
  waxseal man | man -l -
  waxseal man /usr/local/share/man/man1";

const DOCTOR: &str = "With a SCENARIO both accounts sign in, the sender walks to the composer, and every alias of `[loc]` is looked for: \
which alternative found it, how many elements, and what has drifted. Nothing is typed but what signs in, and nothing is sent.

Without one the collector is looked at. What it asks is recorded like any other visit. Nobody outside is asked but the resolver, and whom --clock-from names.

Exit status: 0 all is well; 1 something is wrong; 2 usage or settings error; 3 something could not be told.

Examples:
  waxseal doctor --config /etc/waxseal/serve.toml
  waxseal doctor --at 198.51.100.7:80 --zone canary.example --dns-at 198.51.100.7:53";

const SERVICES_EXAMPLES: &str = "Examples:
  waxseal services
  waxseal services scenarios/lab";

const BASELINE_EXAMPLES: &str = "Examples:
  waxseal baseline set latest
  waxseal baseline show --file scenarios/baselines.json";

const HISTORY_EXAMPLES: &str = "Examples:
  waxseal history thelounge
  waxseal history thelounge --json";

const COMPARE: &str = "What something else than the service may explain (region, client build, rules, data, a much shorter window, other \
doors) is not compared, nor is anything inconclusive; the reason is told.

Exit status: 0 nothing is worse; 1 something is; 2 usage error; 3 nothing could be compared; 4 could not run.

Examples:
  waxseal baseline set latest
  waxseal compare baseline latest
  waxseal compare 41c0 5f3a --json
  waxseal compare before.jsonl after.jsonl";

const SITE: &str = "The same store gives the same bytes: ages are counted from the newest run, and only what is new is written. Nothing is \
removed from the folder, so the page of a run stays where it is when newer ones have come.

Examples:
  waxseal site public
  waxseal site /var/www/audit --url https://audit.example/ --runs 200";

const CALIBRATE: &str =
    "The same seed gives the same figures. A world that was judged wrong is told with its seed: \
--worlds 1 --seed SEED plays it alone.

Exit status: 0 nothing is wrong; 1 something is; 2 usage error; 4 could not run; 130 interrupted.

Examples:
  waxseal calibrate
  waxseal calibrate --worlds 1 --seed 77 --no-browser";

const PRACTICE: &str = "Its accounts are made up, and their passwords are shown at the start. The provider comes from 127.0.0.2, a third party \
from 127.0.0.3, a resolver from 127.0.0.4: they reach nothing beyond this machine.

Examples:
  waxseal practice --persona previewer
  waxseal practice --persona dns-only --listen 127.0.0.1:8000 --resolver 127.0.0.1:5353";

const SERVE_EXAMPLES: &str = "What is typed counts first, then the environment, then the file of --config, then the default.

Examples:
  waxseal serve --config /etc/waxseal/serve.toml
  waxseal serve --listen 198.51.100.7:80,198.51.100.7:443 --zone canary.example --dns-listen 198.51.100.7:53";

#[derive(Debug, Group)]
pub(super) struct Check {
    /// Scenario files, or folders: then every `.toml` in them and below
    #[arg(required = true)]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct Import {
    /// The recording: JSON, as the Recorder panel exports it
    pub(super) recording: PathBuf,
    /// Where to write the scenario [default: the standard output stream]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Write it even where there is a file of that name
    #[arg(long, requires = "output")]
    pub(super) force: bool,
}

#[derive(Debug, Group)]
pub(super) struct Services {
    /// List the scenarios in this folder [default: those that are built in]
    pub(super) folder: Option<PathBuf>,
    /// Write the list as JSON
    #[arg(long, conflicts_with = "show")]
    pub(super) json: bool,
    /// Write out the built-in scenario of this name, to be changed and run
    #[arg(long, value_name = "NAME", conflicts_with = "folder")]
    pub(super) show: Option<String>,
}

/// What of a scenario is played.
#[derive(Debug, Default, Group)]
pub(super) struct Choice {
    /// Scenario file [default: one that is built in, on practice messengers, and needs nothing but Chromium]
    pub(super) file: Option<PathBuf>,
    /// Play only this variant (may be repeated)
    #[arg(long = "variant", value_name = "NAME")]
    pub(super) variants: Vec<String>,
    /// The seed for the order of the trials; without it one is drawn
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Trials of each arm and form, in place of the scenario's number
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) trials: Option<u16>,
    /// Go on in rounds of as many trials until more would say no more, or each arm and form has had --max-trials
    #[arg(long, requires = "max_trials")]
    pub(super) until_decided: bool,
    /// The most trials of each arm and form in all rounds of --until-decided
    #[arg(long, value_name = "N", requires = "until_decided", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) max_trials: Option<u16>,
    /// How long to listen after each exposure, in place of the scenario's window (such as 30s, 15m, 48h)
    #[arg(long, value_parser = duration)]
    pub(super) window: Option<Duration>,
    /// How many messages are written in an hour at the most, drafts among them, in place of the scenario's number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) per_hour: Option<u16>,
    /// Plant only in this arm (may be repeated)
    #[arg(long = "arm", value_name = "NAME", value_parser = arms())]
    pub(super) arms: Vec<Arm>,
    /// Plant only links of this form (may be repeated)
    #[arg(long = "form", value_name = "NAME", value_parser = forms())]
    pub(super) forms: Vec<Form>,
    /// The value of a variable (may be repeated)
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) vars: Vec<(String, String)>,
    /// A TOML file with values of variables: at its top for all variants, in a table for the variant of that name
    #[arg(long = "vars", value_name = "FILE")]
    pub(super) vars_file: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct Plan {
    #[command(flatten)]
    pub(super) choice: Choice,
}

#[derive(Debug, Group)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) choice: Choice,
    #[command(flatten)]
    pub(super) store: StorePath,
    #[command(flatten)]
    pub(super) telling: Telling,
    /// Let the browsers fetch: their doors note and serve, instead of noting and refusing
    #[arg(long)]
    pub(super) open_doors: bool,
    /// Where the collector listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// The address in the links, where it is not the one the collector listens on (such as http://198.51.100.7:8080)
    #[arg(long, value_name = "URL")]
    pub(super) public: Option<String>,
    #[command(flatten)]
    pub(super) names: Names,
    #[command(flatten)]
    pub(super) tls: Tls,
    #[command(flatten)]
    pub(super) hands: Hands,
    /// From where in the world the run is made, in your own words: kept with the evidence, since services may do
    /// otherwise elsewhere
    #[arg(long, value_name = "LABEL", env = "WAXSEAL_REGION", value_parser = label)]
    pub(super) region: Option<String>,
    #[command(flatten)]
    pub(super) knowledge: Knowledge,
}

/// How a run is told.
#[derive(Debug, Group)]
pub(super) struct Telling {
    /// Write a report: html, json, junit or markdown (a PATH of `-` is the standard output stream; may be repeated)
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = report)]
    pub(super) reports: Vec<(ReportFormat, PathBuf)>,
    /// Hold the run against its baselines in this file: a change for the worse is a failure
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
}

/// How browsers are had, and who is asked about visitors.
#[derive(Debug, Group)]
pub(super) struct Hands {
    /// Use the WebDriver that answers here, such as a Selenium Grid, instead of starting one
    #[arg(long, value_name = "URL")]
    pub(super) webdriver: Option<String>,
    /// Which chromedriver to start
    #[arg(long, value_name = "PATH")]
    pub(super) chromedriver: Option<PathBuf>,
    /// Which geckodriver to start
    #[arg(long, value_name = "PATH", env = "WAXSEAL_GECKODRIVER")]
    pub(super) geckodriver: Option<PathBuf>,
    /// Which browser to drive: `chromium`, `firefox`, or the path of one (of a Firefox where its name says so)
    #[arg(long, value_name = "chromium|firefox|PATH", value_parser = browser, default_value = "chromium")]
    pub(super) browser: Browser,
    /// Show the browsers
    #[arg(long)]
    pub(super) headed: bool,
    #[command(flatten)]
    pub(super) profiles: ProfilesPath,
    /// Stop, as by Ctrl-C, as soon as there is such a file, and do not begin while it is there
    #[arg(long, value_name = "PATH", env = "WAXSEAL_STOP_FILE")]
    pub(super) stop_file: Option<PathBuf>,
    /// Whom to ask, after the run, for the names of visitors' addresses, or `none`; who is named is asked about private
    /// addresses too [default: the first resolver of /etc/resolv.conf]
    #[arg(long, value_name = "ADDRESS|none", value_parser = resolver)]
    pub(super) resolver: Option<Resolver>,
    /// A page of our own stands in for this host of the service, and the browsers get nowhere else (may be repeated)
    #[arg(long, value_name = "HOST=ADDRESS", hide = true)]
    pub(super) stage: Vec<StageRule>,
}

/// A run that is taken up again.
#[derive(Debug, Group)]
pub(super) struct Resume {
    /// The run: the beginning of its name, or `latest`
    #[arg(value_name = "RUN")]
    pub(super) run: String,
    /// End it as it is: what was still to be done stays undone
    #[arg(long)]
    pub(super) close: bool,
    /// Do what is due now, and leave the rest to be resumed later
    #[arg(long, conflicts_with = "close")]
    pub(super) no_wait: bool,
    /// How many messages are written in an hour at the most, drafts among them, in place of the scenario's number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) per_hour: Option<u16>,
    /// The scenario file, where it is not the one that the run was begun with any more [default: the file named then]
    #[arg(long, value_name = "FILE")]
    pub(super) scenario: Option<PathBuf>,
    /// The value of a variable, where it is another one or was not kept here (may be repeated)
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) vars: Vec<(String, String)>,
    /// A TOML file with values of variables: at its top for all variants, in a table for the variant of that name
    #[arg(long = "vars", value_name = "FILE")]
    pub(super) vars_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) store: StorePath,
    #[command(flatten)]
    pub(super) telling: Telling,
    #[command(flatten)]
    pub(super) tls: Tls,
    #[command(flatten)]
    pub(super) hands: Hands,
    #[command(flatten)]
    pub(super) knowledge: Knowledge,
}

/// Which runs are listed, and how.
#[derive(Debug, Group)]
pub(super) struct Due {
    /// Also those of which something is to be done later, or that somebody has in hand
    #[arg(long)]
    pub(super) all: bool,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) store: StorePath,
}

impl Run {
    /// What is a collector's own business cannot be said of one that is elsewhere.
    pub(super) fn must_leave_it_to_the_collector(&self) -> Result<(), Stopped> {
        let given = [
            ("--public", self.public.is_some()),
            ("--zone", self.names.zone.is_some()),
            ("--lab-authority", self.tls.lab_authority.is_some()),
            ("--certificate", !self.tls.certificates.is_empty()),
            ("--acme", self.tls.acme.is_named()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Stopped::usage(format!(
                "use {flag} with a --store elsewhere: it is said where that collector is started"
            ))),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Group)]
pub(super) struct Calibrate {
    /// How many worlds to simulate
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) worlds: u32,
    /// The seed of the first world; each next one has the next
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Leave out the practice messengers, which need a browser
    #[arg(long)]
    pub(super) no_browser: bool,
    /// Which chromedriver to start
    #[arg(long, value_name = "PATH")]
    pub(super) chromedriver: Option<PathBuf>,
    /// Which Chromium to drive
    #[arg(long, value_name = "PATH")]
    pub(super) browser: Option<PathBuf>,
    /// Write a report: `json=PATH` (`-` for the standard output stream; may be repeated)
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = calibration_report)]
    pub(super) reports: Vec<(CalibrationFormat, PathBuf)>,
}

#[derive(Debug, Group)]
pub(super) struct Judge {
    /// The run: the beginning of its name, or `latest`; or an evidence file (that exists, has a folder in its name, or
    /// ends in .jsonl or .zst)
    #[arg(value_name = "RUN|FILE", default_value = "latest")]
    pub(super) run: String,
    #[command(flatten)]
    pub(super) store: StorePath,
    #[command(flatten)]
    pub(super) telling: Telling,
    #[command(flatten)]
    pub(super) knowledge: Knowledge,
}

#[derive(Debug, Group)]
pub(super) struct Explain {
    /// The run: the beginning of its name, or `latest`; or an evidence file
    #[arg(value_name = "RUN|FILE", default_value = "latest")]
    pub(super) run: String,
    /// The cells: such as `sent`, `sent/http` or `default/sent/http`; without it all but the positive controls
    pub(super) cell: Option<String>,
    #[command(flatten)]
    pub(super) store: StorePath,
    #[command(flatten)]
    pub(super) knowledge: Knowledge,
}

#[derive(Debug, Group)]
pub(super) struct Export {
    /// The run: the beginning of its name, or `latest`
    pub(super) run: String,
    /// The evidence file to write, such as run.jsonl (`-` for the standard output stream)
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Write it even where there is a file of that name
    #[arg(long)]
    pub(super) force: bool,
    /// Pack it with Zstandard, as a name that ends in .zst does
    #[arg(long)]
    pub(super) zstd: bool,
    #[command(flatten)]
    pub(super) store: StorePath,
}

#[derive(Debug, Group)]
pub(super) struct Runs {
    #[command(flatten)]
    pub(super) store: StorePath,
}

#[derive(Debug, Group)]
pub(super) struct Baseline {
    #[command(subcommand)]
    pub(super) verb: BaselineVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum BaselineVerb {
    /// Make a run the baseline of each of its variants
    Set(SetBaseline),
    /// List the baselines
    Show(ShowBaseline),
}

#[derive(Debug, Group)]
pub(super) struct SetBaseline {
    /// The run: the beginning of its name, or `latest`; or an evidence file
    #[arg(value_name = "RUN|FILE", default_value = "latest")]
    pub(super) run: String,
    /// The file of baselines, made to be kept beside the scenarios
    #[arg(long, value_name = "FILE", default_value = BASELINES)]
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) store: StorePath,
    #[command(flatten)]
    pub(super) knowledge: Knowledge,
}

#[derive(Debug, Group)]
pub(super) struct ShowBaseline {
    /// The file of baselines
    #[arg(long, value_name = "FILE", default_value = BASELINES)]
    pub(super) file: PathBuf,
}

/// Where baselines are kept where nothing else is said.
const BASELINES: &str = "baselines.json";

#[derive(Debug, Group)]
pub(super) struct Compare {
    /// The earlier run: the beginning of its name, `latest`, or `baseline`; or an evidence file
    #[arg(value_name = "BEFORE", default_value = "baseline")]
    pub(super) before: String,
    /// The run that is held against it, named likewise
    #[arg(value_name = "AFTER", default_value = "latest")]
    pub(super) after: String,
    /// The file of baselines
    #[arg(long, value_name = "FILE", default_value = BASELINES)]
    pub(super) file: PathBuf,
    /// Say it as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) store: StorePath,
    #[command(flatten)]
    pub(super) knowledge: Knowledge,
}

#[derive(Debug, Group)]
pub(super) struct OverTime {
    /// The service's short name, as `waxseal runs` and its scenario have it
    pub(super) service: String,
    /// Say it as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) store: StorePath,
    #[command(flatten)]
    pub(super) knowledge: Knowledge,
}

#[derive(Debug, Group)]
pub(super) struct PublicPages {
    /// The folder to write them to; it is made where there is none
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
    /// Where they will be found, an address with a slash at its end: the feed leads there
    #[arg(long, value_name = "URL", value_parser = site_address)]
    pub(super) url: Option<url::Url>,
    /// How many of the last runs of each service get pages of their own
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(super) runs: u16,
    #[command(flatten)]
    pub(super) store: StorePath,
    #[command(flatten)]
    pub(super) knowledge: Knowledge,
}

#[derive(Debug, Group)]
pub(super) struct Verify {
    /// The run: the beginning of its name, or `latest`; or an evidence file [default: the whole store]
    #[arg(value_name = "RUN|FILE")]
    pub(super) run: Option<String>,
    #[command(flatten)]
    pub(super) store: StorePath,
}

#[derive(Debug, Group)]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) given: Given,
}

/// How a collector is set up, as far as it was typed or is in the environment: what was typed counts first, then the
/// environment, then the file of `--config`, then the default. Lists take the place of the file's, whole.
#[derive(Debug, Default, Group)]
pub(super) struct Given {
    /// Read settings from this TOML file (ci/deploy/serve.toml is one to begin with); what is typed or in the
    /// environment counts before what is in it
    #[arg(long, value_name = "FILE", env = "WAXSEAL_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// The evidence store; made where there is none [default: waxseal.db]
    #[arg(long, value_name = "PATH", env = "WAXSEAL_STORE")]
    pub(super) store: Option<PathBuf>,
    /// Where to listen (may be repeated, or a list with commas); port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "WAXSEAL_LISTEN",
        value_delimiter = ','
    )]
    pub(super) listen: Vec<SocketAddr>,
    /// The address in links and pages, where it is not the first one listened on (such as http://198.51.100.7)
    #[arg(long, value_name = "URL", env = "WAXSEAL_PUBLIC")]
    pub(super) public: Option<String>,
    /// Answer DNS queries for this zone, such as canary.example
    #[arg(long, value_name = "NAME", env = "WAXSEAL_ZONE", value_parser = zone)]
    pub(super) zone: Option<Zone>,
    /// Where to answer them, over UDP and TCP (may be repeated, or a list with commas) [default: 127.0.0.1:0]
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "WAXSEAL_DNS_LISTEN",
        value_delimiter = ','
    )]
    pub(super) dns_listen: Vec<SocketAddr>,
    /// An address that the zone's names lead to, where it is not one listened on (may be repeated, or a list with
    /// commas)
    #[arg(
        long = "address",
        value_name = "IP",
        env = "WAXSEAL_ADDRESSES",
        value_delimiter = ','
    )]
    pub(super) addresses: Vec<IpAddr>,
    /// A network of proxies of your own, whose word on whom they forward for is kept beside their address (may be
    /// repeated, or a list with commas)
    #[arg(
        long = "proxy",
        value_name = "CIDR",
        env = "WAXSEAL_PROXIES",
        value_delimiter = ','
    )]
    pub(super) proxies: Vec<IpNet>,
    /// Answer runs elsewhere here, over HTTPS: they register, write what they did, and read who came
    #[arg(long, value_name = "ADDRESS", env = "WAXSEAL_ADMIN")]
    pub(super) admin: Option<SocketAddr>,
    /// Where the secret is that planting asks for: `env:NAME` or `file:PATH`
    #[arg(long, value_name = "REFERENCE", env = "WAXSEAL_PLANT_SECRET", value_parser = Reference::typed)]
    pub(super) plant_secret: Option<Reference>,
    /// Where the secret is that reading asks for: `env:NAME` or `file:PATH`
    #[arg(long, value_name = "REFERENCE", env = "WAXSEAL_READ_SECRET", value_parser = Reference::typed)]
    pub(super) read_secret: Option<Reference>,
    /// How log lines are written [default: text]
    #[arg(long, value_enum, value_name = "FORMAT", env = "WAXSEAL_LOG_FORMAT")]
    pub(super) log_format: Option<LogFormat>,
    /// From which level on something is logged; -v counts before it [default: info]
    #[arg(long, value_enum, value_name = "LEVEL", env = "WAXSEAL_LOG_LEVEL")]
    pub(super) log_level: Option<LogLevel>,
    #[command(flatten)]
    pub(super) tls: Tls,
}

#[derive(Debug, Group)]
pub(super) struct Doctor {
    #[command(flatten)]
    pub(super) walk: Walk,
    #[command(flatten)]
    pub(super) given: Given,
    /// Where the public door is to be looked for, in place of where the collector listens (may be repeated, or a list
    /// with commas)
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub(super) at: Vec<SocketAddr>,
    /// The same for its answers to DNS queries
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub(super) dns_at: Vec<SocketAddr>,
    /// Whom to ask for the zone as a stranger would [default: the first resolver of /etc/resolv.conf]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) resolver: Option<SocketAddr>,
    /// Hold the clock against the Date of this web server; without it nobody is asked
    #[arg(long, value_name = "URL")]
    pub(super) clock_from: Option<String>,
}

/// A scenario that is walked through, and with which browser.
#[derive(Debug, Group)]
#[command(next_help_heading = "With a SCENARIO")]
pub(super) struct Walk {
    /// Walk through this scenario, instead of looking at a collector
    pub(super) scenario: Option<PathBuf>,
    /// Only in this variant (may be repeated)
    #[arg(long = "variant", value_name = "NAME", requires = "scenario")]
    pub(super) variants: Vec<String>,
    /// The value of a variable (may be repeated)
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair, requires = "scenario")]
    pub(super) vars: Vec<(String, String)>,
    /// A TOML file with values of variables
    #[arg(long = "vars", value_name = "FILE", requires = "scenario")]
    pub(super) vars_file: Option<PathBuf>,
    /// Use the WebDriver that answers here, instead of starting chromedriver
    #[arg(long, value_name = "URL", requires = "scenario")]
    pub(super) webdriver: Option<String>,
    /// Which chromedriver to start
    #[arg(long, value_name = "PATH", requires = "scenario")]
    pub(super) chromedriver: Option<PathBuf>,
    /// Which Chromium to drive
    #[arg(long, value_name = "PATH", requires = "scenario")]
    pub(super) browser: Option<PathBuf>,
    /// Show the browsers, so that a person can sign in
    #[arg(long, requires = "scenario")]
    pub(super) headed: bool,
    /// A page of our own stands in for this host of the service, and the browsers get nowhere else (may be repeated)
    #[arg(long, value_name = "HOST=ADDRESS", hide = true, requires = "scenario")]
    pub(super) stage: Vec<StageRule>,
}

#[derive(Debug, Group)]
pub(super) struct Practice {
    /// How the provider behaves
    #[arg(long, value_name = "NAME", value_parser = personas())]
    pub(super) persona: Persona,
    /// Where the messenger listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// The DNS server that the provider asks [default: as this machine does]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) resolver: Option<SocketAddr>,
    /// How long after sending a late visitor comes
    #[arg(long, value_parser = duration, default_value = "1500ms")]
    pub(super) late: Duration,
    /// What decides whatever is left to chance
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Which Chromium the persona drives that renders pages
    #[arg(long, value_name = "PATH")]
    pub(super) browser: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct New {
    /// The service's short name
    pub(super) name: String,
    /// The file to write [default: NAME.toml]
    pub(super) file: Option<PathBuf>,
}

/// Where profiles are kept.
#[derive(Debug, Default, Group)]
pub(super) struct ProfilesPath {
    /// The folder of the profiles that are kept from run to run [default: beside the store, as waxseal.profiles]
    #[arg(long = "profiles", value_name = "DIR", env = "WAXSEAL_PROFILES")]
    pub(super) profiles: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct Login {
    /// Scenario file
    pub(super) file: PathBuf,
    /// Only this variant (may be repeated)
    #[arg(long = "variant", value_name = "NAME")]
    pub(super) variants: Vec<String>,
    /// The value of a variable (may be repeated)
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) vars: Vec<(String, String)>,
    /// A TOML file with values of variables: at its top for all variants, in a table for the variant of that name
    #[arg(long = "vars", value_name = "FILE")]
    pub(super) vars_file: Option<PathBuf>,
    /// Only this account [default: the sender, then the recipient]
    #[arg(long, value_name = "NAME", value_parser = accounts())]
    pub(super) account: Option<Account>,
    /// Without a window, where signing in takes no person
    #[arg(long)]
    pub(super) headless: bool,
    /// Which chromedriver to start
    #[arg(long, value_name = "PATH")]
    pub(super) chromedriver: Option<PathBuf>,
    /// Which Chromium to drive
    #[arg(long, value_name = "PATH")]
    pub(super) browser: Option<PathBuf>,
    #[command(flatten)]
    pub(super) profiles: ProfilesPath,
    #[command(flatten)]
    pub(super) store: StorePath,
}

#[derive(Debug, Group)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Sessions {
    /// As JSON: a list with whose each is, since when, and when it was last seen to be good
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) profiles: ProfilesPath,
    #[command(flatten)]
    pub(super) store: StorePath,
    #[command(subcommand)]
    pub(super) verb: Option<SessionsVerb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum SessionsVerb {
    /// Write all that are kept to an archive, encrypted in the age format
    #[command(after_help = PACK_EXAMPLES)]
    Pack(Pack),
    /// Keep what is in such an archive
    #[command(after_help = UNPACK_EXAMPLES)]
    Unpack(Unpack),
}

const PACK_EXAMPLES: &str = "Examples:
  waxseal sessions pack profiles.age --recipient age1...
  waxseal sessions pack profiles.age --passphrase env:PROFILES_PASSPHRASE";

const UNPACK_EXAMPLES: &str = "Examples:
  waxseal sessions unpack profiles.age --identity file:key.txt
  waxseal sessions unpack profiles.age --passphrase env:PROFILES_PASSPHRASE --force";

#[derive(Debug, Group)]
pub(super) struct Pack {
    /// The archive to write
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// For whom: an age recipient (may be repeated)
    #[arg(
        long = "recipient",
        value_name = "age1...",
        required_unless_present = "passphrase"
    )]
    pub(super) recipients: Vec<String>,
    /// Where the passphrase is: `env:NAME` or `file:PATH`
    #[arg(long, value_name = "REFERENCE", value_parser = Reference::typed, conflicts_with = "recipients")]
    pub(super) passphrase: Option<Reference>,
    #[command(flatten)]
    pub(super) profiles: ProfilesPath,
    #[command(flatten)]
    pub(super) store: StorePath,
}

#[derive(Debug, Group)]
pub(super) struct Unpack {
    /// The archive to read
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Where the age identity is: `env:NAME` or `file:PATH`
    #[arg(long, value_name = "REFERENCE", value_parser = Reference::typed, required_unless_present = "passphrase")]
    pub(super) identity: Option<Reference>,
    /// Where the passphrase is: `env:NAME` or `file:PATH`
    #[arg(long, value_name = "REFERENCE", value_parser = Reference::typed, conflicts_with = "identity")]
    pub(super) passphrase: Option<Reference>,
    /// Take the place of profiles that are there already
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) profiles: ProfilesPath,
    #[command(flatten)]
    pub(super) store: StorePath,
}

#[derive(Debug, Group)]
pub(super) struct Show {
    /// The run: the beginning of its name, `latest`, or a file with its evidence
    #[arg(value_name = "RUN")]
    pub(super) run: String,
    /// The trial's number, or `login` for what went wrong before any [default: all that went wrong, in short]
    #[arg(value_name = "TRIAL")]
    pub(super) trial: Option<String>,
    #[command(flatten)]
    pub(super) store: StorePath,
}

#[derive(Debug, Group)]
pub(super) struct Completions {
    /// Which shell
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Group)]
pub(super) struct Man {
    /// The folder to write pages to, made where there is none [default: the program's own page, to the standard output]
    #[arg(value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct Authority {
    /// Its folder; made where there is none, and left as it is where there is one
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
}

/// What the collector shows over TLS. Without any of these: a certificate that nobody has reason to trust.
#[derive(Debug, Default, Group)]
pub(super) struct Tls {
    /// Take the certificate from the lab authority in this folder (made where there is none; its ca.pem is what a
    /// messenger must trust)
    #[arg(
        long,
        value_name = "DIR",
        env = "WAXSEAL_LAB_AUTHORITY",
        conflicts_with = "certificates"
    )]
    pub(super) lab_authority: Option<PathBuf>,
    /// Show this certificate of your own, read again when it changes: PEM, the leaf first, then the rest of its chain
    /// (may be repeated, or a list with commas, each with its --key; the client's host decides, and the first is shown where none fits)
    #[arg(
        long = "certificate",
        value_name = "CHAIN.pem",
        env = "WAXSEAL_CERTIFICATE",
        value_delimiter = ',',
        requires = "keys"
    )]
    certificates: Vec<PathBuf>,
    /// The private key of the --certificate at the same place
    #[arg(
        long = "key",
        value_name = "KEY.pem",
        env = "WAXSEAL_KEY",
        value_delimiter = ',',
        requires = "certificates"
    )]
    keys: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) acme: AcmeAuthority,
}

/// Who issues the zone's certificate.
#[derive(Debug, Default, Group)]
pub(super) struct AcmeAuthority {
    /// Have one certificate for the zone and all its names issued, and renewed in time, by the ACME authority with this
    /// directory, such as `https://acme-v02.api.letsencrypt.org/directory`; to name it is to agree to its terms
    #[arg(long = "acme", value_name = "URL", value_parser = directory, env = "WAXSEAL_ACME",
        conflicts_with_all = ["certificates", "lab_authority"])]
    directory: Option<String>,
    /// Where the authority may write to you (may be repeated)
    #[arg(long = "acme-contact", value_name = "mailto:ADDRESS", value_parser = contact, requires = "directory")]
    contacts: Vec<String>,
    /// Trust this root as well when the authority is spoken to
    #[arg(long = "acme-root", value_name = "CA.pem", requires = "directory")]
    root: Option<PathBuf>,
    /// Where the account, the certificate and its key are kept [default: beside the store, as waxseal.acme]
    #[arg(long = "acme-dir", value_name = "DIR", requires = "directory")]
    folder: Option<PathBuf>,
    /// The authority's name in CAA records, where its directory does not say it (may be repeated)
    #[arg(long = "acme-caa", value_name = "NAME", value_parser = caa, requires = "directory")]
    authorities: Vec<String>,
}

impl AcmeAuthority {
    fn is_named(&self) -> bool {
        self.directory.is_some()
    }

    pub(super) fn setting(&self, store: &Path) -> Option<Acme> {
        let folder = self.folder.clone();
        Some(Acme {
            directory: self.directory.clone()?,
            contacts: self.contacts.clone(),
            root: self.root.clone(),
            folder: folder.unwrap_or_else(|| store.with_extension("acme")),
            authorities: self.authorities.clone(),
        })
    }
}

impl Tls {
    /// Each certificate with its key.
    pub(super) fn pairs(&self) -> Result<Vec<Pair>, String> {
        let (certificates, keys) = (self.certificates.len(), self.keys.len());
        if certificates != keys {
            return Err(format!(
                "pair certificates with keys: there are {certificates} --certificate and {keys} --key; give each its own"
            ));
        }
        let pairs = self.certificates.iter().zip(&self.keys);
        let pairs = pairs.map(|(chain, key)| Pair {
            chain: chain.clone(),
            key: key.clone(),
        });
        Ok(pairs.collect())
    }
}

/// What is known of who is who, beyond what comes with the program.
#[derive(Debug, Default, Group)]
pub(super) struct Knowledge {
    /// Take what is known of services from this file, or from the *.toml in this folder; of whom they name, nothing else
    /// is believed (may be repeated)
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) known: Vec<PathBuf>,
    /// A table of autonomous systems: MMDB, or CSV lines `start,end,asn,"org"` or `prefix,asn,"org"`
    #[arg(long, value_name = "FILE")]
    pub(super) asn: Option<PathBuf>,
}

/// Which browser to drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Browser {
    pub(super) make: Make,
    /// None: the first that is found.
    pub(super) path: Option<PathBuf>,
}

/// Whom to ask for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolver {
    Nobody,
    At(SocketAddr),
}

/// The zone that the collector answers for.
#[derive(Debug, Group)]
pub(super) struct Names {
    /// Answer DNS queries for this zone, such as canary.example; links get a token in their host as well
    #[arg(long, value_name = "NAME", value_parser = zone)]
    zone: Option<Zone>,
    /// Where to answer them, over UDP and TCP; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS", requires = "zone")]
    dns_listen: Option<SocketAddr>,
    /// An address that the zone's names lead to, where it is not the one the collector listens on (may be repeated)
    #[arg(long = "address", value_name = "IP", requires = "zone")]
    addresses: Vec<IpAddr>,
}

impl Names {
    pub(super) fn setting(&self) -> Option<ZoneSetting> {
        Some(ZoneSetting {
            zone: self.zone.clone()?,
            listen: vec![
                self.dns_listen
                    .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            ],
            addresses: self.addresses.clone(),
        })
    }
}

#[derive(Debug, Group)]
pub(super) struct StorePath {
    /// The evidence store: a file, made where there is none, or the https:// address of a collector's interface
    #[arg(
        long = "store",
        value_name = "PATH|URL",
        env = "WAXSEAL_STORE",
        default_value = "waxseal.db"
    )]
    pub(super) path: PathBuf,
    /// A certificate (PEM) to trust for a --store elsewhere, besides the machine's own
    #[arg(long = "store-root", value_name = "FILE", env = "WAXSEAL_STORE_ROOT")]
    pub(super) store_root: Option<PathBuf>,
}

impl StorePath {
    /// The address of the collector that keeps it, where that is elsewhere.
    pub(super) fn collector(&self) -> Option<&str> {
        let address = self.path.to_str()?;
        let is_address = ["https://", "http://"].iter().any(|scheme| {
            let front = address.get(..scheme.len());
            front.is_some_and(|front| front.eq_ignore_ascii_case(scheme))
        });
        is_address.then_some(address)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportFormat {
    Html,
    Json,
    Junit,
    Markdown,
}

/// What a calibration is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CalibrationFormat {
    Json,
}

impl ReportFormat {
    /// All of them, by the names that they are asked for.
    const NAMES: [(&str, Self); 4] = [
        ("html", Self::Html),
        ("json", Self::Json),
        ("junit", Self::Junit),
        ("markdown", Self::Markdown),
    ];
}

/// The longest label, in characters.
const LABEL: usize = 60;

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .ok_or_else(|| "a duration needs its unit, as in 30s, 15m or 48h".to_owned())
}

/// A few words of one line.
fn label(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = (1..=LABEL).contains(&text.chars().count());
    match fits && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(format!("give it in one line of at most {LABEL} characters")),
    }
}

/// The personas by their names, with a line about each.
fn personas() -> impl TypedValueParser<Value = Persona> {
    let named = |persona: &Persona| PossibleValue::new(persona.name()).help(persona.words());
    PossibleValuesParser::new(Persona::ALL.iter().map(named))
        .try_map(|name| Persona::from_name(&name).ok_or("there is no such persona"))
}

fn arms() -> impl TypedValueParser<Value = Arm> {
    PossibleValuesParser::new(Arm::IN_REPORTS.iter().map(|arm| arm.name()))
        .try_map(|name| Arm::from_name(&name).ok_or("there is no such arm"))
}

fn forms() -> impl TypedValueParser<Value = Form> {
    PossibleValuesParser::new(Form::ALL.iter().map(|form| form.name()))
        .try_map(|name| Form::from_name(&name).ok_or("there is no such form"))
}

fn accounts() -> impl TypedValueParser<Value = Account> {
    let names = Account::ALL.iter().map(|account| account.name());
    PossibleValuesParser::new(names)
        .try_map(|name| Account::from_name(&name).ok_or("there is no such account"))
}

fn resolver(text: &str) -> Result<Resolver, String> {
    let with_port = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    match text {
        "none" => Ok(Resolver::Nobody),
        _ => text
            .parse()
            .or_else(|_| with_port())
            .map(Resolver::At)
            .map_err(|_| {
                "a resolver is an address, such as 192.0.2.53 or [2001:db8::53]:53, or `none`"
                    .to_owned()
            }),
    }
}

fn browser(text: &str) -> Result<Browser, Infallible> {
    let (make, path) = match text {
        "chromium" => (Make::Chromium, None),
        "firefox" => (Make::Firefox, None),
        path => (Make::of(Path::new(path)), Some(path.into())),
    };
    Ok(Browser { make, path })
}

fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).ok_or_else(|| {
        "a zone is a host name with room for a token in front, such as canary.example".to_owned()
    })
}

pub(super) fn directory(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if url.scheme() == "https" && url.has_host() => Ok(text.to_owned()),
        _ => Err(
            "a directory is an address over https, such as https://acme.example/directory"
                .to_owned(),
        ),
    }
}

fn site_address(text: &str) -> Result<url::Url, String> {
    let of_web = |url: &url::Url| matches!(url.scheme(), "http" | "https");
    match url::Url::parse(text).ok().filter(of_web) {
        Some(url) if url.path().ends_with('/') => Ok(url),
        _ => Err(
            "it is an address with a slash at its end, such as https://audit.example/".to_owned(),
        ),
    }
}

pub(super) fn contact(text: &str) -> Result<String, String> {
    match text.strip_prefix("mailto:") {
        Some(address) if address.contains('@') => Ok(text.to_owned()),
        _ => Err("give it as mailto:somebody@example.org".to_owned()),
    }
}

pub(super) fn caa(text: &str) -> Result<String, String> {
    let is_name = url::Host::parse(text).is_ok_and(|host| matches!(host, url::Host::Domain(_)));
    is_name
        .then(|| text.to_owned())
        .ok_or_else(|| "it is the authority's domain name, such as letsencrypt.org".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn calibration_report(text: &str) -> Result<(CalibrationFormat, PathBuf), String> {
    match report(text)? {
        (ReportFormat::Json, path) => Ok((CalibrationFormat::Json, path)),
        _ => Err("a calibration is written as json=PATH".to_owned()),
    }
}

fn report(text: &str) -> Result<(ReportFormat, PathBuf), String> {
    let Some((format, path)) = text.split_once('=').filter(|(_, path)| !path.is_empty()) else {
        return Err("give it as FORMAT=PATH, such as html=report.html".to_owned());
    };
    let mut known = ReportFormat::NAMES.iter();
    match known.find(|(name, _)| *name == format) {
        Some((_, format)) => Ok((*format, path.into())),
        None => {
            let names = ReportFormat::NAMES.map(|(name, _)| name);
            Err(format!(
                "no report format named `{format}`; there are {}",
                names.join(", ")
            ))
        }
    }
}
