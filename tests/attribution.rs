//! Who it was, from evidence to what is said: what was found out after a run, what the scenario registers, and what is
//! known beyond it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::evidence::{Run, Visit, at};
use waxseal::attribution::{AsnTable, Catalogue, Sources};
use waxseal::model::{
    Account, Actor, ActorSummary, Arm, Cell, Confidence, Looked, LookedName, Manifest, Operator,
    Record, Registered, Verdict,
};
use waxseal::verdict::{judge, judge_knowing};

const STRANGER: &str = "203.0.113.7:4711";

/// A run whose sent links all had a visitor from a stranger's address.
fn visited(agent: &'static str) -> Run {
    let mut run = Run::quiet(4);
    run.manifest.scenario.networks.clear();
    run.manifest.scenario.agents.clear();
    for trial in run.of(Arm::Sent) {
        let visit = Visit {
            peer: STRANGER,
            agent,
            ..Visit::new(30.0)
        };
        run.visit(trial, visit);
    }
    run
}

fn sent(run: &Run, sources: Sources<'_>) -> Cell {
    let cells = judge_knowing(&run.evidence(), sources).unwrap().cells;
    cells
        .into_iter()
        .find(|cell| cell.arm == Arm::Sent)
        .unwrap()
}

fn visitor(cell: &Cell) -> &ActorSummary {
    assert_eq!(cell.actors.len(), 1, "{:?}", cell.actors);
    &cell.actors[0]
}

fn looked(confirmed: bool) -> Record {
    Record::Looked(Looked {
        address: "203.0.113.7".parse().unwrap(),
        at: at(210.0),
        names: vec![LookedName {
            name: "fwdproxy-ash-116.fbsv.net".to_owned(),
            confirmed,
        }],
        asn: None,
        error: None,
    })
}

#[test]
fn what_was_found_out_after_the_run_says_who_it_was() {
    for (confirmed, actor, confidence) in [
        (true, Actor::Provider, Some(Confidence::Medium)),
        (false, Actor::Unknown, None),
    ] {
        let mut run = visited("curl/8");
        run.manifest.scenario.known = vec![Operator::Meta];
        run.records.push(looked(confirmed));
        let cell = sent(&run, Sources::built_in());
        assert_eq!(
            cell.verdict,
            Verdict::Observed,
            "presence does not hang on who it was"
        );
        assert_eq!(
            (visitor(&cell).actor, visitor(&cell).confidence),
            (actor, confidence)
        );
    }
}

/// WhatsApp's previews are made on the phone, which is ours.
#[test]
fn a_registered_phone_is_not_the_service() {
    let mut run = visited("WhatsApp/2.23.20.0 A");
    run.manifest.scenario.known = vec![Operator::WhatsApp];
    let cell = sent(&run, Sources::built_in());
    assert_eq!(
        (cell.verdict, visitor(&cell).actor),
        (Verdict::Observed, Actor::Unknown)
    );
    run.manifest.scenario.registered = vec![Registered {
        account: Account::Sender,
        network: "203.0.113.7/32".parse().unwrap(),
    }];
    let cell = sent(&run, Sources::built_in());
    assert_eq!((cell.verdict, cell.hits), (Verdict::NotObserved, 0));
    assert_eq!(visitor(&cell).actor, Actor::Sender);
    assert_eq!(
        visitor(&cell).factors[0].to_string(),
        "registered address of the sender, in 203.0.113.7/32"
    );
}

#[test]
fn newer_knowledge_attributes_the_same_evidence_anew() {
    let mut run = visited("curl/8");
    run.manifest.scenario.known = vec![Operator::Line];
    assert_eq!(
        visitor(&sent(&run, Sources::built_in())).actor,
        Actor::Unknown
    );
    let csv = b"203.0.113.0,203.0.113.255,38631,\"LY Corporation\"\n".to_vec();
    let table = AsnTable::read("asn.csv", csv).unwrap();
    let with_table = Sources {
        table: Some(&table),
        ..Sources::built_in()
    };
    let cell = sent(&run, with_table);
    assert_eq!(visitor(&cell).actor, Actor::Provider);
    let factor = &visitor(&cell).factors[0];
    assert_eq!(factor.to_string(), "address of AS38631 (LINE)");
    assert_eq!(factor.data.as_ref(), Some(table.version()));
    let known = "[data]\nsource = \"mine\"\ndate = \"2027-01-01\"\nlicence = \"CC0-1.0\"\n[[known]]\nname = \"line\"\n\
                 title = \"LINE\"\nkind = \"service\"\nnetworks = [\"203.0.113.0/24\"]\n";
    let catalogue = Catalogue::with(&[("mine.toml".to_owned(), known.to_owned())]).unwrap();
    let newer = Sources {
        catalogue: &catalogue,
        table: None,
    };
    let cell = sent(&run, newer);
    let data = visitor(&cell).factors[0].data.as_ref().unwrap();
    assert_eq!(
        (visitor(&cell).actor, data.version.as_str()),
        (Actor::Provider, "2027-01-01")
    );
}

/// Evidence from before services were known and addresses registered.
#[test]
fn an_older_manifest_is_read() {
    let mut manifest = serde_json::to_value(&Run::quiet(1).manifest).unwrap();
    let scenario = manifest["scenario"].as_object_mut().unwrap();
    assert!(scenario.get("known").is_none() && scenario.get("registered").is_none());
    let read: Manifest = serde_json::from_value(manifest).unwrap();
    assert!(read.scenario.known.is_empty() && read.scenario.registered.is_empty());
}

#[test]
fn what_was_found_out_is_written_and_read_back() {
    let record = looked(true);
    let text = serde_json::to_string(&record).unwrap();
    assert!(
        text.starts_with(r#"{"record":"looked","address":"203.0.113.7","#),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
}

#[test]
fn judging_twice_says_the_same() {
    let mut run = visited("Slackbot-LinkExpanding 1.0");
    run.manifest.scenario.known = vec![Operator::Slack];
    run.records.push(looked(true));
    let evidence = run.evidence();
    assert_eq!(judge(&evidence).unwrap(), judge(&evidence).unwrap());
}
