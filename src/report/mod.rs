//! **Report** (floor 2). One view of a judged run, shown in several ways. What came from the network is hostile, and is
//! made printable wherever it is shown.

mod calibration;
pub mod json;
mod terminal;
mod view;

pub use calibration::calibration;
pub use terminal::terminal;
pub use view::View;
