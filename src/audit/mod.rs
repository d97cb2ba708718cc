//! **Audit** (floor 5). Conducts a run: opens the collector and the browsers, plays the plan, listens, and writes down
//! what was done. What it leaves is evidence; it judges only to know which trials would say no more (`topping`), and to
//! measure the instrument itself ([`calibrate`]).

mod alone;
pub mod calibrate;
mod conduct;
mod doctor;
mod event;
mod given;
mod inquiry;
mod lookup;
mod rehearse;
mod stage;
mod stop;
mod topping;

pub use alone::listen_alone;
pub use conduct::{AuditError, Conducted, Setting, conduct};
pub use doctor::{Checkup, Finding, Names, State, examine};
pub use event::{Event, Teller};
pub use given::{GivenError, Values, secrets, values};
pub use inquiry::Inquiry;
pub use rehearse::{names_at, practise, renderer};
pub use stop::Stop;
