use maud::{Markup, html};

use crate::model::{Actor, Arm, Cell, Phase};
use crate::report::course::{Course, Event, Spoke};

use super::scale::{FIRST, Scale};

/// So many trials of a cell are drawn.
pub(super) const SHOWN: usize = 12;

/// The height of a trial, in pixels.
const ROW: usize = 34;
/// Room for the axis below.
const AXIS: usize = 26;

/// Who came in the trials of a cell, and when: on a logarithmic axis from the instant that the arm is about.
pub(super) fn timeline(cell: &Cell, courses: &[Course], window_ms: i64) -> Markup {
    let rows: Vec<Row<'_>> = courses
        .iter()
        .map(|course| Row::of(cell.arm, course))
        .collect();
    let times = rows.iter().flat_map(Row::times).chain([window_ms]);
    let scale = Scale::over(times);
    let height = rows.len() * ROW + AXIS;
    let words = words(cell, &rows);
    html! {
        svg.timeline role="img" aria-label=(words) width="100%" height=(height) {
            title { (words) }
            (axis(scale, window_ms, height))
            @for (nth, row) in rows.iter().enumerate() { (row.draw(scale, nth * ROW)) }
        }
    }
}

fn words(cell: &Cell, rows: &[Row<'_>]) -> String {
    let visits: usize = rows.iter().map(|row| row.course.events.len()).sum();
    format!(
        "{}/{}: {visits} events in {} trials, over time from when {}",
        cell.arm,
        cell.form,
        rows.len(),
        zero_words(cell.arm)
    )
}

/// What the axis counts from.
pub(super) const fn zero_words(arm: Arm) -> &'static str {
    match arm.exposing() {
        Some(phase) => begins(phase),
        None => "the trial's first event",
    }
}

/// What happens when a phase begins.
pub(super) const fn begins(phase: Phase) -> &'static str {
    match phase {
        Phase::Login => "signing in",
        Phase::Open => "opened",
        Phase::Compose => "typing begins",
        Phase::Send => "it is sent",
        Phase::Confirm => "it is confirmed",
        Phase::Receive => "it is shown",
        Phase::Follow => "it is followed",
    }
}

fn axis(scale: Scale, window_ms: i64, height: usize) -> Markup {
    let foot = height - AXIS;
    let end = scale.place(window_ms);
    html! {
        @for (at, words) in scale.ticks() {
            line.grid x1=(scale.place(at)) x2=(scale.place(at)) y1="0" y2=(foot + 4) {}
            text x=(scale.place(at)) y=(foot + 18) text-anchor="middle" { (words) }
        }
        line.window x1=(end) x2=(end) y1="0" y2=(foot) {}
    }
}

struct Row<'a> {
    course: &'a Course,
    zero: i64,
}

impl<'a> Row<'a> {
    /// Counted from the phase that the arm is about; else from whatever came first.
    fn of(arm: Arm, course: &'a Course) -> Self {
        let mut phases = course.phases.iter();
        let exposed = phases.find(|(phase, _)| Some(*phase) == arm.exposing());
        let first = || course.events.first().map(|event| event.at_ms);
        let zero = exposed.map(|(_, at)| *at).or_else(first);
        Self {
            course,
            zero: zero.unwrap_or_default(),
        }
    }

    /// Every instant in it, in milliseconds from its zero.
    fn times(&self) -> impl Iterator<Item = i64> + '_ {
        let phases = self.course.phases.iter().map(|(_, at)| *at);
        let events = self.course.events.iter().map(|event| event.at_ms);
        let zero = self.zero;
        phases.chain(events).map(move |at| at - zero)
    }

    fn draw(&self, scale: Scale, top: usize) -> Markup {
        let middle = top + 22;
        let boundaries: Vec<(Phase, i64)> = self
            .course
            .phases
            .iter()
            .map(|(phase, at)| (*phase, at - self.zero))
            .collect();
        let worded = |nth: usize| {
            let at = boundaries[nth].1;
            let later = boundaries.get(nth + 1..).unwrap_or_default();
            later.iter().all(|(_, other)| scale.are_apart(at, *other))
        };
        html! {
            line.axis x1={ (FIRST - 2.0) "%" } x2="100%" y1=(middle) y2=(middle) {}
            text.trial x="0" y=(middle + 4) { (self.course.trial) }
            @for (nth, (phase, at)) in boundaries.iter().enumerate() {
                line.phase x1=(scale.place(*at)) x2=(scale.place(*at)) y1=(top + 13) y2=(middle + 8) {
                    title { (begins(*phase)) }
                }
                @if worded(nth) {
                    text.begins x=(scale.place(*at)) y=(top + 10) text-anchor="middle" { (phase) }
                }
            }
            @for event in &self.course.events {
                (draw(event, &scale.place(event.at_ms - self.zero), middle))
            }
        }
    }
}

/// The letter of an actor, so that it is told apart without its colour.
pub(super) const fn letter(actor: Actor) -> &'static str {
    match actor {
        Actor::Provider => "P",
        Actor::Sender => "S",
        Actor::Recipient => "R",
        Actor::Auditor => "A",
        Actor::ThirdParty => "T",
        Actor::Background => "B",
        Actor::Unknown => "U",
    }
}

/// A mark at a place: its form is what was spoken, its letter and colour who it was; hollow where it was refused.
fn draw(event: &Event, place: &str, middle: usize) -> Markup {
    let refused = if event.refused { " refused" } else { "" };
    let class = format!("event {}{refused}", event.actor);
    html! {
        svg x=(place) y=(middle - 8) width="1" height="16" overflow="visible" {
            (shape(event.spoke, &class))
            text.letter x="0" y="12" text-anchor="middle" { (letter(event.actor)) }
            title { (event.words) }
        }
    }
}

/// Around the place, eight pixels to each side.
pub(super) fn shape(spoke: Spoke, class: &str) -> Markup {
    html! {
        @match spoke {
            Spoke::Dns => { polygon class=(class) points="0,-1 9,8 0,17 -9,8" {} }
            Spoke::Connection => { polygon class=(class) points="0,-2 9,15 -9,15" {} }
            Spoke::Request => { circle class=(class) cx="0" cy="8" r="8" {} }
        }
    }
}
