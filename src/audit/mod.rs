//! **Audit** (floor 5). Conducts a run: opens the collector and the browsers, plays the plan, listens, and writes down
//! what was done. What it leaves is evidence; it judges only to know which trials would say no more (`topping`), and to
//! measure the instrument itself ([`calibrate`]).
//!
//! What is to be done next is read from the evidence before every step, so a run that was left, or whose process was killed,
//! is taken up again by the code that begins one.

mod alone;
pub mod calibrate;
mod clocks;
mod conduct;
mod conductor;
mod doctor;
mod event;
mod given;
mod inquiry;
mod kept;
mod login;
mod lookup;
mod person;
mod post;
mod rehearse;
mod scenes;
mod stage;
mod stop;
mod topping;

pub use alone::listen_alone;
pub use conduct::{AuditError, Conducted, Setting, close, conduct};
pub use doctor::{Checkup, Finding, Names, State, Walk, examine};
pub use event::{Event, Teller};
pub use given::{GivenError, Values, secrets, values};
pub use inquiry::Inquiry;
pub use kept::kept_values;
pub use login::{Login, LoginError, login};
pub use person::{People, Question};
pub use rehearse::{names_at, practise, renderer};
pub use scenes::{Scenes, State as SceneState, excerpt};
pub use stop::Stop;
