//! **Browser** (floor 4). Plays the steps of a scenario in a real Chromium or Firefox, by way of WebDriver.
//!
//! ```text
//! Driver::start ── keeper process ── chromedriver ── Chromium, one for each Session (or geckodriver and Firefox)
//!      │  (ends everything below it when waxseal is gone, however it went)
//!      └─ Driver::open ─> Session ── play(step, fill, setting) ─> Played | StepError
//! ```
//!
//! * [`keep`] is the keeper: nothing is left running, and no directory is left lying about.
//! * [`Driver`] starts the driver of a [`Make`], or uses one that is already there; [`Session`] is one browser for one
//!   account.
//! * A browser is quiet: what it is told to leave alone, and why, stands in one table for each make in `quiet`.
//! * A browser is led to its own door: a Chromium by its resolver rules, a Firefox by SOCKS (`door`).
//! * On a `stage` a browser is led to pages of our own, and to nobody else.
//! * [`Fill`] is what the templates of a scenario are filled with. Secrets are in it and nowhere else: neither an error
//!   nor a log line nor a `Debug` shows one.
//! * A [`Scene`] is what a page looked like when a step failed; a [`Veil`] takes secrets and live canaries out of it.
//! * Whatever comes from a page is hostile: it is cut to a length and its control characters are escaped.
//! * A step with an effect is never done twice. [`StepError::acted`] says whether anything may have reached the page.

mod capabilities;
mod door;
mod driver;
mod edit;
mod fault;
mod frame;
mod keeper;
mod kept;
mod key;
mod locator;
mod logs;
mod make;
mod profiles;
mod quiet;
mod scene;
mod session;
mod stage;
mod step;
mod template;
mod text;
mod veil;

pub use capabilities::Versions;
pub use door::DoorRule;
pub use driver::{Driver, DriverError, DriverOptions};
pub use fault::Fault;
pub use keeper::keep;
pub use make::Make;
pub use profiles::{Held, Key, ProfileError, Profiles, Seal, SignedIn, Whose, pack, unpack};
pub use scene::{Scene, SceneFile};
pub use session::{Links, Seen, Session, SessionOptions};
pub use stage::StageRule;
pub use step::{Course, Played, Setting, StepError};
pub use template::{Fill, Secret};
pub use veil::Veil;
