use crate::canary::LARGE_BYTES;
use crate::diagnostic::{counted, printable};
use crate::model::{
    Actor, ActorSummary, Arm, Cell, Constancy, Depth, Doorway, Doubt, Form, Limit, Outcome, Part,
    Phase, Settles, Verdict, display_duration,
};

use super::View;
use super::view::FOREIGN_CHARS;

/// A cell in the words of every report. What came from elsewhere is printable in each of its texts, and no more than that:
/// markup is each format's own business.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    /// The cell.
    pub(super) cell: &'a Cell,
    /// Its form, and the doorway where the run has both.
    pub(super) form: String,
    /// What is true.
    pub(super) words: &'static str,
    /// In how many of its trials, such as `2/4`.
    pub(super) share: String,
    /// What that allows to say of the chance of a visit.
    pub(super) bound: String,
    /// How long after its phase began somebody came first.
    pub(super) delay: Option<String>,
    /// Who made the verdict, and by what.
    pub(super) who: Vec<(Actor, String)>,
    /// What else there is to say: attempts of our own browsers, doubts, a claim that was not met.
    pub(super) notes: Vec<String>,
}

impl<'a> Line<'a> {
    pub(super) fn new(view: &View<'_>, cell: &'a Cell) -> Self {
        let shows_delay = cell.verdict == Verdict::Observed && cell.arm != Arm::Reached;
        let speakers = cell.actors.iter().filter(|one| speaks(cell, one));
        Self {
            cell,
            form: form(view, cell),
            words: words(cell),
            share: format!("{}/{}", cell.hits, cell.trials),
            bound: bound(cell),
            delay: cell
                .first_delay
                .filter(|_| shows_delay)
                .map(display_duration),
            who: speakers.map(|one| (one.actor, deeds(cell, one))).collect(),
            notes: notes(view, cell),
        }
    }
}

/// `sent/http`, or `sent/http/open` where our own doors were: the same in every run of a scenario.
pub(super) fn name_of(cell: &Cell) -> String {
    let name = format!("{}/{}", cell.arm, cell.form);
    match cell.doorway {
        Doorway::Sealed => name,
        Doorway::Open => format!("{name}/{}", cell.doorway),
    }
}

/// The form, and the doorway where the run has both.
fn form(view: &View<'_>, cell: &Cell) -> String {
    if view.manifest.sealed && view.opens() && cell.arm.is_shown() {
        format!("{} ({})", cell.form, cell.doorway)
    } else {
        cell.form.to_string()
    }
}

/// Whose deeds stand in the line itself: whoever made the verdict. The others follow below it.
fn speaks(cell: &Cell, summary: &ActorSummary) -> bool {
    summary.actor.is_own() == (cell.arm == Arm::Reached) && summary.refused == 0
}

fn words(cell: &Cell) -> &'static str {
    match (cell.verdict, cell.arm) {
        (Verdict::Observed, Arm::Reached) => "heard",
        (Verdict::Observed, _) => cell.depth.map_or("observed", Depth::words),
        (Verdict::NotObserved, _) => "not observed",
        (Verdict::Inconclusive, _) => "inconclusive",
    }
}

fn bound(cell: &Cell) -> String {
    let percent = |share: f64| {
        let text = format!("{:.1}", share * 100.0);
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    match (cell.trials, cell.hits) {
        (0, _) => "(nothing known)".to_owned(),
        (_, 0) => format!("(at most {} %)", percent(cell.interval.high)),
        _ => format!(
            "({} to {} %)",
            percent(cell.interval.low),
            percent(cell.interval.high)
        ),
    }
}

fn deeds(cell: &Cell, summary: &ActorSummary) -> String {
    let methods: Vec<String> = summary
        .methods
        .iter()
        .map(|method| printable(method, 16))
        .collect();
    let also = |part, words: &str| summary.parts.contains(&part).then(|| words.to_owned());
    let extras = [
        also(Part::Image, "image too"),
        also(Part::Style, "style sheet too"),
        also(Part::Secret, "secret too"),
        also(Part::Hop, "followed on"),
        also(Part::Script, "script ran"),
        taken(cell, summary),
        again(summary),
    ];
    std::iter::once(asked(&methods))
        .chain(extras.into_iter().flatten())
        .collect::<Vec<_>>()
        .join(", ")
}

/// How often what had been asked for was asked for again.
fn again(summary: &ActorSummary) -> Option<String> {
    (summary.again > 0).then(|| format!("{} times again", summary.again))
}

/// How much was taken of what is too large for a preview.
fn taken(cell: &Cell, summary: &ActorSummary) -> Option<String> {
    let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let share = match summary.bytes {
        0 => return None,
        LARGE_BYTES => "the whole".to_owned(),
        bytes if bytes < 1 << 20 => format!("{} KiB of", bytes.div_ceil(1 << 10)),
        bytes => format!("{} of", mebibytes(bytes)),
    };
    (cell.form == Form::Large).then(|| format!("took {share} {}", mebibytes(LARGE_BYTES)))
}

/// Bytes that name the link and are no request have no method.
fn asked(methods: &[String]) -> String {
    if methods.is_empty() {
        "no request".to_owned()
    } else {
        methods.join(" ")
    }
}

/// What stands below a line: attempts of our own browsers, doubts, and a claim that was not met.
fn notes(view: &View<'_>, cell: &Cell) -> Vec<String> {
    let attempts = cell
        .actors
        .iter()
        .filter(|one| !speaks(cell, one))
        .map(|one| attempt(cell, one));
    let early = cell
        .actors
        .iter()
        .filter(|one| speaks(cell, one) && is_early(cell, one));
    let early =
        early.map(|one| format!("{} came before it was sent: while it was typed", one.actor));
    let late = (cell.late > 0).then(|| {
        format!(
            "somebody came after the window had closed, in {}",
            trials(cell.late)
        )
    });
    let elsewhere = (cell.elsewhere > 0).then(|| {
        format!(
            "somebody came in another phase and not in this one, in {}",
            trials(cell.elsewhere)
        )
    });
    let known = (cell.hearsay > 0).then(|| {
        format!(
            "somebody had the link and did not come for it, in {}",
            trials(cell.hearsay)
        )
    });
    let doubts = cell
        .doubts
        .iter()
        .map(|doubt| format!("{doubt}: {}", doubt.words()));
    let unmet = matches!(cell.outcome, Outcome::Fail | Outcome::Inconclusive);
    let claim = cell
        .expected
        .as_ref()
        .filter(|_| unmet)
        .map(|limit| claim(view, limit));
    attempts
        .chain(early)
        .chain(late)
        .chain(elsewhere)
        .chain(known)
        .chain(wrapped(cell))
        .chain(doubts)
        .chain(amendable(cell))
        .chain(constancy(cell))
        .chain(left_out(cell))
        .chain(claim)
        .collect()
}

fn wrapped(cell: &Cell) -> Option<String> {
    let hosts: Vec<String> = cell
        .wrappers
        .iter()
        .map(|host| printable(host, FOREIGN_CHARS))
        .collect();
    (!hosts.is_empty()).then(|| format!("links arrived leading to {}", hosts.join(", ")))
}

/// What is said while a window is open may still be amended; a doubt says that itself where nothing can be said.
fn amendable(cell: &Cell) -> Option<String> {
    let told = cell.doubts.contains(&Doubt::WindowOpen);
    (cell.provisional && !told).then(|| "provisional: the window has not closed yet".to_owned())
}

/// Whether it would happen again, where too few trials were played to say, and what would help.
fn constancy(cell: &Cell) -> Option<String> {
    if cell.outcome == Outcome::Pass {
        return None;
    }
    let few = "too few to call it repeatable";
    let Some(advice) = cell.advice else {
        return (cell.constancy == Some(Constancy::Unsettled)).then(|| few.to_owned());
    };
    let more = advice.trials;
    let plural = if more == 1 { "" } else { "s" };
    match advice.settles {
        Settles::Absence => Some(format!(
            "{more} more trial{plural} would allow to speak of absence"
        )),
        Settles::Constancy => Some(format!(
            "{few}; {more} more trial{plural} like these would settle that"
        )),
        // The bound in the line says as much.
        Settles::Rarity => None,
    }
}

fn left_out(cell: &Cell) -> Option<String> {
    (cell.omitted > 0).then(|| {
        format!(
            "{} left out: more would have said no more",
            trials(cell.omitted)
        )
    })
}

/// Whether somebody came to a sent link before it was sent.
fn is_early(cell: &Cell, summary: &ActorSummary) -> bool {
    cell.arm == Arm::Sent && summary.phases.contains(&Phase::Compose)
}

fn trials(count: u32) -> String {
    counted(count as usize, "trial")
}

fn attempt(cell: &Cell, summary: &ActorSummary) -> String {
    // Whoever asks for anything asks at a host: that is worth a word only if it is all.
    let alone = summary.parts.len() == 1;
    let parts = summary
        .parts
        .iter()
        .filter(|part| alone || **part != Part::Host);
    let parts: Vec<&str> = parts.map(|part| part.name()).collect();
    let how = match summary.actor {
        Actor::Sender | Actor::Recipient if summary.refused > 0 => {
            format!(
                "asked for the {} and was refused at its own door",
                parts.join(", ")
            )
        }
        Actor::Sender | Actor::Recipient => {
            format!("fetched the {} by its own door", parts.join(", "))
        }
        _ => format!("came as well: {}", deeds(cell, summary)),
    };
    format!("{} {how}, in {}", summary.actor, trials(summary.trials))
}

fn claim(view: &View<'_>, limit: &Limit) -> String {
    let depth = limit
        .depth
        .map(|depth| format!(", depth {depth}"))
        .unwrap_or_default();
    let actors = limit.actors.as_ref().map(|actors| {
        let names: Vec<&str> = actors.iter().map(|actor| actor.name()).collect();
        if names.is_empty() {
            ", by nobody".to_owned()
        } else {
            format!(", by {}", names.join(" and "))
        }
    });
    let doubts: Vec<&str> = limit.doubts.iter().map(|doubt| doubt.name()).collect();
    let doubts = match doubts.as_slice() {
        [] => String::new(),
        named => format!(", in spite of {}", named.join(" and ")),
    };
    let path = view.path();
    format!(
        "not met: {}{depth}{}{doubts}  --> {path}:{}",
        limit.verdict,
        actors.unwrap_or_default(),
        limit.line
    )
}
