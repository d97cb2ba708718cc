use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Arm, Depth, Doorway, Flaw, Form, Interval, Phase, Truth};

use super::course::{Came, Course, hides_the_rate};
use super::play::Played;
use super::visitor::{Cause, Visitor, Who};
use super::world::World;

/// Below this, absence is not to be spoken of.
const FEWEST: usize = 3;

/// The place of a cell.
pub type Spot = (Arm, Form, Doorway);

/// What is true of a cell, whatever is said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CellTruth {
    /// What was broken.
    pub flaws: BTreeSet<Flaw>,
    /// Somebody came because of what was done, in a phase that the cell asks about, and was heard.
    pub came: bool,
    /// The provider did.
    pub provider: bool,
    /// And it came in a way that says who it is.
    pub tells: bool,
    /// How far whoever came went, bystanders among them.
    pub depth: Option<Depth>,
    /// Whoever came was brought by an earlier phase.
    pub carried_over: bool,
    /// The mean chance that a trial has a visitor in its window; none where no link was out, or it cannot be known.
    pub chance: Option<f64>,
    /// There is nobody in this world but the service and whom it sends.
    pub alone: bool,
    /// All clocks agree: where they do not, a visit near the boundary of a phase may be read as one of the next.
    pub on_time: bool,
}

impl CellTruth {
    /// Where it stands in the table of what is true and what is said.
    #[must_use]
    pub fn kind(&self) -> Truth {
        match (self.came, self.flaws.is_empty()) {
            (true, true) => Truth::Came,
            (true, false) => Truth::CameBroken,
            (false, true) => Truth::Away,
            (false, false) => Truth::AwayBroken,
        }
    }

    /// Whether an interval holds the true chance; none where there is none to hold. What never happens, or always does,
    /// every exact interval holds: that says nothing about intervals.
    #[must_use]
    pub fn is_held_by(&self, interval: Interval) -> Option<bool> {
        // Chances are sums of shares, and have their rounding.
        let open = self
            .chance
            .filter(|chance| (1e-9..1.0 - 1e-9).contains(chance));
        open.map(|chance| (interval.low..=interval.high).contains(&chance))
    }
}

/// What is true of every cell that asks about the service.
pub(super) fn truths(world: &World, played: &Played) -> BTreeMap<Spot, CellTruth> {
    let mut cells: BTreeMap<Spot, Vec<&Course>> = BTreeMap::new();
    let shown = |course: &&Course| course.trial.arm.is_shown();
    for course in played.courses.values().filter(shown) {
        let trial = &course.trial;
        let doorway = trial.doorway.unwrap_or(Doorway::Sealed);
        let cell = cells.entry((trial.arm, trial.form, doorway)).or_default();
        cell.extend((!course.omitted).then_some(course));
    }
    let eye = Eye { world, played };
    let cells = cells.into_iter();
    cells
        .map(|(spot, courses)| (spot, eye.truth(spot.0, &courses)))
        .collect()
}

/// Who sees all of a world.
struct Eye<'a> {
    world: &'a World,
    played: &'a Played,
}

impl Eye<'_> {
    fn truth(&self, arm: Arm, courses: &[&Course]) -> CellTruth {
        let came: Vec<&Came> = courses
            .iter()
            .flat_map(|course| self.heard(arm, course))
            .collect();
        let effects = || {
            came.iter()
                .copied()
                .filter(|one| self.visitor(one).is_some_and(|v| v.who.is_effect()))
        };
        let provider =
            || effects().filter(|one| self.visitor(one).is_some_and(|v| v.who == Who::Provider));
        let flaws = self.flaws(courses);
        let mishaps = &self.world.mishaps;
        CellTruth {
            came: effects().next().is_some(),
            provider: provider().next().is_some(),
            tells: provider().any(|one| self.tells(one)),
            depth: came.iter().map(|one| one.depth).max(),
            carried_over: effects().next().is_some()
                && !effects().any(|one| self.is_asked(arm, one.cause)),
            chance: self.chance(arm, courses, &flaws),
            alone: self.is_alone(),
            on_time: mishaps.skew == 0 && mishaps.jump.is_none(),
            flaws,
        }
    }

    fn is_alone(&self) -> bool {
        let mut visitors = self.world.visitors.iter();
        visitors.all(|visitor| visitor.who.is_effect())
    }

    fn visitor(&self, one: &Came) -> Option<&Visitor> {
        self.world.visitors.get(one.visitor)
    }

    fn tells(&self, one: &Came) -> bool {
        let resolver = self.visitor(one).map(|visitor| visitor.resolver);
        // The first message of TLS has no agent.
        resolver.is_some_and(|resolver| self.world.known_by.tells(one, resolver))
    }

    fn flaws(&self, courses: &[&Course]) -> BTreeSet<Flaw> {
        let own = courses.iter().flat_map(|course| &course.flaws);
        let mut flaws: BTreeSet<Flaw> = own.chain(&self.played.flaws).copied().collect();
        if courses.iter().filter(|course| course.is_out()).count() < FEWEST {
            flaws.insert(Flaw::TooFew);
        }
        flaws
    }

    /// The visits to a trial's link that its cell asks about.
    fn heard<'s>(&'s self, arm: Arm, course: &'s Course) -> impl Iterator<Item = &'s Came> {
        let id = course.trial.id;
        let came = self.played.came.iter().filter(move |one| one.trial == id);
        came.filter(move |one| {
            let phase = course.step_before(one.at).and_then(|step| step.phase);
            one.heard && one.is_visit && self.is_asked(arm, phase)
        })
    }

    /// Whether a cell asks about a phase: about its own, and `sent` about those as well that have no arm of their own.
    fn is_asked(&self, arm: Arm, phase: Option<Phase>) -> bool {
        let plants = |arm| self.world.plants(arm);
        match (arm, phase) {
            (Arm::Sent, Some(Phase::Compose)) => !plants(Arm::Drafted) && !plants(Arm::Pasted),
            (Arm::Sent, Some(Phase::Receive)) => !plants(Arm::Received),
            (arm, phase) => phase.is_some() && arm.exposing() == phase,
        }
    }

    /// A run whose visits are lost or misplaced can say nothing about the chance; nor is there one where the links are out
    /// for everybody.
    fn chance(&self, arm: Arm, courses: &[&Course], flaws: &BTreeSet<Flaw>) -> Option<f64> {
        let mut visitors = self.world.visitors.iter();
        let blind = flaws.iter().any(|flaw| hides_the_rate(*flaw));
        if blind || visitors.any(|visitor| visitor.who == Who::Leak) {
            return None;
        }
        let out = courses.iter().filter(|course| course.is_out());
        let chances: Vec<f64> = out.map(|course| self.chance_of(arm, course)).collect();
        let count = f64::from(u32::try_from(chances.len()).ok()?);
        (count > 0.0).then(|| chances.iter().sum::<f64>() / count)
    }

    /// The chance that anybody comes while it is listened to one link.
    fn chance_of(&self, arm: Arm, course: &Course) -> f64 {
        let asks = |phase| self.is_asked(arm, Some(phase));
        let spans = course.listened(asks, self.world.window(), self.played.end);
        let mut nobody = 1.0;
        for visitor in &self.world.visitors {
            for habit in visitor
                .habits
                .iter()
                .filter(|habit| habit.names_the_link(self.world.zoned))
            {
                let steps = course
                    .steps
                    .iter()
                    .filter(|step| brought(habit.cause, course, step.phase));
                for step in steps.filter(|_| super::play::applies(visitor, habit, &course.trial)) {
                    nobody *= 1.0
                        - habit.rate
                            * share(&spans, step.to, (*habit.delay.start(), *habit.delay.end()));
                }
            }
        }
        1.0 - nobody
    }
}

/// Whether a step is what a habit waits for.
fn brought(cause: Cause, course: &Course, phase: Option<Phase>) -> bool {
    match phase {
        Some(Phase::Compose) if course.trial.arm == Arm::Pasted => cause == Cause::Pasted,
        Some(Phase::Compose) => cause == Cause::Typed,
        Some(Phase::Send) => cause == Cause::Sent,
        Some(Phase::Receive) => cause == Cause::Shown,
        Some(Phase::Follow) => cause == Cause::Followed,
        _ => false,
    }
}

/// Which share of all delays, each as likely, ends in one of the spans.
fn share(spans: &[(i64, i64)], since: i64, (soonest, latest): (i64, i64)) -> f64 {
    let (first, last) = (since + soonest, since + latest);
    let within = spans
        .iter()
        .map(|(from, to)| (last.min(*to) - first.max(*from) + 1).max(0));
    let count: i64 = within.sum();
    count as f64 / (latest - soonest + 1) as f64
}
