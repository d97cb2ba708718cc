//! **Verdict** (floor 2). From evidence to what can be said: a pure function, the same bytes for the same records.
//!
//! `facts` sorts the records, `observe` reads each hit in the context of its trial, `control` says what stands against
//! believing any of it, `judge` speaks per cell, `summary` and `behaviour` say what each actor did in it, `advice` what more trials would
//! be worth, and `outcome` holds that against what the author claimed. `explain` says why, by trying what else would be said.
//!
//! One attributed hit proves presence; absence is only bounded. So `not-observed` needs every doubt gone, while
//! `observed` falls only with doubts about the canaries themselves ([`crate::model::Doubt::unsettles_presence`]).

mod advice;
mod behaviour;
mod control;
mod explain;
mod facts;
mod judge;
mod observe;
mod outcome;
mod rules;
mod seen;
mod sets;
mod shelf;
mod statistics;
mod summary;

pub use explain::{Explanation, advised, explain, name_of};
pub use judge::{JudgeError, Judged, judge, judge_knowing};
pub use outcome::ExitStatus;
pub use rules::RULES;
pub use statistics::clopper_pearson;
