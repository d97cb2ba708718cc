//! **Report** (floor 2). One view of a judged run, shown in several ways. What came from the network is hostile, and is
//! made printable wherever it is shown.

mod calibration;
mod comparison;
mod history;
pub mod json;
mod terminal;
mod view;

pub use calibration::calibration;
pub use comparison::{comparison, since_baseline};
pub use history::history;
pub use terminal::terminal;
pub use view::View;
