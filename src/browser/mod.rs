//! **Browser** (floor 4). Plays the steps of a scenario in a real Chromium, by way of WebDriver.
//!
//! ```text
//! Driver::start ── keeper process ── chromedriver ── Chromium, one for each Session
//!      │  (ends everything below it when waxseal is gone, however it went)
//!      └─ Driver::open ─> Session ── play(step, fill, setting) ─> Played | StepError
//! ```
//!
//! * [`keep`] is the keeper: nothing is left running, and no directory is left lying about.
//! * [`Driver`] starts chromedriver, or uses one that is already there; [`Session`] is one browser for one account.
//! * A browser is quiet: what it is told to leave alone, and why, stands in one table in `quiet`.
//! * [`Fill`] is what the templates of a scenario are filled with. Secrets are in it and nowhere else: neither an error
//!   nor a log line nor a `Debug` shows one.
//! * Whatever comes from a page is hostile: it is cut to a length and its control characters are escaped.
//! * A step with an effect is never done twice. [`StepError::acted`] says whether anything may have reached the page.

mod driver;
mod edit;
mod fault;
mod keeper;
mod key;
mod locator;
mod quiet;
mod session;
mod step;
mod template;
mod text;

pub use driver::{Driver, DriverError, DriverOptions};
pub use fault::Fault;
pub use keeper::keep;
pub use session::{DoorRule, Links, Seen, Session, SessionOptions, Versions};
pub use step::{Course, Played, Setting, StepError};
pub use template::{Fill, Secret};
