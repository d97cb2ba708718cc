use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use crate::diagnostic::printable;
use crate::model::{
    Actor, Door, Evidence, Hit, HitKind, Observation, Phase, Record, Timestamp, TrialId, millis,
};

/// What happened in a trial: when its phases began, and who came. Times are milliseconds since the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Course {
    /// The trial.
    pub(super) trial: TrialId,
    /// The beginnings of its phases, the earliest first.
    pub(super) phases: Vec<(Phase, i64)>,
    /// Who came, the earliest first.
    pub(super) events: Vec<Event>,
}

/// Somebody came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// When.
    pub(super) at_ms: i64,
    /// What was spoken.
    pub(super) spoke: Spoke,
    /// Who it was.
    pub(super) actor: Actor,
    /// Turned away at a sealed door.
    pub(super) refused: bool,
    /// In words.
    pub(super) words: String,
}

/// What was spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoke {
    /// A look-up.
    Dns,
    /// TCP or TLS, and no request.
    Connection,
    /// A request.
    Request,
}

impl Spoke {
    const fn of(kind: &HitKind) -> Self {
        match kind {
            HitKind::Http(_) => Self::Request,
            HitKind::Dns(_) | HitKind::Packet(_) => Self::Dns,
            HitKind::Hello(_) | HitKind::Connection { .. } => Self::Connection,
        }
    }
}

/// The courses of some trials, by their numbers. Connections that carried no token are told with the request that came by
/// them.
pub(super) fn courses(
    evidence: &Evidence,
    observations: &[Observation],
    of: &[TrialId],
) -> BTreeMap<TrialId, Course> {
    let start = evidence.manifest().map(|manifest| manifest.started);
    let since = |at: Timestamp| millis(start.unwrap_or(at), at);
    let mut courses: BTreeMap<TrialId, Course> =
        of.iter().map(|trial| (*trial, empty(*trial))).collect();
    let told = observations
        .iter()
        .filter(|seen| courses.contains_key(&seen.trial));
    let by_hit = Visits::of(told);
    for entry in &evidence.entries {
        match &entry.record {
            Record::Exposure(exposure) => {
                if let Some(course) = courses.get_mut(&exposure.trial) {
                    course.phases.push((exposure.phase, since(exposure.from)));
                }
            }
            Record::Hit(hit) => {
                for seen in by_hit.behind(entry.seq, hit) {
                    let event = event(hit, seen, since(hit.received));
                    courses
                        .entry(seen.trial)
                        .and_modify(|one| one.events.push(event));
                }
            }
            _ => {}
        }
    }
    for course in courses.values_mut() {
        course.phases.sort_by_key(|(_, at)| *at);
        course.events.sort_by_key(|event| event.at_ms);
    }
    courses
}

const fn empty(trial: TrialId) -> Course {
    Course {
        trial,
        phases: Vec::new(),
        events: Vec::new(),
    }
}

/// Observations by the hit they read, and by the connection it came by.
struct Visits<'a> {
    by_hit: HashMap<u64, Vec<&'a Observation>>,
    by_peer: HashMap<(SocketAddr, Door), &'a Observation>,
}

impl<'a> Visits<'a> {
    fn of(told: impl Iterator<Item = &'a Observation>) -> Self {
        let mut visits = Self {
            by_hit: HashMap::new(),
            by_peer: HashMap::new(),
        };
        for seen in told {
            visits.by_hit.entry(seen.hit).or_default().push(seen);
            visits.by_peer.entry((seen.peer, seen.door)).or_insert(seen);
        }
        visits
    }

    fn behind(&self, seq: u64, hit: &Hit) -> Vec<&'a Observation> {
        let of_this = self.by_hit.get(&seq);
        let by_connection = || {
            let bare = matches!(hit.kind, HitKind::Hello(_) | HitKind::Connection { .. });
            let same = self.by_peer.get(&(hit.peer, hit.door));
            same.filter(|_| bare && !hit.names_a_link()).copied()
        };
        of_this
            .cloned()
            .unwrap_or_else(|| by_connection().into_iter().collect())
    }
}

fn event(hit: &Hit, seen: &Observation, at_ms: i64) -> Event {
    let what = match &hit.kind {
        HitKind::Http(request) => printable(&request.method, 16),
        HitKind::Dns(query) => format!("DNS {}", printable(&query.type_name, 16)),
        HitKind::Packet(_) => "DNS".to_owned(),
        HitKind::Hello(_) => "TLS hello".to_owned(),
        HitKind::Connection { .. } => "TCP, no request".to_owned(),
    };
    let refused = if seen.is_refused() { ", refused" } else { "" };
    Event {
        at_ms,
        spoke: Spoke::of(&hit.kind),
        actor: seen.actor,
        refused: seen.is_refused(),
        words: format!("{what} by {} from {}{refused}", seen.actor, seen.address()),
    }
}
