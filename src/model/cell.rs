use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::trial::named;
use super::{Arm, Behaviour, Confidence, Doorway, Factor, Form, Limit, Part, Phase, Reach};

named! {
    /// What is true of a cell; nothing about good or bad.
    Verdict {
        /// Somebody who is not us came, because of what we did.
        Observed = "observed",
        /// Nobody came, everything that could have hidden a visit was ruled out, and the bound is stated.
        NotObserved = "not-observed",
        /// Nothing can be said; the doubts say why.
        Inconclusive = "inconclusive",
    }
}

named! {
    /// Who it was.
    Actor {
        /// The service under audit.
        Provider = "provider",
        /// Our sending account's browser.
        Sender = "sender",
        /// Our receiving account's browser.
        Recipient = "recipient",
        /// waxseal itself.
        Auditor = "auditor",
        /// Somebody known who is not the service: whoever looks at links for others, another company's machines, a network
        /// that follows its customers.
        ThirdParty = "third-party",
        /// Somebody who looks at the whole net and had nothing of the link but its host, if that: nothing to do with it.
        Background = "background",
        /// Nothing tells.
        Unknown = "unknown",
    }
}

impl Actor {
    /// Whether it may have been the service under audit.
    #[must_use]
    pub const fn may_be_provider(self) -> bool {
        matches!(self, Self::Provider | Self::Unknown)
    }

    /// Whether this is one of our own.
    #[must_use]
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Sender | Self::Recipient | Self::Auditor)
    }
}

named! {
    /// How far a visitor went, shallow first (design, section 5).
    Depth {
        /// A DNS query for the full name.
        Resolved = "resolved",
        /// A connection that asked for nothing of ours.
        Connected = "connected",
        /// The link was asked for, and no byte of its content taken.
        Probed = "probed",
        /// Content was taken.
        Read = "read",
        /// The page's own image or style sheet was fetched too, or the page it leads on to.
        Loaded = "loaded",
        /// A script of the page ran.
        Executed = "executed",
    }
}

impl Depth {
    /// What was seen of whoever went so far, for reports.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Resolved => "somebody's resolver asked for the host of the link",
            Self::Connected => "somebody came to the host, and asked for nothing of ours",
            Self::Probed => "somebody asked for the link, and took no byte of what is behind it",
            Self::Read => "somebody was handed content",
            Self::Loaded => {
                "the page's own image or style sheet was fetched too, or the page it leads on to"
            }
            Self::Executed => "a script of the page ran",
        }
    }

    /// In words, for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Resolved | Self::Connected => "learned the host",
            Self::Probed => "touched the link",
            Self::Read | Self::Loaded => "fetched the content",
            Self::Executed => "ran the page",
        }
    }
}

named! {
    /// A named reason why nothing, or less, can be said.
    Doubt {
        /// A fetch of our own was not heard: the collector may have been deaf.
        ControlSilent = "control-silent",
        /// A canary that nobody was shown had a visitor.
        NoiseInControl = "noise-in-control",
        /// The collector may have missed something.
        CoverageGap = "coverage-gap",
        /// The link may not have left our hands.
        ExposureUnconfirmed = "exposure-unconfirmed",
        /// The link was not seen to arrive.
        NotDelivered = "not-delivered",
        /// The link arrived as another one, the service came by another one, or somebody had it and did not come for it.
        LinkRewritten = "link-rewritten",
        /// Fewer trials were played than planned, or too few to speak of absence.
        TooFewTrials = "too-few-trials",
        /// A clock jumped, or an effect came before its cause.
        ClockSkew = "clock-skew",
        /// The window has not closed yet.
        WindowOpen = "window-open",
        /// A browser of ours was not proven to be led to its own door.
        Unsealed = "unsealed",
        /// An account was not signed in.
        SessionLost = "session-lost",
        /// The page did not look as the scenario says.
        SelectorDrift = "selector-drift",
        /// Somebody who may be the service began TLS at the public door and asked for nothing. It may have been for this
        /// link: a hello without a token does not say.
        HelloOnly = "hello-only",
    }
}

impl Doubt {
    /// Whether it also stands against `observed`. One attributed hit proves presence whatever else went wrong, unless
    /// the canaries themselves cannot be trusted.
    #[must_use]
    pub const fn unsettles_presence(self) -> bool {
        matches!(
            self,
            Self::NoiseInControl | Self::ClockSkew | Self::Unsealed
        )
    }

    /// In a plain sentence, for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ControlSilent => "a fetch of our own was not heard",
            Self::NoiseInControl => "a canary shown to nobody had a visitor",
            Self::CoverageGap => "the collector may have missed something",
            Self::ExposureUnconfirmed => "no proof that the message left",
            Self::NotDelivered => "the link was not seen at the recipient",
            Self::LinkRewritten => "the link may have arrived, or been asked for, as another one",
            Self::TooFewTrials => "too few trials were played",
            Self::ClockSkew => "a clock jumped, or a visitor came before the link was out",
            Self::WindowOpen => "the listening window has not closed",
            Self::Unsealed => "a browser was not proven to use its own door",
            Self::SessionLost => "an account was not signed in",
            Self::SelectorDrift => "the page did not look as the scenario says",
            Self::HelloOnly => {
                "somebody began TLS and asked for nothing: perhaps for this link, and our certificate was not trusted"
            }
        }
    }
}

named! {
    /// What became of the claim the scenario's author made about a cell.
    Outcome {
        /// As claimed.
        Pass = "pass",
        /// Not as claimed.
        Fail = "fail",
        /// The verdict is inconclusive.
        Inconclusive = "inconclusive",
        /// Nothing was claimed, or nothing was played.
        NotRun = "not-run",
    }
}

named! {
    /// How often a visit comes, as far as the interval says.
    Constancy {
        /// At least every second time: the interval lies above one half.
        Repeatable = "repeatable",
        /// At most every second time: the interval lies below one half.
        Occasional = "occasional",
        /// Too few trials to say.
        Unsettled = "unsettled",
    }
}

/// What more trials would be worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// How many more, if they go on as those before.
    pub trials: u32,
    /// What they would settle.
    pub settles: Settles,
}

named! {
    /// What more trials would settle.
    Settles {
        /// That absence may be spoken of.
        Absence = "absence",
        /// That, nothing being seen, it happens in at most one of ten.
        Rarity = "rarity",
        /// Whether what was seen is repeatable or occasional.
        Constancy = "constancy",
    }
}

/// A confidence interval for a probability, both ends within 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// To six digits: few enough that what is written and read back is the same to the last bit.
    #[must_use]
    pub fn rounded(self) -> Self {
        let round = |end: f64| (end * 1e6).round() / 1e6;
        Self {
            low: round(self.low),
            high: round(self.high),
        }
    }
}

/// What one actor did in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorSummary {
    /// Who.
    pub actor: Actor,
    /// In how many of the cell's trials.
    pub trials: u32,
    /// How many hits in all.
    pub hits: u32,
    /// How many of them asked again for what had been asked for before.
    pub again: u32,
    /// Whether the link's content was taken whole in any of them; none where none was taken, or it is not known.
    pub whole: Option<bool>,
    /// How far at the most.
    pub depth: Depth,
    /// Refused at a sealed door: attempts, not fetches.
    pub refused: u32,
    /// The phases it came in: while the link was typed, or after it was sent.
    pub phases: Vec<Phase>,
    /// The methods used, each once, in the order first seen.
    pub methods: Vec<String>,
    /// The parts asked for.
    pub parts: Vec<Part>,
    /// The most bytes of what is behind the link that one answer handed over.
    pub bytes: u64,
    /// The user agents, each once. Hostile text.
    pub agents: Vec<String>,
    /// The addresses, each once.
    pub peers: Vec<std::net::IpAddr>,
    /// The reasons for the attribution, each factor apart.
    pub factors: Vec<Factor>,
    /// How sure the surest of its visits is; none where nothing tells who it was.
    pub confidence: Option<Confidence>,
}

/// One cell of a run: service x variant x arm x form, and what is said about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The variant's name.
    pub variant: String,
    /// The arm.
    pub arm: Arm,
    /// The form.
    pub form: Form,
    /// What the doors of our own browsers did with its links.
    pub doorway: Doorway,
    /// What is true.
    pub verdict: Verdict,
    /// More may be said when the window has closed: until then the verdict may still be amended.
    pub provisional: bool,
    /// How often it would happen again, as far as that can be said; only with [`Verdict::Observed`].
    pub constancy: Option<Constancy>,
    /// How many more trials like these would settle what is open; none where nothing is, or trials would not help.
    pub advice: Option<Advice>,
    /// How far the one who came went; only with [`Verdict::Observed`].
    pub depth: Option<Depth>,
    /// Trials in which the link was out.
    pub trials: u32,
    /// Trials planned.
    pub planned: u32,
    /// Trials that had a visitor who is not us (for `reached`: that we were heard in).
    pub hits: u32,
    /// Trials that had one after their window had closed, whether or not they had one in it: known, and not among the
    /// hits.
    pub late: u32,
    /// Trials that had no visitor, and whose link somebody who is not us had all the same: it stood in a `Referer`, or
    /// was asked for with an error in it.
    pub hearsay: u32,
    /// Trials that had no visitor in the phase that this cell is about, and one in another: while the link was typed, or
    /// when it was shown. A question of another arm.
    pub elsewhere: u32,
    /// Trials that were planned and left out because more would have said no more.
    pub omitted: u32,
    /// The wrappers that links arrived in, such as `l.facebook.com`, each once. Hostile text.
    pub wrappers: Vec<String>,
    /// Exact interval for the chance of a visit, at 95 % over all looks ([`super::Manifest::looks`]).
    pub interval: Interval,
    /// From the last phase boundary (typed, sent) to the first visit.
    pub first_delay: Option<Duration>,
    /// Who came, the provider first; our own attempts as well.
    pub actors: Vec<ActorSummary>,
    /// The hits by how far the furthest of their visitors went, shallow first.
    pub reaches: Vec<Reach>,
    /// In which ways they came, the first seen first, and no more than a report can show.
    pub behaviours: Vec<Behaviour>,
    /// Why less can be said.
    pub doubts: Vec<Doubt>,
    /// What the author claimed.
    pub expected: Option<Limit>,
    /// What became of the claim.
    pub outcome: Outcome,
}
