//! What several test files need. Each of them uses only a part.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

pub mod alone;
pub mod blocked;
pub mod browsers;
pub mod burst;
pub mod evidence;
pub mod files;
pub mod golden;
pub mod hostile;
pub mod lab;
pub mod report;
pub mod served;
pub mod stage;
pub mod summaries;
