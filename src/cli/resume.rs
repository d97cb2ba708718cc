use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::args::{Choice, Resume};
use super::authority::credentials;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::login::profiles_for as profiles;
use super::out::complain;
use super::past::Past;
use super::person::people;
use super::progress::followed;
use super::report::Targets;
use super::run::{driver, inquiry, judged, left};
use super::scenario::{read, validated, values_again};
use super::show::scenes;
use super::store::{Named, evidence, run_named, wait};
use crate::audit::{AuditError, Conducted, Setting, close, conduct, kept_values};
use crate::collector::CollectorError;
use crate::diagnostic::Source;
use crate::model::{Evidence, Manifest, RunId};
use crate::plan::Plan;
use crate::store::Place;

/// Goes on with a run, and judges it if it came to its end.
pub(super) fn resume(
    asked: &Resume,
    colour: bool,
    red: bool,
    quiet: bool,
) -> Result<Exit, Stopped> {
    let targets = Targets::open(&asked.telling.reports)?;
    let held = Held::read(&asked.knowledge)?;
    let named = Named::open_existing(&asked.store)?;
    let place = named.place();
    let past = Past::read(asked.telling.baseline.as_deref(), Some(named))?;
    let run = run_named(&*place.store(), &asked.run)?;
    let conducted = match asked.close {
        true => closed(&place, run)?,
        false => gone_on_with(asked, &place, run, &held, red, quiet)?,
    };
    match conducted.left_until {
        Some(_) => left(&place, run, &held, targets),
        None => judged(&place, conducted, &held, &past, targets, colour),
    }
}

fn closed(place: &Place, run: RunId) -> Result<Conducted, Stopped> {
    wait(close(place, run))??;
    Ok(Conducted {
        run: Some(run),
        interrupted: false,
        left_until: None,
    })
}

fn gone_on_with(
    asked: &Resume,
    place: &Place,
    run: RunId,
    held: &Held,
    red: bool,
    quiet: bool,
) -> Result<Conducted, Stopped> {
    let so_far = evidence(&*place.store(), run)?;
    let setting = setting(asked, place, &so_far, held, red)?;
    let conducted = followed(quiet, async |teller, stop| {
        let stop = stop.or_while_there_is(asked.hands.stop_file.clone());
        conduct(setting, teller, &stop).await
    });
    match conducted? {
        // Its links lead where nobody will hear them again.
        Err(AuditError::Collector(
            error @ (CollectorError::Listen { .. } | CollectorError::Dns { .. }),
        )) => {
            complain(&format!(
                "failed to {error}: it is where the links of run {run} lead, so the run is ended with a gap\n"
            ));
            closed(place, run)
        }
        conducted => Ok(conducted?),
    }
}

fn setting(
    asked: &Resume,
    place: &Place,
    so_far: &Evidence,
    held: &Held,
    red: bool,
) -> Result<Setting, Stopped> {
    let run = so_far.run;
    let nothing = || Stopped::could_not_run(AuditError::Over(run));
    let manifest = so_far.manifest().filter(|_| !so_far.is_over());
    let manifest = manifest.ok_or_else(nothing)?;
    must_be_on_the_same_stage(asked, run, manifest)?;
    let mut plan = Plan::of(manifest).ok_or_else(|| {
        Stopped::could_not_run(format!(
            "take up run {run} again: it does not say how its trials are parted into rounds; `waxseal resume {run} --close` ends it"
        ))
    })?;
    let kept = match place {
        Place::Here(store) => kept_values(store, run).map_err(Stopped::could_not_run)?,
        Place::Elsewhere(_) => BTreeMap::new(),
    };
    let scenario = validated(source(asked, manifest)?, red)?;
    plan.per_hour = asked.per_hour.or(scenario.experiment.per_hour);
    let typed = Choice {
        vars: asked.vars.clone(),
        vars_file: asked.vars_file.clone(),
        ..Choice::default()
    };
    Ok(Setting {
        variants: values_again(&scenario, manifest, &typed, &kept)?,
        window: manifest.window,
        driver: driver(&asked.hands, &scenario),
        people: scenario.provenance.by_hand.then(people),
        scenario,
        plan,
        listen: ([127, 0, 0, 1], 0).into(),
        public: None,
        zone: None,
        credentials: credentials(&asked.tls, &asked.store.path)?,
        place: place.clone(),
        again: Some(run),
        stays: !asked.no_wait,
        headed: asked.hands.headed,
        profiles: profiles(&asked.hands, &asked.store),
        scenes: scenes(&asked.store),
        inquiry: inquiry(asked.hands.resolver, held),
        data: held.sources().versions(),
        region: None,
    })
}

/// What was begun on a stage must not go on at the service, nor the other way round.
fn must_be_on_the_same_stage(
    asked: &Resume,
    run: RunId,
    manifest: &Manifest,
) -> Result<(), Stopped> {
    let named = asked.hands.stage.iter().map(|one| one.host());
    match named.eq(manifest.stage.iter().map(String::as_str)) {
        true => Ok(()),
        false if manifest.stage.is_empty() => Err(Stopped::usage(format!(
            "take up run {run} on a stage: it was begun at the service"
        ))),
        false => Err(Stopped::usage(format!(
            "take up run {run} at the service: it was begun on a stage; name that again with --stage"
        ))),
    }
}

/// The scenario that the run was begun with: as it is in the evidence, or as it stands in its file, if that is the same.
fn source(asked: &Resume, manifest: &Manifest) -> Result<Source, Stopped> {
    if let Some(path) = &asked.scenario {
        return read(path);
    }
    let begun = &manifest.scenario;
    if let Some(text) = &begun.text {
        let (name, text) = (begun.path.clone(), text.clone());
        return Ok(Source { name, text });
    }
    let source = read(Path::new(&begun.path))?;
    let digest = HEXLOWER.encode(&Sha256::digest(source.text.as_bytes()));
    match digest == begun.digest {
        true => Ok(source),
        false => Err(Stopped::usage(format!(
            "take up the run again with {}: it was changed since; name a file that fits with --scenario",
            begun.path
        ))),
    }
}
