use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::canary::LARGE_BYTES;
use crate::diagnostic::printable;
use crate::model::{
    Actor, ActorSummary, Arm, Cell, Constancy, Depth, Doorway, Doubt, Form, Limit, Outcome, Part,
    Phase, Settles, VariantRef, Verdict, display_duration,
};

use super::View;

/// The longest piece of somebody else's text in a line.
const FOREIGN_CHARS: usize = 160;

/// A run as a terminal shows it: a block for each variant, a line for each cell.
#[must_use]
pub fn terminal(view: &View<'_>, colour: bool) -> String {
    let pen = Pen { colour };
    let mut out = String::new();
    for variant in &view.manifest.variants {
        let _ = writeln!(out, "{}\n", heading(view, variant));
        for cell in view.cells_of(variant) {
            out.push_str(&row(view, cell, pen));
        }
        out.push_str(&failures(view, variant, pen));
        out.push_str(&drift(view, variant, pen));
        out.push('\n');
    }
    out.push_str(&sum(view, pen));
    out
}

#[derive(Clone, Copy)]
pub(super) struct Pen {
    pub(super) colour: bool,
}

impl Pen {
    pub(super) fn paint(self, style: Style, text: &str) -> String {
        if self.colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn outcome(self, outcome: Outcome) -> String {
        let (colour, word) = match outcome {
            Outcome::Pass => (AnsiColor::Green, "PASS"),
            Outcome::Fail => (AnsiColor::Red, "FAIL"),
            Outcome::Inconclusive => (AnsiColor::Yellow, " ?? "),
            Outcome::NotRun => (AnsiColor::BrightBlack, " -- "),
        };
        self.paint(colour.on_default().bold(), word)
    }

    pub(super) fn quiet(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }
}

fn heading(view: &View<'_>, variant: &VariantRef) -> String {
    let manifest = view.manifest;
    let name = match variant.title.as_str() {
        "" => manifest.scenario.title.clone(),
        title => format!("{} ({title})", manifest.scenario.title),
    };
    let trials = played(view, variant);
    let mut planted = manifest.trials.iter().filter(|trial| trial.arm.is_shown());
    let opens = planted.any(|trial| trial.doorway == Some(Doorway::Open));
    let doors = match (manifest.sealed, opens) {
        _ if manifest.scenario.provenance.by_hand => "by hand",
        (true, true) => "sealed and open browsers",
        (true, false) => "sealed browsers",
        (false, _) => "open browsers",
    };
    let window = display_duration(manifest.window);
    format!(
        "{:<40} run {}   {trials}   listened {window} each   {doors}   {}",
        printable(&name, FOREIGN_CHARS),
        view.run,
        printable(&view.selectors(), FOREIGN_CHARS)
    )
}

/// How many trials, and of how many where some were left out.
fn played(view: &View<'_>, variant: &VariantRef) -> String {
    let trials = view.manifest.trials.iter();
    let planned = trials.filter(|trial| trial.variant == variant.name).count();
    let omitted = view.cells_of(variant).map(|cell| cell.omitted as usize);
    match omitted.sum() {
        0 => format!("{planned} trials"),
        omitted => format!("{} of {planned} trials", planned.saturating_sub(omitted)),
    }
}

/// The form's column, where no form is wider.
const FORM_WIDTH: usize = 12;

fn row(view: &View<'_>, cell: &Cell, pen: Pen) -> String {
    let forms = view.cells.iter().map(|cell| form(view, cell).len());
    let wide = forms.max().unwrap_or_default().max(FORM_WIDTH);
    let mut line = format!(
        "  {}  {:<8}  {:<wide$}  {:<19}  {:>5}  {:<16}",
        pen.outcome(cell.outcome),
        cell.arm,
        form(view, cell),
        words(cell),
        format!("{}/{}", cell.hits, cell.trials),
        bound(cell),
    );
    let shows_delay = cell.verdict == Verdict::Observed && cell.arm != Arm::Reached;
    if let Some(delay) = cell.first_delay.filter(|_| shows_delay) {
        let _ = write!(line, "  first after {:<6}", display_duration(delay));
    }
    for summary in cell.actors.iter().filter(|one| speaks(cell, one)) {
        let _ = write!(line, "  {}  {}", summary.actor, deeds(cell, summary));
    }
    let mut out = line.trim_end().to_owned() + "\n";
    for note in notes(view, cell) {
        let _ = writeln!(out, "        {}", pen.quiet(&note));
    }
    out
}

/// The form, and the doorway where the run has both.
fn form(view: &View<'_>, cell: &Cell) -> String {
    let mut trials = view.manifest.trials.iter();
    let both = view.manifest.sealed
        && trials.any(|trial| trial.arm.is_shown() && trial.doorway == Some(Doorway::Open));
    if both && cell.arm.is_shown() {
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
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} trial{plural}")
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
    let path = printable(&view.manifest.scenario.path, FOREIGN_CHARS);
    format!(
        "not met: {}{depth}{}  --> {path}:{}",
        limit.verdict,
        actors.unwrap_or_default(),
        limit.line
    )
}

/// What went wrong, each kind once with its count.
fn failures(view: &View<'_>, variant: &VariantRef, pen: Pen) -> String {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for failure in view
        .failures
        .iter()
        .filter(|failure| failure.variant == variant.name)
    {
        let line = failure
            .step
            .as_ref()
            .map(|step| format!(":{}", step.line))
            .unwrap_or_default();
        let path = printable(&view.manifest.scenario.path, FOREIGN_CHARS);
        let message = printable(&failure.message, FOREIGN_CHARS * 2);
        let text = format!(
            "{} at {}: {message}  --> {path}{line}",
            failure.account, failure.phase
        );
        match kinds.iter_mut().find(|(known, _)| *known == text) {
            Some((_, times)) => *times += 1,
            None => kinds.push((text, 1)),
        }
    }
    let heading = if kinds.is_empty() {
        ""
    } else {
        "\n  what went wrong\n"
    };
    let lines = kinds
        .iter()
        .map(|(text, times)| format!("    {times} x  {}\n", pen.quiet(text)));
    heading.to_owned() + &lines.collect::<String>()
}

/// Where the first alternative of a locator is not what found its element any more: nothing is wrong yet.
fn drift(view: &View<'_>, variant: &VariantRef, pen: Pen) -> String {
    let sightings = view.drift.iter().filter(|one| one.variant == variant.name);
    let lines: String = sightings
        .map(|one| {
            let alias = printable(&one.alias, FOREIGN_CHARS);
            let text = format!(
                "`{alias}` ({}, {}): {}",
                one.account,
                one.phase,
                one.words()
            );
            format!("    {}\n", pen.quiet(&text))
        })
        .collect();
    if lines.is_empty() {
        return lines;
    }
    format!("\n  selectors that drifted\n{lines}")
}

fn sum(view: &View<'_>, pen: Pen) -> String {
    let count = |outcome| view.count(outcome);
    let (met, failed, open) = (
        count(Outcome::Pass),
        count(Outcome::Fail),
        count(Outcome::Inconclusive),
    );
    let text = match (failed, open) {
        (0, 0) if met == 0 => "nothing was claimed".to_owned(),
        (0, 0) => format!("every expectation met: {met} of {met}"),
        _ => format!("{met} expectations met, {failed} failed, {open} inconclusive"),
    };
    let stopped = if view.end.is_none_or(|end| end.interrupted) {
        "; the run was stopped early"
    } else {
        ""
    };
    pen.paint(Style::new().bold(), &format!("{text}{stopped}")) + "\n"
}
