//! **Words** (floor 0). What every other room talks about: plain data, no behaviour beyond its own meaning.
//!
//! Everything here can be written to the evidence and read back; the serialised shape is part of the evidence format.

mod attribution;
mod calibration;
mod cell;
mod change;
mod course;
mod evidence;
mod hello;
mod hit;
mod observation;
mod operator;
mod persona;
mod provenance;
mod recognition;
mod summary;
mod time;
mod trial;

pub use attribution::{
    Confidence, DataVersion, Factor, FactorKind, Looked, LookedAsn, LookedName, Other, Registered,
};
pub use calibration::{Calibration, Flaw, Judgements, Measure, Rehearsed, Share, Truth};
pub use cell::{
    Actor, ActorSummary, Advice, Cell, Constancy, Depth, Doubt, Interval, Outcome, Settles, Verdict,
};
pub use change::{
    CellComparison, Change, ChangeKind, ChangePoint, Comparability, Comparison, Counted, Flips,
    History, Point, Pooled, Reason, RunRef, Series, Side,
};
pub use course::{Intent, Recess, Resumption, RoundSize};
pub use evidence::{
    Arrival, Client, Endings, Entry, Evidence, Expectation, Exposure, Failure, FileRef, Gap, Jump,
    Limit, Manifest, Mark, Notice, Omission, Probe, Record, Registration, RunEnd, ScenarioRef,
    SceneRef, Sighting, StepRef, ToolRef, VariantRef,
};
pub use hello::{Handshake, HandshakeEnd, Hello};
pub use hit::{
    Answer, Bytes, Door, Hit, HitKind, Opening, Packet, Query, QueryEdns, Reply, Request, Transport,
};
pub use observation::Observation;
pub use operator::Operator;
pub use persona::Persona;
pub use provenance::{Grade, Provenance, Status, Tried};
pub use recognition::{Class, Match, Place, Recognition};
pub use summary::{
    Baselines, Behaviour, CellKey, CellSummary, Circumstances, Latency, Protocol, Reach,
    SUMMARY_FORMAT, Summary, VariantSummary,
};
pub use time::{Timestamp, display_duration, millis, parse_duration};
pub use trial::{Account, Arm, Doorway, Form, Part, Phase, RunId, TokenId, Trial, TrialId, Via};
