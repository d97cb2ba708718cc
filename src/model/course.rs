//! How a run gets from its beginning to its end when it is not played in one piece.

use serde::{Deserialize, Serialize};

use super::{Phase, Timestamp, Trial, TrialId};

/// What is about to be done with links. It is durable before anything of it is done: where no [`super::Exposure`],
/// [`super::Probe`] or [`super::Failure`] follows, whoever conducted the run was gone in the middle of it, and it may have
/// been done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When it was written down.
    pub at: Timestamp,
    /// The phase whose step takes the links further; none: a fetch of our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Whose links: one, but for what the recipient is shown all at once.
    pub trials: Vec<TrialId>,
}

/// Whoever conducted the run left it, and meant to: what is still to be done is done later, by whoever takes it up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recess {
    /// When.
    pub at: Timestamp,
    /// How much the wall clock moved against the steady one until then, in milliseconds.
    pub clock_drift_ms: i64,
}

/// The run was taken up again by another process, with browsers of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// When.
    pub at: Timestamp,
    /// More positive controls than were planned: the new browsers' doors are proven by canaries of their own, and the
    /// collector is heard again. Empty where no browser is needed any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
}

/// How many of a run's trials belong to one round of its plan, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundSize {
    /// Played before the windows close.
    pub opening: u32,
    /// Played after.
    pub closing: u32,
}
