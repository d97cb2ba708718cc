//! Runs to be shown: one with something of everything, and one in which everybody is hostile.

use waxseal::model::{Actor, Arm, Arrival, Depth, Doubt, Part, Phase, Record, Verdict};

use super::evidence::{Run, SEALED, Visit, at};

/// A run with something of everything: a leak that was expected, one that was not, a doubt, our own browsers.
pub fn eventful() -> Run {
    let mut run = Run::quiet(4);
    run.manifest.variants[0].title = "previews on".into();
    for (nth, trial) in run.of(Arm::Sent).into_iter().enumerate() {
        run.visit(trial, Visit::provider(10.68 + nth as f64));
        run.visit(
            trial,
            Visit {
                part: Part::Image,
                ..Visit::provider(10.8 + nth as f64)
            },
        );
        run.visit(
            trial,
            Visit {
                door: SEALED,
                part: Part::Image,
                body_bytes: Some(0),
                ..Visit::new(10.9 + nth as f64)
            },
        );
    }
    let drafted = run.of(Arm::Drafted);
    run.visit(
        drafted[0],
        Visit {
            method: "HEAD",
            body_bytes: Some(0),
            ..Visit::new(12.5)
        },
    );
    run.expect(
        Arm::Sent,
        Verdict::Observed,
        Some(Depth::Loaded),
        Some(vec![Actor::Provider, Actor::Recipient]),
    );
    run.expect(Arm::Drafted, Verdict::NotObserved, None, Some(vec![]));
    run.expect(Arm::Unsent, Verdict::NotObserved, None, None);
    run
}

/// What should never be more than text: for terminals, web pages, Markdown, XML, spreadsheets, and whoever reads bytes.
pub const HOSTILE: &[&str] = &[
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\nPASS \u{202e}\u{8}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;<!--",
    "`x` ``` | **b** [l](http://evil.example) ![i](http://evil.example/i.png) <http://evil.example> ~~s~~ _e_ \\",
    "https://evil.example www.evil.example a@evil.example @everyone #1 !2 GH-3 :tada: </details></code>",
    "]]></failure></testsuite><![CDATA[&x;%y;<?z?>",
    "=HYPERLINK(\"http://evil.example\")",
    "@SUM(1) +1 -1",
    "\u{0}\u{2028}\u{2029}\u{feff}\u{fffe}\u{ffff}\u{e0001}",
    // A lone surrogate as bytes write it (WTF-8), byte by byte.
    "\u{ed}\u{a0}\u{80}",
];

/// A run in which each of them is said by whoever can say anything.
pub fn hostile() -> Run {
    let mut run = eventful();
    let sent = run.of(Arm::Sent);
    for (nth, text) in HOSTILE.iter().enumerate() {
        let trial = sent[nth % sent.len()];
        let seen = 20.0 + nth as f64;
        for peer in ["192.0.2.9:4000", "198.51.100.7:4000"] {
            let visit = Visit {
                agent: text,
                method: text,
                peer,
                ..Visit::new(seen)
            };
            run.visit(trial, visit);
        }
        run.records.push(Record::Arrival(Arrival {
            trial,
            at: at(seen),
            intact: false,
            others: vec![format!("http://{text}/"), (*text).to_owned()],
        }));
        run.fail(Some(trial), Phase::Confirm, Doubt::ExposureUnconfirmed);
        if let Some(Record::Failure(failure)) = run.records.last_mut() {
            failure.message = (*text).to_owned();
        }
    }
    let all = HOSTILE.join(" ");
    run.manifest.scenario.title.clone_from(&all);
    run.manifest.scenario.service.clone_from(&all);
    run.manifest.scenario.path.clone_from(&all);
    run.manifest.scenario.checked.clone_from(&all);
    run.manifest.scenario.digest.clone_from(&all);
    run.manifest.scenario.agents = vec![HOSTILE[1].to_owned()];
    run.manifest.variants[0].title.clone_from(&all);
    run.manifest.tool.name.clone_from(&all);
    run.manifest.tool.version.clone_from(&all);
    run.manifest.browser.clone_from(&all);
    run.manifest.public.clone_from(&all);
    run
}
