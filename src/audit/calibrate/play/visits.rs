//! Who comes in a simulated run, and what of it is heard.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::{RUN, Stage, Written, applies};
use crate::audit::calibrate::course::Came;
use crate::audit::calibrate::paper::{Asked, Asker};
use crate::audit::calibrate::visitor::{Cause, Habit, Manner, Visitor, stranger};
use crate::model::{Depth, Door, Form, HitKind, Part, Record, TokenId, Trial};

impl Stage<'_> {
    /// Our own browsers fetch what is on their pages.
    pub(super) fn previews(&mut self, trial: &Trial, cause: Cause) {
        let world = self.world;
        for preview in world
            .previews
            .iter()
            .filter(|preview| preview.cause == cause)
        {
            if self.dice.happens(preview.rate) {
                let at = self.now + self.dice.whole(0..=300);
                self.own_browser(trial, preview.account, preview.part, at);
            }
        }
    }

    /// Whoever is brought by something comes in time.
    pub(super) fn brings(&mut self, trial: &Trial, cause: Cause, since: i64) {
        let world = self.world;
        for (nth, visitor) in world.visitors.iter().enumerate() {
            for habit in visitor.habits.iter().filter(|habit| habit.cause == cause) {
                if applies(visitor, habit, trial) && self.dice.happens(habit.rate) {
                    let at = since + self.dice.whole(habit.delay.clone());
                    self.comes(trial, (nth, visitor), habit, (since, at));
                }
            }
        }
    }

    pub(super) fn comes(
        &mut self,
        trial: &Trial,
        (nth, visitor): (usize, &Visitor),
        habit: &Habit,
        (since, at): (i64, i64),
    ) {
        let asker = Asker {
            agent: visitor.agent.to_owned(),
            resolver: visitor.resolver,
            ..self.asker(trial, at, Door::Public, visitor.address)
        };
        let asked = match habit.manner {
            Manner::Plain => asker.visit(habit.depth),
            odd => asker.visit_oddly(odd),
        };
        let cause = self
            .courses
            .get(&trial.id)
            .and_then(|course| course.step_before(since)?.phase);
        self.came.push(Came {
            trial: trial.id,
            visitor: nth,
            at,
            depth: if habit.manner == Manner::HelloOnly {
                Depth::Connected
            } else {
                habit.depth
            },
            is_hello: habit.manner == Manner::HelloOnly,
            is_visit: habit.names_the_link(self.world.zoned),
            odd: habit.manner.flaw(self.world.zoned),
            cause,
            heard: false,
        });
        self.receive(at, asked);
    }

    /// Visitors with nothing of ours.
    pub(super) fn in_the_background(&mut self) {
        let Some(trial) = self.world.plan.trials.first().cloned() else {
            return;
        };
        for _ in 0..self.world.background {
            let at = self.dice.whole(0..=100_000);
            let asked = self
                .asker(&trial, at, Door::Public, stranger(99))
                .without_token("GET");
            self.receive(at, vec![asked]);
        }
    }

    pub(super) fn asker(&mut self, trial: &Trial, at: i64, door: Door, address: IpAddr) -> Asker {
        self.connections = self.connections.wrapping_add(1);
        let token = TokenId {
            run: RUN,
            trial: trial.id,
            arm: trial.arm,
            form: trial.form,
            part: Part::Link,
        };
        Asker {
            at: self.collector_clock(at),
            door,
            address,
            resolver: address,
            port: self.connections,
            agent: "curl/8".to_owned(),
            token,
            zoned: self.world.zoned,
        }
    }

    /// The collector writes down who came, if it can.
    pub(super) fn receive(&mut self, at: i64, asked: Vec<Asked>) {
        for (hit, took) in asked {
            let tls = match &hit.kind {
                HitKind::Http(request) => request.tls,
                HitKind::Hello(_) => true,
                _ => false,
            };
            let form = if tls { Form::Https } else { Form::Http };
            if self.is_heard(form, at) {
                self.written.push(Written {
                    at,
                    record: Record::Hit(hit),
                    took,
                });
            }
        }
    }

    pub(super) fn is_heard(&self, form: Form, at: i64) -> bool {
        let mishaps = &self.world.mishaps;
        let within = |span: &Option<RangeInclusive<i64>>| {
            span.as_ref().is_some_and(|span| span.contains(&at))
        };
        !within(&mishaps.gap) && !within(&mishaps.deaf) && mishaps.deaf_to != Some(form)
    }
}
