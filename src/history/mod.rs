//! **History** (floor 2). What has changed: judged runs in short, two of them side by side, and all of a service over time.
//!
//! `abridge` makes the short form of a judged run, `baselines` finds the run that another is held against, `comparability` says whether two cells may be compared at all, `compare`
//! tells differences from chance, `behaviour` does so for the ways in which visitors come, and `series` finds when a chance
//! changed in a long row of runs. `exact` and `multiple` are the statistics: Fisher's exact test, and what many tests at once
//! need.
//!
//! What something else than the service may explain is not compared, and the reason is told
//! ([`crate::model::Reason`]): silence that could not be measured is never "fixed".

mod abridge;
mod baselines;
mod behaviour;
mod comparability;
mod compare;
mod exact;
mod multiple;
mod series;

pub use abridge::abridge;
pub use baselines::{beside, set};
pub use compare::{CompareError, RATE, compare};
pub use exact::{Table, fisher};
pub use multiple::benjamini_hochberg;
pub use series::history;
