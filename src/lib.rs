//! # waxseal: does your messenger open your mail?
//!
//! Links that nobody else has ever seen go through a real web messenger, driven by a real browser; a collector beside
//! it records who comes to look; a verdict says whether the provider fetched what was sent, how far it went, and how
//! sure that is.
//!
//! ## The house
//!
//! ```text
//! floor                     rooms                                            touches the world?
//! 6  DOOR       cli                                                          argv, env, terminal, files named on argv
//! 5  CONDUCTOR  audit                                                        time, tasks, signals
//! 4  HANDS      browser     collector    practice                            WebDriver | sockets, TLS, DNS | a chat
//! 3  MEMORY     store                                                        SQLite, a remote collector
//!    ----------------------------- the water line: below it no I/O, no clock, no dice -----------------------------
//! 2  THOUGHT    plan        verdict       history       report
//! 1  GRAMMAR    scenario    canary        attribution
//! 0  WORDS      model       diagnostic
//! ```
//!
//! Imports go down only, and rooms on one floor do not know each other: `tests/architecture.rs` holds that.
//!
//! ## Two rivers and one lake
//!
//! ```text
//! scenario.toml -> Scenario -> Plan {rounds of trials}
//!                                |
//!                     audit plays each trial
//!                                |
//!      browser -- exposures ---> +-------+
//!                                | store | --> Evidence --> Observation --> Cell (verdict) --> Report
//!      the world --> collector ->+-------+              (attribution)        ^
//!                                                         expectation -> Outcome -> exit status
//! ```
//!
//! Judged runs in short ([`model::Summary`]) are held against each other by [`history`]: what changed, and when.
//!
//! A run in a file of its own ([`store::write_evidence`]) is the same lake elsewhere: whoever has it judges the same.
//!
//! Everything up to the store is fact and append-only. Everything after it is a pure function of the evidence.

// A test that cannot go on should say so at once.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod attribution;
pub mod audit;
pub mod browser;
pub mod canary;
pub mod cli;
pub mod collector;
pub mod diagnostic;
pub mod history;
pub mod model;
pub mod plan;
pub mod practice;
pub mod report;
pub mod scenario;
pub mod store;
pub mod verdict;
