use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::attribution::Sources;
use crate::canary::{Zone, wrapper};
use crate::model::{
    Actor, Arm, Cell, Depth, Doorway, Doubt, Evidence, Failure, Form, Observation, Outcome, Phase,
    Reach, Trial, Verdict,
};

use super::control::{self, Controls};
use super::facts::{Dossier, Facts};
use super::observe::observe;
use super::seen::Seen;
use super::sets::{first_once, sorted};
use super::statistics::{self, clopper_pearson};
use super::summary::summaries;
use super::{advice, behaviour, outcome};

/// Below this, absence is not spoken of: zero of two still allows four in five.
pub(super) const FEWEST_FOR_ABSENCE: u32 = 3;

/// What can be said about a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Every cell, by variant, arm and form in the order of reports.
    pub cells: Vec<Cell>,
    /// Every hit with a token of this run, in context; by trial, and by time within.
    pub observations: Vec<Observation>,
}

/// Evidence that cannot be judged. The text completes "failed to …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// The first record says what a run set out to do; without it nothing has a meaning.
    #[error("judge the run: its evidence has no manifest")]
    NoManifest,
}

/// Says what can be said.
///
/// # Errors
/// The evidence has no manifest.
pub fn judge(evidence: &Evidence) -> Result<Judged, JudgeError> {
    judge_knowing(evidence, Sources::built_in())
}

/// Says what can be said, with other knowledge of who is who than what comes with the program.
///
/// # Errors
/// The evidence has no manifest.
pub fn judge_knowing(evidence: &Evidence, sources: Sources<'_>) -> Result<Judged, JudgeError> {
    let facts = Facts::sort(evidence, sources).ok_or(JudgeError::NoManifest)?;
    let observations = observe(&facts);
    let seen = Seen::new(&observations);
    let mut failures: HashMap<&str, Vec<&Failure>> = HashMap::new();
    for &failure in &facts.failures {
        failures.entry(&failure.variant).or_default().push(failure);
    }
    let mut cells = Vec::new();
    for variant in &facts.manifest.variants {
        let of_variant = |trial: &&Trial| trial.variant == variant.name;
        let arms = facts.manifest.trials.iter().filter(of_variant);
        let bench = Bench {
            facts: &facts,
            seen: &seen,
            variant: &variant.name,
            controls: Controls::of(&facts, &seen, &variant.name),
            arms: arms.map(|trial| trial.arm).collect(),
            failures: failures.remove(variant.name.as_str()).unwrap_or_default(),
        };
        cells.extend(bench.cells());
    }
    Ok(Judged {
        cells,
        observations,
    })
}

/// Where the cells of one variant are judged.
struct Bench<'a> {
    facts: &'a Facts<'a>,
    seen: &'a Seen<'a>,
    variant: &'a str,
    controls: Controls,
    /// The arms that are planned.
    arms: HashSet<Arm>,
    failures: Vec<&'a Failure>,
}

/// A trial with what was done in it.
type Case<'a> = (&'a Trial, &'a Dossier<'a>);

/// A cell's place: arm and form in the order of reports, and the doorway.
type Spot = (usize, Form, Doorway);

impl<'a> Bench<'a> {
    fn cells(&self) -> Vec<Cell> {
        let mut grid: BTreeMap<Spot, Vec<Case<'_>>> = BTreeMap::new();
        let cases = self.facts.dossiers();
        for (trial, dossier) in cases.filter(|(trial, _)| trial.variant == self.variant) {
            let place = Arm::IN_REPORTS.iter().position(|arm| *arm == trial.arm);
            let spot = (
                place.unwrap_or(usize::MAX),
                trial.form,
                self.facts.doorway(trial),
            );
            grid.entry(spot).or_default().push((trial, dossier));
        }
        let cells = grid.into_iter();
        cells
            .filter_map(|((_, form, doorway), cases)| {
                let arm = cases.first()?.0.arm;
                Some(self.cell((arm, form, doorway), &cases))
            })
            .collect()
    }

    fn cell(&self, (arm, form, doorway): (Arm, Form, Doorway), cases: &[Case<'_>]) -> Cell {
        let (omitted, planned): (Vec<Case<'_>>, Vec<Case<'_>>) =
            cases.iter().partition(|(_, dossier)| dossier.omitted);
        let played = || planned.iter().filter(|case| self.is_out(case));
        let hits = count(played().filter(|case| self.is_hit(case)));
        let trials = count(played());
        let seen: Vec<&Observation> = planned
            .iter()
            .flat_map(|(trial, _)| self.seen.visits(trial.id))
            .collect();
        let mut cell = Cell {
            variant: self.variant.to_owned(),
            arm,
            form,
            doorway,
            verdict: Verdict::Inconclusive,
            provisional: self.controls.doubts.contains(&Doubt::WindowOpen),
            constancy: None,
            advice: None,
            depth: None,
            trials,
            planned: count(planned.iter()),
            hits,
            late: count(played().filter(|case| self.is_late(case))),
            hearsay: count(played().filter(|case| self.is_known(case))),
            elsewhere: count(played().filter(|case| self.is_visited_elsewhere(case))),
            omitted: count(omitted.iter()),
            wrappers: self.wrappers(&planned),
            interval: clopper_pearson(hits, trials, self.error()),
            first_delay: self.first_delay(arm, &seen),
            actors: Vec::new(),
            reaches: self.reaches(planned.iter().filter(|case| self.is_out(case))),
            behaviours: Vec::new(),
            doubts: self.doubts_of(arm, &planned),
            expected: None,
            outcome: Outcome::NotRun,
        };
        self.speak(&mut cell, &seen);
        cell
    }

    /// How often an interval of this run may miss: a share of what all looks together may.
    fn error(&self) -> f64 {
        statistics::ERROR / f64::from(self.facts.manifest.looks.max(1))
    }

    /// The verdict, and what it means for the claim.
    fn speak(&self, cell: &mut Cell, seen: &[&Observation]) {
        match cell.hits + cell.late {
            0 if cell.arm != Arm::Reached => self.doubt_absence(cell),
            1.. if self.controls.are_followed() => add(&mut cell.doubts, Doubt::NoiseInControl),
            _ => {}
        }
        cell.doubts.sort_unstable();
        cell.verdict = self.verdict(cell, seen);
        if cell.verdict == Verdict::Observed {
            let effects = seen.iter().filter(|seen| self.is_beyond_replays(seen));
            let effects: Vec<&Observation> = effects.copied().collect();
            let counted = effects.iter().filter(|seen| self.makes(cell.arm, seen));
            cell.depth = counted.map(|seen| seen.depth).max();
            self.tell(cell, &effects);
            cell.constancy = (cell.arm != Arm::Reached).then(|| advice::constancy(cell.interval));
        } else {
            self.tell(cell, seen);
        }
        cell.advice = advice::advice(cell, self.error());
        let claim = outcome::claim(&self.facts.manifest.expectations, cell);
        cell.outcome = outcome::outcome(cell, claim);
        cell.expected = claim.cloned();
    }

    /// Who came, and in which ways.
    fn tell(&self, cell: &mut Cell, seen: &[&Observation]) {
        let seen = self.of_phase(cell.arm, seen);
        cell.actors = summaries(&seen);
        if cell.arm != Arm::Reached {
            cell.behaviours = behaviour::behaviours(&seen);
        }
    }

    fn verdict(&self, cell: &Cell, seen: &[&Observation]) -> Verdict {
        match (cell.arm, cell.hits + cell.late) {
            (Arm::Reached, heard) if heard < cell.planned => Verdict::Inconclusive,
            (_, hits) if hits > 0 && self.presence_stands(cell, seen) => Verdict::Observed,
            (_, 0) if cell.doubts.is_empty() => Verdict::NotObserved,
            _ => Verdict::Inconclusive,
        }
    }

    /// One attributed hit proves presence, unless the canaries themselves cannot be trusted, or whatever follows our own
    /// steps about would have left the same.
    fn presence_stands(&self, cell: &Cell, seen: &[&Observation]) -> bool {
        let noise = |doubt: &Doubt| *doubt == Doubt::NoiseInControl;
        let mut doubts = cell.doubts.iter();
        let shaken = doubts.any(|doubt| doubt.unsettles_presence() && !noise(doubt));
        let replayed = || {
            let mut counted = seen.iter().filter(|seen| self.makes(cell.arm, seen));
            !counted.any(|seen| self.controls.exceeds_replays(seen))
        };
        let noisy = cell.doubts.iter().any(noise) && (self.controls.leaked || replayed());
        !shaken && !noisy
    }

    /// What stands against absence and not against presence.
    fn doubt_absence(&self, cell: &mut Cell) {
        // While the run is not over, more may be played.
        let trials = match self.facts.end {
            Some(_) => cell.trials,
            None => cell.planned,
        };
        if trials < FEWEST_FOR_ABSENCE {
            add(&mut cell.doubts, Doubt::TooFewTrials);
        }
        let known = cell.hearsay > 0;
        if cell.arm.is_shown() && (known || self.controls.came_by_another_link) {
            add(&mut cell.doubts, Doubt::LinkRewritten);
        }
    }

    /// Whether a trial's link got where its arm wants it.
    fn is_out(&self, (trial, dossier): &Case<'_>) -> bool {
        match trial.arm.exposing() {
            Some(phase) => dossier.is_exposed(phase),
            None => trial.arm == Arm::Unsent || dossier.probe.is_some(),
        }
    }

    fn is_hit(&self, case: &Case<'_>) -> bool {
        match case.0.arm {
            Arm::Reached => control::heard(self.facts, self.seen, case.0),
            _ => self.is_visited(case, false),
        }
    }

    /// Whether the content of a cell hangs on a visit: a stranger's, in a phase that the arm is about; or ours, where we
    /// came ourselves.
    fn makes(&self, arm: Arm, seen: &Observation) -> bool {
        match arm {
            Arm::Reached => seen.actor.is_own(),
            _ => self.counts(seen.actor) && self.is_about(arm, seen.phase),
        }
    }

    /// Whether whoever follows our own steps about would not have left the same. Where it is said that somebody came, those
    /// who would have come anyway are not said to be the ones.
    fn is_beyond_replays(&self, seen: &Observation) -> bool {
        !seen.actor.may_be_provider() || self.controls.exceeds_replays(seen)
    }

    /// Whose visit is worth counting. Somebody who is known to be somebody else counts where sending brought them, and
    /// not where they follow our own steps about as well.
    fn counts(&self, actor: Actor) -> bool {
        match actor {
            Actor::ThirdParty => !self.controls.replays.contains_key(&actor),
            actor => actor.may_be_provider(),
        }
    }

    /// Whether an arm is about what happens in a phase. What belongs to a phase that has no arm of its own here is counted
    /// with the arm whose links went through it.
    fn is_about(&self, arm: Arm, phase: Option<Phase>) -> bool {
        let planned = |arms: &[Arm]| arms.iter().any(|arm| self.arms.contains(arm));
        match (arm, phase) {
            (Arm::Sent, Some(Phase::Compose)) => !planned(&[Arm::Drafted, Arm::Pasted]),
            (Arm::Sent, Some(Phase::Receive)) => !planned(&[Arm::Received]),
            (Arm::Unsent | Arm::Visited | Arm::Reached, _) | (_, None) => true,
            (arm, phase) => arm.exposing() == phase,
        }
    }

    /// Whether somebody who counts came, in its window or after.
    fn is_visited(&self, (trial, _): &Case<'_>, late: bool) -> bool {
        let mut visits = self.seen.visits(trial.id);
        visits.any(|seen| seen.late == late && self.makes(trial.arm, seen))
    }

    /// How far the furthest visitor went, of the trials that had one in their window.
    fn reaches<'c>(&self, played: impl Iterator<Item = &'c Case<'c>>) -> Vec<Reach> {
        let mut reaches: BTreeMap<Depth, u32> = BTreeMap::new();
        for (trial, _) in played.filter(|case| case.0.arm != Arm::Reached) {
            let visits = self.seen.visits(trial.id);
            let counted = visits.filter(|seen| !seen.late && self.makes(trial.arm, seen));
            if let Some(depth) = counted.map(|seen| seen.depth).max() {
                *reaches.entry(depth).or_default() += 1;
            }
        }
        let reaches = reaches.into_iter();
        reaches
            .map(|(depth, trials)| Reach { depth, trials })
            .collect()
    }

    /// Whether somebody came after the window.
    fn is_late(&self, case: &Case<'_>) -> bool {
        case.0.arm != Arm::Reached && self.is_visited(case, true)
    }

    /// Whether a stranger had its link, and none came for it.
    fn is_known(&self, case: &Case<'_>) -> bool {
        let visited = self.is_visited(case, false) || self.is_visited(case, true);
        let mut named = self.seen.named(case.0.id);
        !visited && named.any(|seen| !seen.actor.is_own() && seen.hearsay)
    }

    /// Whether a stranger came in another phase, and none in those that the arm is about.
    fn is_visited_elsewhere(&self, case: &Case<'_>) -> bool {
        let arm = case.0.arm;
        let visited = self.is_visited(case, false) || self.is_visited(case, true);
        let mut visits = self.seen.visits(case.0.id);
        let elsewhere = |seen: &Observation| {
            self.counts(seen.actor) && seen.phase.is_some() && !self.is_about(arm, seen.phase)
        };
        arm.is_shown() && !visited && visits.any(elsewhere)
    }

    /// Whether it hangs on clocks that may be apart if anybody came in the phases that the arm is about: somebody came just
    /// before or behind the instant at which one of them begins or ends, and nobody well within.
    fn hangs_on_the_clocks(&self, arm: Arm, cases: &[Case<'_>]) -> bool {
        let mut near = false;
        for (trial, dossier) in cases {
            let mut visits = self
                .seen
                .visits(trial.id)
                .filter(|seen| self.counts(seen.actor));
            let sure = visits.any(|seen| {
                let at = [
                    self.facts.earliest(seen.at),
                    seen.at,
                    self.facts.latest(seen.at),
                ];
                let boundaries = at.map(|at| dossier.boundary_before(at));
                let about = boundaries
                    .map(|found| found.is_some_and(|found| self.is_about(arm, found.phase)));
                near |= about.contains(&true);
                !about.contains(&false)
            });
            if sure {
                return false;
            }
        }
        near
    }

    /// The visits of a cell's own phases, and those before any.
    fn of_phase<'s>(&self, arm: Arm, seen: &[&'s Observation]) -> Vec<&'s Observation> {
        let own = seen.iter().filter(|seen| self.is_about(arm, seen.phase));
        own.copied().collect()
    }

    /// Whom links led to when they arrived as others.
    fn wrappers(&self, cases: &[Case<'_>]) -> Vec<String> {
        let arrivals = cases.iter().flat_map(|(_, dossier)| &dossier.arrivals);
        let others = arrivals
            .filter(|arrival| !arrival.intact)
            .flat_map(|arrival| &arrival.others);
        let named = others.filter_map(|target| match self.is_at_our_place(target) {
            true => Some("an altered link of ours".to_owned()),
            false => wrapper(target),
        });
        sorted(first_once(named))
    }

    /// Whether an address is where our own links lead.
    fn is_at_our_place(&self, target: &str) -> bool {
        let public = &self.facts.manifest.public;
        let host_and_port = |text: &str| {
            let url = url::Url::parse(text).ok()?;
            Some((url.host_str()?.to_owned(), url.port_or_known_default()))
        };
        let Some((host, port)) = host_and_port(target) else {
            return false;
        };
        match Zone::of(public) {
            Some(zone) => zone.inside(&host).is_some(),
            None => host_and_port(public) == Some((host, port)),
        }
    }

    fn first_delay(&self, arm: Arm, seen: &[&Observation]) -> Option<Duration> {
        seen.iter()
            .filter(|seen| self.makes(arm, seen))
            .filter_map(|seen| seen.delay)
            .min()
    }

    fn doubts_of(&self, arm: Arm, planned: &[Case<'_>]) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let ids: HashSet<_> = planned.iter().map(|(trial, _)| trial.id).collect();
        for failure in &self.failures {
            // Some kept the whole variant from being played by browsers.
            let concerns = match failure.trial {
                Some(id) => ids.contains(&id),
                None => arm.is_shown(),
            };
            if concerns {
                add(&mut doubts, failure.doubt);
            }
        }
        for case in planned {
            self.doubts_of_trial(case)
                .for_each(|doubt| add(&mut doubts, doubt));
        }
        for &doubt in &self.controls.doubts {
            add(&mut doubts, doubt);
        }
        if arm.is_shown() && self.hangs_on_the_clocks(arm, planned) {
            add(&mut doubts, Doubt::ClockSkew);
        }
        if arm.is_shown() && !self.controls.doors_are_proven && self.may_be_our_own(planned) {
            add(&mut doubts, Doubt::Unsealed);
        }
        doubts.sort_unstable();
        doubts
    }

    /// Whether a device of our own may be among the visitors, where no door tells it apart. Without browsers there are only
    /// persons' devices: those that the scenario registers are known, and where nobody came there is nothing to tell apart.
    fn may_be_our_own(&self, planned: &[Case<'_>]) -> bool {
        let by_hand = self.facts.manifest.scenario.provenance.by_hand;
        let mut visits = planned
            .iter()
            .flat_map(|(trial, _)| self.seen.visits(trial.id));
        !by_hand || visits.any(|seen| seen.actor == Actor::Unknown)
    }

    fn doubts_of_trial(&self, case: &Case<'_>) -> impl Iterator<Item = Doubt> + use<> {
        let (trial, dossier) = case;
        let is_out = self.is_out(case);
        let sent = is_out && trial.arm.is_sent();
        // Whether it was seen at the recipient is another doubt.
        let leaves = |phase: Phase| match phase {
            Phase::Compose => !trial.arm.is_sent(),
            Phase::Send | Phase::Follow => true,
            _ => false,
        };
        let mut exposures = dossier.exposures.iter();
        let unsure = exposures.any(|exposure| exposure.to.is_none() && leaves(exposure.phase));
        let unconfirmed = sent && !dossier.is_noticed(Phase::Confirm);
        let rewritten =
            !dossier.arrivals.is_empty() && dossier.arrivals.iter().all(|arrival| !arrival.intact);
        // What is still to be done in a run that is not over is no failing of it: the window is open until then.
        let over = self.facts.end.is_some() || dossier.has_failed();
        let looked_for = over || dossier.is_exposed(Phase::Receive);
        let undelivered = sent && looked_for && !dossier.is_noticed(Phase::Receive);
        let found = [
            (Doubt::TooFewTrials, !is_out && over),
            (
                Doubt::ExposureUnconfirmed,
                is_out && (unsure || unconfirmed),
            ),
            (Doubt::NotDelivered, undelivered && !rewritten),
            (Doubt::LinkRewritten, sent && rewritten),
            (
                Doubt::HelloOnly,
                is_out && self.controls.hello_only(trial, dossier),
            ),
        ];
        let found = found.into_iter().filter(|(_, holds)| *holds);
        found.map(|(doubt, _)| doubt)
    }
}

fn add(doubts: &mut Vec<Doubt>, doubt: Doubt) {
    if !doubts.contains(&doubt) {
        doubts.push(doubt);
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
