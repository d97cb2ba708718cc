//! Judged runs in short, made by hand.

use waxseal::model::{
    Actor, Arm, Behaviour, CellKey, CellSummary, Circumstances, Depth, Doorway, Doubt, Form,
    Latency, Outcome, Phase, Protocol, Reach, RunId, SUMMARY_FORMAT, Summary, VariantSummary,
    Verdict,
};
use waxseal::verdict::clopper_pearson;

/// The question of a variant named `default`, its doors sealed.
pub fn key(arm: Arm, form: Form) -> CellKey {
    CellKey {
        variant: "default".into(),
        arm,
        form,
        doorway: Doorway::Sealed,
    }
}

/// A run on the `nth` day after 2026-11-01, without any cell.
pub fn run(nth: u32) -> Summary {
    let start: waxseal::model::Timestamp = "2026-11-01T03:00:00Z".parse().unwrap();
    Summary {
        format: SUMMARY_FORMAT,
        run: RunId(0x5f3a_0000 + nth),
        started: start + jiff::SignedDuration::from_hours(24 * i64::from(nth)),
        service: "example".into(),
        title: "Example Chat".into(),
        rules: 1,
        provisional: false,
        circumstances: Circumstances {
            scenario: "00".repeat(32),
            tool: "0.1.0".into(),
            region: None,
            browser: "chrome 156".into(),
            window_ms: 30_000,
        },
        variants: vec![VariantSummary {
            name: "default".into(),
            title: String::new(),
            builds: Vec::new(),
            covariates: std::collections::BTreeMap::new(),
        }],
        cells: Vec::new(),
    }
}

/// A cell in which so many of so many trials were read by the service.
pub fn cell(key: CellKey, hits: u32, trials: u32) -> CellSummary {
    let observed = hits > 0;
    CellSummary {
        key,
        trials,
        hits,
        verdict: if observed {
            Verdict::Observed
        } else {
            Verdict::NotObserved
        },
        depth: observed.then_some(Depth::Read),
        reaches: reaches(&[(Depth::Read, hits)]),
        doubts: Vec::new(),
        interval: clopper_pearson(hits, trials, 0.05).rounded(),
        outcome: Outcome::NotRun,
        behaviours: if observed {
            vec![way("GET", "ExampleBot", hits)]
        } else {
            Vec::new()
        },
        data: Vec::new(),
    }
}

pub fn reaches(reaches: &[(Depth, u32)]) -> Vec<Reach> {
    let seen = reaches.iter().filter(|(_, trials)| *trials > 0);
    seen.map(|&(depth, trials)| Reach { depth, trials })
        .collect()
}

/// A way in which the service came.
pub fn way(method: &str, agent: &str, trials: u32) -> Behaviour {
    Behaviour {
        actor: Actor::Provider,
        method: Some(method.into()),
        agent: Some(agent.into()),
        from: "address of AS64500 (Example)".into(),
        protocol: Protocol::Http,
        phase: Some(Phase::Send),
        latency: Some(Latency::Second),
        trials,
    }
}

/// The same cell, of which nothing can be said.
pub fn doubted(cell: CellSummary, doubt: Doubt) -> CellSummary {
    CellSummary {
        verdict: Verdict::Inconclusive,
        depth: None,
        doubts: vec![doubt],
        ..cell
    }
}

/// A run with these cells.
pub fn with(nth: u32, cells: Vec<CellSummary>) -> Summary {
    Summary { cells, ..run(nth) }
}

/// A service over sixteen nights: from the ninth on somebody comes for what is sent, nobody ever does for what is typed, and
/// of one night nothing can be said.
pub fn changing() -> Vec<Summary> {
    let night = |nth: u32| {
        let sent = cell(key(Arm::Sent, Form::Http), if nth < 8 { 0 } else { 4 }, 4);
        let typed = cell(key(Arm::Drafted, Form::Http), 0, 4);
        let typed = match nth {
            3 => doubted(typed, Doubt::SessionLost),
            _ => typed,
        };
        with(nth, vec![sent, typed])
    };
    (0..16).map(night).collect()
}

/// A service whose names are hostile.
pub fn hostile_summaries() -> Vec<Summary> {
    let hostile = super::hostile::HOSTILE.join(" ");
    let night = |nth: u32| {
        let mut asked = key(Arm::Received, Form::QuerySecret);
        asked.variant.clone_from(&hostile);
        Summary {
            service: "<script>../@".into(),
            title: hostile.clone(),
            run: RunId(0x5f3b_0000 + nth),
            ..with(nth, vec![cell(asked, 1, 4)])
        }
    };
    (0..3).map(night).collect()
}
