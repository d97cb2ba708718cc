//! What is true of a simulated run when it is over.

use super::{CLOCK_MS, Played, Stage};
use crate::audit::calibrate::course::{Came, Course};
use crate::model::{Arm, Flaw, Form, Gap, Jump, Record, Via};

impl Stage<'_> {
    pub(super) fn close(mut self) -> Played {
        self.settle_clocks_and_gaps();
        let cut = self.flaws.contains(&Flaw::Cut);
        // Killed: in the middle, or when all was played and its end not yet written.
        let killed = self.world.mishaps.cut.is_some_and(|(_, written)| !written);
        if killed {
            self.flaws.insert(Flaw::Cut);
        } else {
            self.write(Record::End(self.ended(cut)));
        }
        // A collector that goes on hears who comes when the run is over.
        let end = if self.world.stays { i64::MAX } else { self.now };
        let mut came = std::mem::take(&mut self.came);
        for one in &mut came {
            let form = self
                .courses
                .get(&one.trial)
                .map_or(Form::Http, |course| course.trial.form);
            one.heard = one.at <= end && self.visit_is_heard(one, form);
        }
        for one in came.iter().filter(|one| one.heard) {
            let course = self.courses.get_mut(&one.trial);
            course
                .into_iter()
                .for_each(|course| course.flaws.extend(one.odd));
        }
        self.settle_leak_and_doors(&came);
        Played {
            evidence: self.evidence(end),
            topped_up: self.world.plan.rounds().len() > 1,
            courses: self.courses,
            flaws: self.flaws,
            came,
            end,
        }
    }

    /// A look-up is heard even where the form's own protocol is not.
    pub(super) fn visit_is_heard(&self, one: &Came, form: Form) -> bool {
        let form = if self.world.zoned && one.is_visit {
            Form::Http
        } else {
            form
        };
        self.is_heard(form, one.at)
    }

    pub(super) fn settle_clocks_and_gaps(&mut self) {
        let mishaps = &self.world.mishaps;
        let jumped = mishaps.jump.filter(|(at, _)| *at <= self.now);
        let wrong = |by: i64| by.unsigned_abs() > CLOCK_MS;
        if jumped.is_some_and(|(_, by)| wrong(by)) || wrong(mishaps.skew) {
            self.flaws.insert(Flaw::Clock);
        }
        if let Some((at, moved_ms)) = jumped.filter(|(_, by)| wrong(*by)) {
            let (from, to) = (self.clock(at - 1), self.clock(at));
            self.write(Record::Jump(Jump { from, to, moved_ms }));
        }
        if let Some(gap) = mishaps.gap.clone().filter(|gap| *gap.start() <= self.now) {
            let (from, to) = (
                self.collector_clock(*gap.start()),
                self.collector_clock(*gap.end()),
            );
            self.flaws.insert(Flaw::Gap);
            self.write(Record::Gap(Gap {
                from,
                to,
                missed: 0,
                reason: "it was drawn so".to_owned(),
            }));
        }
    }

    pub(super) fn settle_leak_and_doors(&mut self, came: &[Came]) {
        let controls = self.courses.values().filter(|course| !course.omitted);
        let played =
            |course: &&Course| course.trial.via == Some(Via::Auditor) && !course.steps.is_empty();
        let planned = controls
            .clone()
            .filter(|course| course.trial.via == Some(Via::Auditor))
            .count();
        if planned == 0 || controls.filter(played).count() < planned {
            self.flaws.insert(Flaw::DeadControl);
        }
        if self.world.mishaps.not_led.is_some() || !self.world.plants(Arm::Reached) {
            self.flaws.insert(Flaw::Door);
        }
        let leaked = |one: &&Came| {
            let arm = self.courses.get(&one.trial).map(|course| course.trial.arm);
            one.heard && arm == Some(Arm::Unsent)
        };
        if came.iter().any(|one| leaked(&one)) {
            self.flaws.insert(Flaw::Leak);
        }
    }
}
