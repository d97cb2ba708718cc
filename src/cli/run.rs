use std::net::Ipv4Addr;

use super::args::{Hands, Resolver, Run};
use super::authority::credentials;
use super::doctor::system_resolver;
use super::due;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::login::profiles_for as profiles;
use super::out::{complain, say};
use super::past::Past;
use super::person::people;
use super::progress::followed;
use super::report::{Targets, show, tell_failure, write_provisional};
use super::scenario::{Chosen, choose, load};
use super::show::scenes;
use super::store::{Named, SECRET, evidence, wait};
use crate::audit::{Conducted, Inquiry, Setting, Values, conduct};
use crate::browser::{DriverOptions, StageRule};
use crate::canary::Zone;
use crate::collector::ZoneSetting;
use crate::model::{Account, Doorway, Entry, Record, RunId, VariantRef};
use crate::scenario::Scenario;
use crate::store::Place;
use crate::verdict::ExitStatus;

/// The zone of a run on practice messengers where none is given: one that no resolver leads anywhere (RFC 6761).
const PRACTICE_ZONE: &str = "practice.test";

/// `colour` is for the report, `red` for what is wrong: they go to different streams.
pub(super) fn run(asked: &Run, colour: bool, red: bool, quiet: bool) -> Result<Exit, Stopped> {
    let chosen = chosen(asked, red)?;
    // Before the first message is sent: a report that cannot be written would be found out too late.
    let targets = Targets::open(&asked.telling.reports)?;
    let held = Held::read(&asked.knowledge)?;
    let named = Named::open(&asked.store)?;
    let place = named.place();
    let setting = setting(asked, chosen, place.clone(), &held)?;
    let past = Past::read(asked.telling.baseline.as_deref(), Some(named))?;
    tell_of_unfinished(&place, quiet)?;
    let (conducted, targets) = played(setting, &asked.hands, quiet, targets)?;
    judged(&place, conducted, &held, &past, targets, colour)
}

/// Plays a run, or says in its reports why it could not be played.
fn played(
    setting: Setting,
    asked: &Hands,
    quiet: bool,
    targets: Targets,
) -> Result<(Conducted, Targets), Stopped> {
    match play(setting, asked, quiet) {
        Ok(conducted) => Ok((conducted, targets)),
        Err(stopped) => {
            tell_failure(targets, &stopped)?;
            Err(stopped)
        }
    }
}

/// Plants, and leaves the rest to whoever resumes the run.
pub(super) fn send(asked: &Run, red: bool, quiet: bool) -> Result<Exit, Stopped> {
    let chosen = chosen(asked, red)?;
    if asked.store.collector().is_none() {
        return Err(Stopped::usage(
            "send without a collector that stays: name one with --store https://HOST:PORT (`waxseal serve --admin` is one), or \
             use `waxseal run`, which listens itself",
        ));
    }
    if chosen.variants.iter().any(|one| one.practice.is_some()) {
        return Err(Stopped::usage(
            "send to practice messengers of its own: they would end with it; start one with `waxseal practice`, and name it in \
             a variable",
        ));
    }
    let targets = Targets::open(&asked.telling.reports)?;
    let held = Held::read(&asked.knowledge)?;
    let place = Named::open(&asked.store)?.place();
    let setting = Setting {
        stays: false,
        ..setting(asked, chosen, place.clone(), &held)?
    };
    let (conducted, targets) = played(setting, &asked.hands, quiet, targets)?;
    match conducted.run.filter(|_| !conducted.interrupted) {
        Some(run) => left(&place, run, &held, targets),
        None => Ok(Exit(ExitStatus::Interrupted)),
    }
}

/// Says of a run that is left what is to be done of it, and when. A report says what there is so far.
pub(super) fn left(
    place: &Place,
    run: RunId,
    held: &Held,
    targets: Targets,
) -> Result<Exit, Stopped> {
    let so_far = evidence(&*place.store(), run)?;
    let shows = !targets.takes_stdout();
    write_provisional(&so_far, held, targets)?;
    if shows {
        say(&due::line(&so_far));
    }
    let failed = |entry: &Entry| matches!(entry.record, Record::Failure(_));
    Ok(Exit(match so_far.entries.iter().any(failed) {
        true => ExitStatus::Inconclusive,
        false => ExitStatus::Met,
    }))
}

/// Judges what was conducted, and shows it.
pub(super) fn judged(
    place: &Place,
    conducted: Conducted,
    held: &Held,
    past: &Past,
    targets: Targets,
    colour: bool,
) -> Result<Exit, Stopped> {
    let shown = match conducted.run {
        Some(run) => show(
            &evidence(&*place.store(), run)?,
            held,
            past,
            targets,
            colour,
        ),
        None => Ok(Exit(ExitStatus::Interrupted)),
    };
    if conducted.interrupted {
        return Ok(Exit(ExitStatus::Interrupted));
    }
    shown
}

fn chosen(asked: &Run, red: bool) -> Result<Chosen, Stopped> {
    let mut scenario = load(asked.choice.file.as_deref(), red)?;
    if asked.open_doors {
        scenario.experiment.doors = vec![Doorway::Open];
    }
    choose(scenario, &asked.choice)
}

/// Says in one line which runs were left unfinished, so that none is forgotten.
fn tell_of_unfinished(place: &Place, quiet: bool) -> Result<(), Stopped> {
    let unfinished = wait(place.unfinished())?.map_err(Stopped::could_not_run)?;
    let left = unfinished.iter().filter(|one| !one.held);
    let names: Vec<String> = left.map(|one| one.run.to_string()).collect();
    if let (false, Some(last)) = (quiet, names.last()) {
        let (runs, are) = match names.len() {
            1 => ("run", "is"),
            _ => ("runs", "are"),
        };
        complain(&format!(
            "{} earlier {runs} {are} unfinished, the last of them {last}: `waxseal due --all` says what is to be done\n",
            names.len()
        ));
    }
    Ok(())
}

fn setting(asked: &Run, chosen: Chosen, place: Place, held: &Held) -> Result<Setting, Stopped> {
    if place.elsewhere().is_some() {
        asked.must_leave_it_to_the_collector()?;
    }
    let mut variants = chosen.values().map_err(Stopped::usage)?;
    set_apart(&mut variants, &asked.hands.stage);
    let by_hand = chosen.scenario.provenance.by_hand;
    Ok(Setting {
        variants,
        window: chosen.scenario.experiment.window,
        zone: asked.names.setting().or_else(|| {
            let given = asked.public.is_some();
            practice_zone(&chosen).filter(|_| !given)
        }),
        driver: driver(&asked.hands, &chosen.scenario),
        scenario: chosen.scenario,
        plan: chosen.plan,
        listen: asked.listen,
        public: asked.public.clone(),
        credentials: credentials(&asked.tls, &asked.store.path)?,
        place,
        again: None,
        stays: true,
        headed: asked.hands.headed,
        profiles: profiles(&asked.hands, &asked.store),
        scenes: scenes(&asked.store),
        people: by_hand.then(people),
        inquiry: inquiry(asked.hands.resolver, held),
        data: held.sources().versions(),
        region: asked.region.clone(),
    })
}

/// What was seen on a stage is held against nothing that was seen of the service.
fn set_apart(variants: &mut [(VariantRef, Values)], stage: &[StageRule]) {
    for (variant, _) in variants.iter_mut().filter(|_| !stage.is_empty()) {
        let said = "not the service".to_owned();
        variant.covariates.insert("stage".to_owned(), said);
    }
}

/// How browsers are had that must not see what is secret.
pub(super) fn driver(asked: &Hands, scenario: &Scenario) -> DriverOptions {
    let mut hidden = scenario.accounts.secret_variables();
    hidden.push(SECRET.to_owned());
    DriverOptions {
        keeper: None,
        make: asked.browser.make,
        by_hand: scenario.provenance.by_hand,
        chromedriver: asked.chromedriver.clone(),
        geckodriver: asked.geckodriver.clone(),
        browser: asked.browser.path.clone(),
        // Each variant has its own, and all of them at the same time.
        browsers: scenario.variants.len() * Account::ALL.len(),
        webdriver: asked.webdriver.clone(),
        stage: asked.stage.clone(),
        hidden,
    }
}

/// On a practice messenger names can be looked up for real: nobody but its provider asks for them.
pub(super) fn practice_zone(chosen: &Chosen) -> Option<ZoneSetting> {
    let practice = chosen.variants.iter().any(|one| one.practice.is_some());
    let zone = Zone::parse(PRACTICE_ZONE).filter(|_| practice)?;
    Some(ZoneSetting {
        zone,
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        addresses: Vec::new(),
    })
}

/// Without a resolver that was named, the machine's own is asked, and only about addresses that mean something to it.
pub(super) fn inquiry(asked: Option<Resolver>, held: &Held) -> Inquiry {
    Inquiry {
        resolver: match asked {
            Some(Resolver::At(address)) => Some(address),
            Some(Resolver::Nobody) => None,
            None => system_resolver(),
        },
        local: asked.is_some(),
        table: held.table.clone(),
    }
}

pub(super) fn play(setting: Setting, asked: &Hands, quiet: bool) -> Result<Conducted, Stopped> {
    // Bars would be drawn over the questions.
    let quiet = quiet || setting.people.is_some();
    let conducted = followed(quiet, async |teller, stop| {
        let stop = stop.or_while_there_is(asked.stop_file.clone());
        conduct(setting, teller, &stop).await
    });
    Ok(conducted??)
}
