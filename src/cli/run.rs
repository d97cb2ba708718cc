use std::net::Ipv4Addr;
use std::sync::Arc;

use super::args::{Resolver, Run};
use super::authority::credentials;
use super::doctor::system_resolver;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::past::Past;
use super::progress::followed;
use super::report::{Targets, show};
use super::scenario::{Chosen, choose, load};
use super::store::{Named, SECRET, evidence};
use crate::audit::{Conducted, Inquiry, Setting, conduct};
use crate::browser::DriverOptions;
use crate::canary::Zone;
use crate::collector::ZoneSetting;
use crate::model::Doorway;
use crate::store::{EvidenceStore, RemoteStore};
use crate::verdict::ExitStatus;

/// The zone of a run on practice messengers where none is given: one that no resolver leads anywhere (RFC 6761).
const PRACTICE_ZONE: &str = "practice.test";

/// `colour` is for the report, `red` for what is wrong: they go to different streams.
pub(super) fn run(asked: &Run, colour: bool, red: bool, quiet: bool) -> Result<Exit, Stopped> {
    let mut scenario = load(asked.choice.file.as_deref(), red)?;
    if asked.open_doors {
        scenario.experiment.doors = vec![Doorway::Open];
    }
    let chosen = choose(scenario, &asked.choice)?;
    // Before the first message is sent: a report that cannot be written would be found out too late.
    let targets = Targets::open(&asked.reports)?;
    let held = Held::read(&asked.knowledge)?;
    let named = Named::open(&asked.store)?;
    let setting = setting(asked, chosen, named.collector(), &held)?;
    let store = named.any();
    let past = Past::read(asked.baseline.as_deref(), Some(named))?;
    let conducted = play(setting, Arc::clone(&store), quiet)?;
    let shown = match conducted.run {
        Some(run) => show(&evidence(&*store, run)?, &held, &past, targets, colour),
        None => Ok(Exit(ExitStatus::Interrupted)),
    };
    if conducted.interrupted {
        return Ok(Exit(ExitStatus::Interrupted));
    }
    shown
}

fn setting(
    asked: &Run,
    chosen: Chosen,
    collector: Option<Arc<RemoteStore>>,
    held: &Held,
) -> Result<Setting, Stopped> {
    if collector.is_some() {
        asked.must_leave_it_to_the_collector()?;
    }
    let variants = chosen.values().map_err(Stopped::usage)?;
    let mut hidden = chosen.scenario.accounts.secret_variables();
    hidden.push(SECRET.to_owned());
    let driver = DriverOptions {
        keeper: None,
        chromedriver: asked.chromedriver.clone(),
        browser: asked.browser.clone(),
        webdriver: asked.webdriver.clone(),
        hidden,
    };
    Ok(Setting {
        variants,
        window: chosen.scenario.experiment.window,
        zone: asked.names.setting().or_else(|| {
            let given = asked.public.is_some();
            practice_zone(&chosen).filter(|_| !given)
        }),
        scenario: chosen.scenario,
        plan: chosen.plan,
        listen: asked.listen,
        public: asked.public.clone(),
        credentials: credentials(&asked.tls, &asked.store.path)?,
        collector,
        driver,
        headed: asked.headed,
        inquiry: inquiry(asked.resolver, held),
        data: held.sources().versions(),
        region: asked.region.clone(),
    })
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
fn inquiry(asked: Option<Resolver>, held: &Held) -> Inquiry {
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

fn play(
    setting: Setting,
    store: Arc<dyn EvidenceStore>,
    quiet: bool,
) -> Result<Conducted, Stopped> {
    let conducted = followed(quiet, async |teller, stop| {
        conduct(setting, store, teller, &stop).await
    });
    Ok(conducted??)
}
