use std::ops::RangeInclusive;
use std::time::Duration;

use crate::model::{Account, Arm, Depth, Doorway, Form, Part};
use crate::plan::{Plan, PlanError, plan};
use crate::scenario::{Experiment, Scenario};

use super::dice::Dice;
use super::visitor::{Cause, Habit, KnownBy, Manner, Preview, Visitor, Who, of_provider, stranger};

/// More trials than this are planned in no world: what a judge gets wrong, it gets wrong in small ones too.
const MOST_TRIALS: usize = 300;

/// A truth, and the circumstances under which it is looked at.
#[derive(Debug)]
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) plan: Plan,
    /// Links have host tokens, and look-ups are heard.
    pub(super) zoned: bool,
    /// The collector goes on when the run is over.
    pub(super) stays: bool,
    pub(super) known_by: KnownBy,
    pub(super) visitors: Vec<Visitor>,
    pub(super) previews: Vec<Preview>,
    /// Visitors without any token, at instants of their own, from where.
    pub(super) background: u32,
    pub(super) mishaps: Mishaps,
    /// For what happens on the way.
    pub(super) dice_seed: u64,
}

/// What goes wrong.
#[derive(Debug, Default)]
pub(super) struct Mishaps {
    /// What befalls a trial, and how often.
    pub(super) fates: Vec<(Fate, f64)>,
    /// From this instant on nobody is signed in.
    pub(super) session_lost: Option<i64>,
    /// The collector says that it may have missed something, and misses everything, in this span.
    pub(super) gap: Option<RangeInclusive<i64>>,
    /// It hears nothing in this span, and does not know.
    pub(super) deaf: Option<RangeInclusive<i64>>,
    /// It never hears links of this form.
    pub(super) deaf_to: Option<Form>,
    /// The wall clock of this machine moves: when, and by how much.
    pub(super) jump: Option<(i64, i64)>,
    /// How far the collector's clock is ahead of the conductor's.
    pub(super) skew: i64,
    /// The run is stopped at this instant; whether its end is still written.
    pub(super) cut: Option<(i64, bool)>,
    /// This browser is not led to its own door; whether it comes in by the public one instead, or nowhere.
    pub(super) not_led: Option<(Account, bool)>,
}

/// What befalls a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// The page does not look as it should: nothing is done.
    NotPlayed,
    /// It is not known whether the step was done that sends.
    Unsure,
    /// The message is never seen to leave.
    Unconfirmed,
    /// It never arrives.
    Undelivered,
    /// It arrives as another link, and the page shows it all the same.
    Rewritten,
    /// The recipient cannot follow it.
    NotFollowed,
}

impl Fate {
    const ALL: [Self; 6] = [
        Self::NotPlayed,
        Self::Unsure,
        Self::Unconfirmed,
        Self::Undelivered,
        Self::Rewritten,
        Self::NotFollowed,
    ];
}

impl World {
    /// Draws one. `model` lends what is not drawn.
    pub(super) fn draw(model: &Scenario, seed: u64) -> Result<Self, PlanError> {
        let mut dice = Dice::of(seed);
        let mut scenario = model.clone();
        scenario.experiment = experiment(&mut dice);
        let known_by = dice.one_of([
            KnownBy::Network,
            KnownBy::Network,
            KnownBy::Agent,
            KnownBy::Nothing,
        ]);
        if known_by == KnownBy::Agent {
            scenario.service.networks.clear();
        }
        let most = dice.happens(0.35).then(|| scenario.experiment.trials * 5);
        let plan = plan(&scenario, ["default"], seed, most)?;
        let mut drawn = Drawn {
            zoned: dice.happens(0.4),
            known_by,
            window: millis(scenario.experiment.window),
            sound: dice.happens(0.4),
            length: length(&scenario.experiment, &plan),
            dice,
        };
        let mishaps = drawn.mishaps();
        // What becomes of a collector when the run is over is not looked at.
        let steady = mishaps.gap.is_none() && mishaps.deaf.is_none() && mishaps.jump.is_none();
        Ok(Self {
            visitors: drawn.visitors(),
            previews: drawn.previews(),
            background: drawn.background(),
            stays: steady && drawn.dice.happens(0.3),
            mishaps,
            dice_seed: drawn.dice.whole(0..=i64::MAX).unsigned_abs(),
            zoned: drawn.zoned,
            known_by,
            scenario,
            plan,
        })
    }

    pub(super) fn window(&self) -> i64 {
        millis(self.scenario.experiment.window)
    }

    pub(super) fn plants(&self, arm: Arm) -> bool {
        self.scenario.experiment.arms.contains(&arm)
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// What is planted: few or many trials of some arms in some forms.
fn experiment(dice: &mut Dice) -> Experiment {
    let shown = [
        Arm::Sent,
        Arm::Received,
        Arm::Opened,
        Arm::Drafted,
        Arm::Pasted,
    ];
    let mut arms = dice.some_of(&shown, 0.45);
    if arms.is_empty() {
        arms.push(Arm::Sent);
    }
    arms.extend(dice.some_of(&[Arm::Unsent, Arm::Visited], 0.9));
    arms.extend(dice.some_of(&[Arm::Reached], 0.97));
    let mut forms = dice.some_of(&[Form::Http, Form::Https, Form::Large], 0.4);
    if forms.is_empty() {
        forms.push(dice.one_of([Form::Http, Form::Https]));
    }
    let doors = dice.one_of([
        &[Doorway::Sealed][..],
        &[Doorway::Open],
        &[Doorway::Sealed, Doorway::Open],
    ]);
    let cells = arms.len() * forms.len() * doors.len();
    let trials = dice.one_of([1, 2, 3, 3, 4, 5, 6, 8, 10, 14, 20, 40]);
    Experiment {
        trials: trials.min(u16::try_from(MOST_TRIALS / cells).unwrap_or(1)),
        arms,
        forms,
        doors: doors.to_vec(),
        window: Duration::from_secs(dice.one_of([5, 30, 120])),
        draft: Duration::from_millis(dice.one_of([1500, 3000])),
        per_hour: None,
    }
}

/// About how long the first round will take: mishaps are to fall into it as a rule.
fn length(experiment: &Experiment, plan: &Plan) -> i64 {
    let trials = plan.rounds().next().map_or(0, |round| round.opening.len());
    i64::try_from(trials).unwrap_or(0) * 2000 + millis(experiment.window) * 2
}

/// What has been drawn, and draws the rest.
struct Drawn {
    dice: Dice,
    zoned: bool,
    known_by: KnownBy,
    window: i64,
    /// Nothing goes wrong.
    sound: bool,
    length: i64,
}

impl Drawn {
    /// A provider, and in some worlds others.
    fn visitors(&mut self) -> Vec<Visitor> {
        let mut all = vec![self.provider()];
        if self.dice.happens(0.1) {
            all.push(self.stranger());
        }
        if self.dice.happens(0.08) {
            all.push(self.follower());
        }
        if self.dice.happens(0.04) {
            all.push(self.leak());
        }
        all
    }

    fn provider(&mut self) -> Visitor {
        let causes = [
            Cause::Typed,
            Cause::Pasted,
            Cause::Sent,
            Cause::Shown,
            Cause::Followed,
        ];
        // Half of all providers never come.
        let share = self.dice.one_of([0.0, 0.0, 0.25, 0.5]);
        let causes = self.dice.some_of(&causes, share);
        Visitor {
            who: Who::Provider,
            address: self.known_by.address(),
            resolver: self.dice.one_of([of_provider(53), stranger(53)]),
            agent: "MadeUpBot/1",
            habits: causes.into_iter().map(|cause| self.habit(cause)).collect(),
        }
    }

    fn stranger(&mut self) -> Visitor {
        let cause = self.dice.one_of([Cause::Typed, Cause::Sent, Cause::Shown]);
        Visitor {
            habits: vec![Habit {
                manner: Manner::Plain,
                ..self.habit(cause)
            }],
            ..self.nobody(Who::Stranger)
        }
    }

    /// Comes to whatever we open, always or now and then; from the provider's own network only if always, because nothing
    /// tells it from the provider otherwise.
    fn follower(&mut self) -> Visitor {
        let nearby = self.dice.happens(0.3);
        let rate = if nearby {
            1.0
        } else {
            self.dice.one_of([1.0, 0.5, 0.2])
        };
        let like = self.habit(Cause::Fetched);
        let causes = [Cause::Fetched, Cause::Opened, Cause::Followed];
        let of = |cause| Habit {
            cause,
            rate,
            delay: 0..=self.window / 2,
            manner: Manner::Plain,
            form: None,
            ..like.clone()
        };
        let habits = causes.map(of).to_vec();
        let address = if nearby {
            self.known_by.address()
        } else {
            stranger(66)
        };
        let agent = if nearby { "MadeUpBot/1" } else { "curl/8" };
        Visitor {
            habits,
            address,
            agent,
            ..self.nobody(Who::Follower)
        }
    }

    fn leak(&mut self) -> Visitor {
        let habit = Habit {
            rate: 1.0,
            delay: 0..=self.length,
            manner: Manner::Plain,
            form: None,
            ..self.habit(Cause::Minted)
        };
        Visitor {
            habits: vec![habit],
            ..self.nobody(Who::Leak)
        }
    }

    fn nobody(&self, who: Who) -> Visitor {
        Visitor {
            who,
            address: stranger(66),
            resolver: stranger(53),
            agent: "curl/8",
            habits: Vec::new(),
        }
    }

    fn habit(&mut self, cause: Cause) -> Habit {
        let window = self.window;
        let some = self.dice.share();
        let manner = self.manner();
        let (soonest, latest) = self.dice.one_of([
            (0, 50),
            (0, 2000),
            (500, window),
            (window / 2, window * 2),
            (window + 1, window * 3),
        ]);
        Habit {
            cause,
            rate: self.dice.one_of([1.0, 1.0, 0.5, 0.3, 0.05, some]),
            delay: soonest..=latest,
            depth: self.depth(),
            manner,
            form: match manner {
                Manner::HelloOnly => Some(Form::Https),
                _ => self.dice.one_of([None, None, None, Some(Form::Https)]),
            },
        }
    }

    fn manner(&mut self) -> Manner {
        let rare = [
            Manner::Mangled,
            Manner::Referring,
            Manner::Otherwise,
            Manner::HelloOnly,
        ];
        let odd = self.dice.one_of(rare);
        // Without a token it is known only by its network or agent.
        let known =
            self.known_by != KnownBy::Nothing || matches!(odd, Manner::Mangled | Manner::Referring);
        if known && self.dice.happens(0.15) {
            odd
        } else {
            Manner::Plain
        }
    }

    /// A look-up, or a host alone, is seen only where hosts have tokens.
    fn depth(&mut self) -> Depth {
        let deep = [Depth::Probed, Depth::Read, Depth::Loaded, Depth::Executed];
        let deep = self.dice.one_of(deep);
        if self.zoned && self.dice.happens(0.3) {
            self.dice.one_of([Depth::Resolved, Depth::Connected])
        } else {
            deep
        }
    }

    fn previews(&mut self) -> Vec<Preview> {
        let may_be = [
            (Account::Sender, Cause::Typed),
            (Account::Sender, Cause::Sent),
            (Account::Recipient, Cause::Shown),
        ];
        let are = self.dice.some_of(&may_be, 0.25);
        let preview = |(account, cause)| Preview {
            account,
            cause,
            rate: self.dice.one_of([1.0, 0.4]),
            part: self.dice.one_of([Part::Link, Part::Image]),
        };
        are.into_iter().map(preview).collect()
    }

    fn background(&mut self) -> u32 {
        self.dice.one_of([0, 0, 1, 5])
    }

    fn mishaps(&mut self) -> Mishaps {
        if self.sound {
            return Mishaps::default();
        }
        Mishaps {
            fates: self.fates(),
            session_lost: self.rarely(0.06),
            gap: self.span(0.1),
            deaf: self.deafness(),
            deaf_to: self.dice.happens(0.04).then_some(Form::Https),
            jump: self.jump(),
            skew: self.skew(),
            cut: self.rarely(0.08).map(|at| (at, self.dice.happens(0.5))),
            not_led: self.not_led(),
        }
    }

    fn fates(&mut self) -> Vec<(Fate, f64)> {
        let fates = self.dice.some_of(&Fate::ALL, 0.12);
        let often = |fate| (fate, self.dice.one_of([1.0, 0.3, 0.1]));
        fates.into_iter().map(often).collect()
    }

    fn rarely(&mut self, chance: f64) -> Option<i64> {
        let at = self.dice.whole(0..=self.length);
        self.dice.happens(chance).then_some(at)
    }

    fn span(&mut self, chance: f64) -> Option<RangeInclusive<i64>> {
        let long = self.dice.one_of([20, 1000, self.window, self.length]);
        self.rarely(chance).map(|from| from..=from + long)
    }

    /// From the beginning to some instant, or from there to the end of days: between two controls that were heard, a
    /// collector that was deaf without knowing leaves no trace at all.
    fn deafness(&mut self) -> Option<RangeInclusive<i64>> {
        let early = self.dice.happens(0.5);
        let at = self.rarely(0.1)?;
        Some(if early { -1..=at } else { at..=i64::MAX })
    }

    fn jump(&mut self) -> Option<(i64, i64)> {
        let by = self
            .dice
            .one_of([-3_600_000, -4000, -900, -300, 300, 900, 4000, 3_600_000]);
        self.rarely(0.1).map(|at| (at, by))
    }

    fn not_led(&mut self) -> Option<(Account, bool)> {
        let account = self.dice.one_of([Account::Sender, Account::Recipient]);
        let comes_in = self.dice.happens(0.5);
        self.dice.happens(0.08).then_some((account, comes_in))
    }

    fn skew(&mut self) -> i64 {
        let by = self
            .dice
            .one_of([-5000, -950, -400, -50, 50, 400, 950, 5000]);
        if self.dice.happens(0.12) { by } else { 0 }
    }
}
