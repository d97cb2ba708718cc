//! **Report** (floor 2). One view of a judged run, shown in several ways. What came from the network is hostile, and is
//! made printable wherever it is shown.
//!
//! `view` puts a run together, `line` says a cell in words and `course` what happened in a trial; each format only lays
//! these out, and keeps its own markup from being forged.

mod calibration;
mod comparison;
mod course;
mod history;
mod html;
pub mod json;
mod junit;
mod line;
mod markdown;
pub mod of_failure;
mod site;
mod terminal;
mod view;

pub use calibration::calibration;
pub use comparison::{comparison, since_baseline};
pub use history::history;
pub use html::{Part, html, scene};
pub use junit::junit;
pub use markdown::markdown;
pub use site::{File, Site, run_files, site};
pub use terminal::terminal;
pub use view::View;
