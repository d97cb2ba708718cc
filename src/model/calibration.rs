use serde::{Deserialize, Serialize};

use super::trial::named;
use super::{Interval, Verdict};

named! {
    /// What was broken in a simulated world, so that silence proves nothing there.
    Flaw {
        /// A fetch of our own was not heard, or not made.
        DeadControl = "dead-control",
        /// The collector said that it may have missed something.
        Gap = "gap",
        /// A clock was wrong by more than a second.
        Clock = "clock",
        /// The run was stopped before its end.
        Cut = "cut",
        /// Somebody had the links from us.
        Leak = "leak",
        /// A browser of ours was not led to its own door, or never shown to be.
        Door = "door",
        /// A trial was planned and not played.
        NotPlayed = "not-played",
        /// A message was not seen to leave, or a step not to be done.
        Unconfirmed = "unconfirmed",
        /// A message was not seen to arrive.
        Undelivered = "undelivered",
        /// A link arrived as another.
        Rewritten = "rewritten",
        /// Somebody had a link, or was brought by it, and asked for something else.
        HeardOf = "heard-of",
        /// Somebody who may have come for a link went away after the first message of TLS.
        HelloOnly = "hello-only",
        /// Fewer than three links were out.
        TooFew = "too-few",
    }
}

named! {
    /// What is true of a cell of a simulated world.
    Truth {
        /// The provider, or somebody it sent, came and was heard; nothing was broken.
        Came = "came",
        /// The same, and something was broken.
        CameBroken = "came-broken",
        /// Nobody came because of what was done; nothing was broken.
        Away = "away",
        /// The same, or whoever came was not heard; something was broken.
        AwayBroken = "away-broken",
    }
}

named! {
    /// A share by which the instrument is measured.
    Measure {
        /// Worlds with a cell that says `not-observed` although somebody came and was heard, or something was broken.
        FalseClean = "false-clean",
        /// Worlds with a cell that says `observed`, by the provider, although it did not come.
        FalseFetched = "false-fetched",
        /// Cells that say `observed` of whoever it may be although nobody came because of what was done.
        NoiseObserved = "noise-observed",
        /// Cells that say `observed` of a later phase than the one which brought the visitor.
        CarriedOver = "carried-over",
        /// Cells of which all was known and something should have been said, and is not.
        Undecided = "undecided",
        /// Observed cells whose depth is not the true one.
        WrongDepth = "wrong-depth",
        /// Cells to which the provider came, known by its network or agent, and that do not say so.
        WrongActor = "wrong-actor",
        /// Cells whose interval holds the true chance of a visit.
        IntervalCoverage = "interval-coverage",
        /// The same of runs that were topped up until they were decided.
        ToppedUpCoverage = "topped-up-coverage",
    }
}

impl Truth {
    /// In plain words, for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Came => "somebody came, all was well",
            Self::CameBroken => "somebody came, something was broken",
            Self::Away => "nobody came, all was well",
            Self::AwayBroken => "nobody was heard, something was broken",
        }
    }
}

impl Measure {
    /// In plain words, for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::FalseClean => "worlds in which `not-observed` is said and must not be",
            Self::FalseFetched => "worlds in which the provider is said to have come, and did not",
            Self::NoiseObserved => "cells in which a bystander is taken for an effect of ours",
            Self::CarriedOver => "cells in which a late visitor is counted with a later phase",
            Self::Undecided => "cells in which all was known, and nothing is said",
            Self::WrongDepth => "observed cells whose depth is not the true one",
            Self::WrongActor => "observed cells that do not say who came",
            Self::IntervalCoverage => "cells whose 95 % interval holds the true chance of a visit",
            Self::ToppedUpCoverage => "the same in runs that were topped up until decided",
        }
    }

    /// Whether one more is one too many.
    #[must_use]
    pub const fn is_about_verdicts(self) -> bool {
        matches!(
            self,
            Self::FalseClean
                | Self::FalseFetched
                | Self::Undecided
                | Self::WrongDepth
                | Self::WrongActor
        )
    }

    /// Whether it has a limit. What no instrument can know is told, and has none.
    #[must_use]
    pub const fn is_limited(self) -> bool {
        !matches!(self, Self::NoiseObserved | Self::CarriedOver)
    }

    /// Whether a share of this size is an error of the instrument. What no instrument can know is told, and is none.
    #[must_use]
    pub fn is_wrong(self, share: &Share) -> bool {
        match self {
            _ if self.is_about_verdicts() => share.count > 0,
            Self::IntervalCoverage | Self::ToppedUpCoverage => share.of > 0 && share.share() < 0.95,
            _ => false,
        }
    }
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// How many.
    pub count: u32,
    /// Of how many.
    pub of: u32,
    /// The exact interval of the chance behind it, at 95 %.
    pub interval: Interval,
}

impl Share {
    /// From 0 to 1; 0 of none.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.of == 0 {
            return 0.0;
        }
        f64::from(self.count) / f64::from(self.of)
    }
}

/// How many cells of one truth were judged how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgements<T> {
    /// What is true of them.
    pub truth: T,
    /// How many say [`Verdict::Observed`].
    pub observed: u32,
    /// How many say [`Verdict::NotObserved`].
    pub not_observed: u32,
    /// How many say [`Verdict::Inconclusive`].
    pub inconclusive: u32,
}

impl<T> Judgements<T> {
    /// None yet.
    pub const fn of(truth: T) -> Self {
        Self {
            truth,
            observed: 0,
            not_observed: 0,
            inconclusive: 0,
        }
    }

    /// Counts those of another.
    pub const fn join(&mut self, other: Self)
    where
        T: Copy,
    {
        self.observed += other.observed;
        self.not_observed += other.not_observed;
        self.inconclusive += other.inconclusive;
    }

    /// Counts one.
    pub const fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Observed => self.observed += 1,
            Verdict::NotObserved => self.not_observed += 1,
            Verdict::Inconclusive => self.inconclusive += 1,
        }
    }
}

/// A persona of the practice messenger, audited by the whole instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsed {
    /// The persona.
    pub name: String,
    /// What is true of it: one claim for each cell.
    pub expected: String,
    /// What was said of these cells, in the same words.
    pub verdict: String,
    /// Whether the two agree.
    pub right: bool,
}

/// How wrong the instrument is.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The seed of the worlds.
    pub seed: u64,
    /// How many were simulated.
    pub worlds: u32,
    /// What is true, and what was said.
    pub matrix: Vec<Judgements<Truth>>,
    /// The same of cells with a flaw; a cell may have several.
    pub flaws: Vec<Judgements<Flaw>>,
    /// The shares, in their order.
    pub shares: Vec<(Measure, Share)>,
    /// The first cells that were judged wrong, each with the seed of its world.
    pub wrong: Vec<String>,
    /// The personas; none where no browser was wanted.
    pub personas: Vec<Rehearsed>,
}

impl Calibration {
    /// One of the shares.
    #[must_use]
    pub fn share(&self, measure: Measure) -> Option<&Share> {
        let found = self.shares.iter().find(|(one, _)| *one == measure);
        found.map(|(_, share)| share)
    }

    /// Whether the instrument did nothing that it must not.
    #[must_use]
    pub fn is_right(&self) -> bool {
        let worlds = self
            .shares
            .iter()
            .all(|(measure, share)| !measure.is_wrong(share));
        worlds && self.personas.iter().all(|persona| persona.right)
    }
}
