use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::summary::{Behaviour, CellKey};
use super::trial::named;
use super::{DataVersion, Depth, Doubt, Interval, RunId, Timestamp, Verdict, display_duration};

named! {
    /// What is different between two runs, as far as chance does not explain it.
    ChangeKind {
        /// Nobody came before, and now somebody does.
        Appeared = "appeared",
        /// Somebody came before, and now nobody does.
        Disappeared = "disappeared",
        /// Somebody comes more often.
        MoreOften = "more-often",
        /// Somebody comes less often.
        LessOften = "less-often",
        /// Whoever comes goes further.
        Deeper = "deeper",
        /// Whoever comes does not go so far.
        Shallower = "shallower",
        /// Whoever comes does so in other ways.
        Behaviour = "behaviour",
    }
}

impl ChangeKind {
    /// Whether it is for the worse: more is seen of what is sent.
    #[must_use]
    pub const fn is_regression(self) -> bool {
        matches!(self, Self::Appeared | Self::MoreOften | Self::Deeper)
    }

    /// In words, for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Disappeared => "disappeared",
            Self::MoreOften => "comes more often",
            Self::LessOften => "comes less often",
            Self::Deeper => "goes further",
            Self::Shallower => "does not go so far",
            Self::Behaviour => "comes in other ways",
        }
    }
}

/// One thing that is different in a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What.
    pub kind: ChangeKind,
    /// How often chance alone makes a difference as large (Fisher's exact test, two-sided).
    pub p: f64,
    /// The same, made larger for how many differences were looked for.
    pub adjusted: f64,
    /// Ways of coming that are new; only with [`ChangeKind::Behaviour`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub came: Vec<Behaviour>,
    /// Ways of coming that are gone; likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub went: Vec<Behaviour>,
}

named! {
    /// One of the two runs that are compared.
    Side {
        /// The earlier one, or the baseline.
        Before = "before",
        /// The one that is held against it.
        After = "after",
    }
}

/// Why two cells cannot be compared: something else than the service may make the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Reason {
    /// One of the runs has no such cell, and none with other doors either.
    Missing {
        /// Which run.
        side: Side,
    },
    /// One of the runs has it with the other doors alone: a browser that is let through may make a visit of its own.
    Doors {
        /// The run without.
        side: Side,
    },
    /// Nothing can be said in one of the runs.
    Inconclusive {
        /// In which.
        side: Side,
        /// Why not.
        doubts: Vec<Doubt>,
    },
    /// They were judged by other rules.
    Rules {
        /// Their number before.
        before: u32,
        /// And after.
        after: u32,
    },
    /// They were made from other places.
    Region {
        /// Before.
        before: Option<String>,
        /// After.
        after: Option<String>,
    },
    /// The service's client was another build. Hostile text.
    Build {
        /// Before.
        before: Vec<String>,
        /// After.
        after: Vec<String>,
    },
    /// What the scenario says must be the same is not. Hostile text.
    Covariate {
        /// Its name.
        name: String,
        /// Before; none where it is not said.
        before: Option<String>,
        /// After.
        after: Option<String>,
    },
    /// Who came was said by other states of the same data.
    Data {
        /// Before.
        before: DataVersion,
        /// After.
        after: DataVersion,
    },
    /// One of the runs listened for much shorter, in milliseconds.
    Window {
        /// Before.
        before_ms: u64,
        /// After.
        after_ms: u64,
    },
}

impl Reason {
    /// In words, for reports. Holds what is hostile in it as it is.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Missing { side } => format!("the run {side} has no such cell"),
            Self::Doors { side } => format!("the run {side} has it with the other doors only"),
            Self::Inconclusive { side, doubts } => {
                let doubts: Vec<&str> = doubts.iter().map(|doubt| doubt.name()).collect();
                let why = if doubts.is_empty() {
                    String::new()
                } else {
                    format!(": {}", doubts.join(", "))
                };
                format!("inconclusive {side}{why}")
            }
            Self::Rules { before, after } => {
                format!("judged by rules {before} before and {after} after")
            }
            Self::Region { before, after } => {
                let of = |region: &Option<String>| match region {
                    Some(region) => format!("from `{region}`"),
                    None => "from a place that is not said".to_owned(),
                };
                format!("made {} before and {} after", of(before), of(after))
            }
            Self::Build { before, after } => {
                let of = |builds: &[String]| match builds {
                    [] => "a build that is not said".to_owned(),
                    builds => format!("build `{}`", builds.join("`, `")),
                };
                format!(
                    "the client was {} before and {} after",
                    of(before),
                    of(after)
                )
            }
            Self::Covariate {
                name,
                before,
                after,
            } => {
                let of = |value: &Option<String>| match value {
                    Some(value) => format!("`{value}`"),
                    None => "not said".to_owned(),
                };
                format!("{name} was {} before and {} after", of(before), of(after))
            }
            Self::Data { before, after } => format!(
                "who came was read from {} of {} before and of {} after",
                before.source, before.version, after.version
            ),
            Self::Window {
                before_ms,
                after_ms,
            } => {
                let of = |ms: &u64| display_duration(std::time::Duration::from_millis(*ms));
                format!(
                    "listened {} before and {} after",
                    of(before_ms),
                    of(after_ms)
                )
            }
        }
    }
}

/// Whether two cells can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Comparability {
    /// They can.
    Comparable,
    /// They cannot.
    NotComparable {
        /// Every reason, at least one.
        reasons: Vec<Reason>,
    },
}

/// What was counted in a cell of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counted {
    /// Trials in which the link was out.
    pub trials: u32,
    /// Those with a visitor.
    pub hits: u32,
    /// What was true.
    pub verdict: Verdict,
    /// How far whoever came went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Depth>,
}

/// A cell of two runs, side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellComparison {
    /// Which.
    pub key: CellKey,
    /// What was counted before; none where that run has no such cell.
    pub before: Option<Counted>,
    /// What was counted after; likewise.
    pub after: Option<Counted>,
    /// Whether they can be compared.
    pub comparability: Comparability,
    /// How often chance alone makes the counts as different; none where they cannot be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// What is different beyond chance.
    pub changes: Vec<Change>,
}

impl CellComparison {
    /// Why the two cannot be compared; nothing where they can.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match &self.comparability {
            Comparability::Comparable => &[],
            Comparability::NotComparable { reasons } => reasons,
        }
    }

    /// Whether the two can be compared.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.comparability == Comparability::Comparable
    }
}

/// A run by its name and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRef {
    /// Its name.
    pub run: RunId,
    /// When it began.
    pub started: Timestamp,
}

/// Two runs of one service, compared cell by cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// [`super::SUMMARY_FORMAT`].
    pub format: u32,
    /// The service's short name.
    pub service: String,
    /// The service's name for people.
    pub title: String,
    /// The earlier run, or the baseline.
    pub before: RunRef,
    /// The run that is held against it.
    pub after: RunRef,
    /// Which share of the changes that are told may be chance, at the most and in the long run.
    pub rate: f64,
    /// Every cell about which something is asked of the service: the controls are left out.
    pub cells: Vec<CellComparison>,
}

impl Comparison {
    /// Every change with its cell.
    pub fn changes(&self) -> impl Iterator<Item = (&CellKey, &Change)> {
        let cells = self.cells.iter();
        cells.flat_map(|cell| cell.changes.iter().map(|change| (&cell.key, change)))
    }

    /// Whether anything changed for the worse.
    #[must_use]
    pub fn is_regression(&self) -> bool {
        self.changes()
            .any(|(_, change)| change.kind.is_regression())
    }

    /// Whether any cell could be compared at all.
    #[must_use]
    pub fn says_anything(&self) -> bool {
        self.cells.iter().any(CellComparison::is_comparable)
    }
}

/// A service's runs over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// [`super::SUMMARY_FORMAT`].
    pub format: u32,
    /// The service's short name.
    pub service: String,
    /// The service's name for people, as the last run has it.
    pub title: String,
    /// How often a series without any change is said to have one, over all series of the history.
    pub rate: f64,
    /// The runs, the oldest first.
    pub runs: Vec<RunRef>,
    /// One for each question and each region that it was asked from, in the order of reports.
    pub series: Vec<Series>,
}

/// One question over time, as asked from one region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Which question.
    pub key: CellKey,
    /// From where, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What each run says, the oldest first.
    pub points: Vec<Point>,
    /// How often the verdict turned.
    pub flips: Flips,
    /// When the chance of a visit changed.
    pub changes: Vec<ChangePoint>,
}

impl Series {
    /// The last point that says anything.
    #[must_use]
    pub fn last_conclusive(&self) -> Option<&Point> {
        let mut points = self.points.iter().rev();
        points.find(|point| point.is_conclusive())
    }
}

/// What one run says about a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub started: Timestamp,
    /// What was counted, and is true.
    #[serde(flatten)]
    pub counted: Counted,
    /// Exact interval for the chance of a visit.
    pub interval: Interval,
    /// Why less can be said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
}

impl Point {
    /// Whether it says anything: nothing follows from the counts of a run that is inconclusive.
    #[must_use]
    pub fn is_conclusive(&self) -> bool {
        self.counted.verdict != Verdict::Inconclusive
    }
}

/// How often a verdict turned from one conclusive run to the next one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flips {
    /// How often it did.
    pub turned: u32,
    /// How often it could have: neighbouring conclusive runs.
    pub of: u32,
}

impl Flips {
    /// The share of neighbours between which it turned; none without any.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.of > 0).then(|| f64::from(self.turned) / f64::from(self.of))
    }
}

/// Between which runs the chance of a visit changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangePoint {
    /// Whether it is more or less than before: `appeared`, `disappeared`, `more-often` or `less-often`.
    pub kind: ChangeKind,
    /// The last run before it.
    pub last: RunRef,
    /// The first run after it.
    pub first: RunRef,
    /// All trials from the change before, or the beginning, up to it.
    pub before: Pooled,
    /// All trials from it to the next change, or the end.
    pub after: Pooled,
    /// How often chance alone makes a difference as large anywhere in any series of the history, at the most.
    pub p: f64,
    /// What else was different from that run on, and may be the cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub besides: Vec<Reason>,
}

/// Conclusive runs taken together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pooled {
    /// How many runs.
    pub runs: u32,
    /// Their trials.
    pub trials: u32,
    /// Those with a visitor.
    pub hits: u32,
}
