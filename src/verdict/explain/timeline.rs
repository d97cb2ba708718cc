use std::collections::HashSet;
use std::time::Duration;

use crate::diagnostic::printable;
use crate::model::{
    Door, HitKind, Observation, Phase, Record, Timestamp, TrialId, display_duration, millis,
};

use super::records::Records;
use super::{FOREIGN_CHARS, bytes};
use crate::verdict::judge::Judged;

/// So many events of a trial are shown.
const SHOWN: usize = 40;

/// What happened in a trial, in the order of time: what we did, and who came. What a visitor did before and after on the
/// same connection stands with it, though it carried no token.
pub(super) fn of(records: &Records<'_>, judged: &Judged, trial: TrialId) -> Vec<String> {
    let seen: Vec<&Observation> = judged
        .observations
        .iter()
        .filter(|seen| seen.trial == trial)
        .collect();
    let mut events: Vec<Event> = records
        .entries
        .iter()
        .filter_map(|entry| event(entry.seq, &entry.record, trial, &seen))
        .collect();
    events.extend(seen.iter().map(|seen| visit(judged, seen)));
    events.sort_by_key(|event| (event.at, event.seq));
    let start = events.first().map(|event| event.at);
    let lines = events.iter().take(SHOWN).map(|event| event.line(start));
    let heading = format!("trial {trial}");
    let rest = events.len().saturating_sub(SHOWN);
    let more = (rest > 0).then(|| format!("and {rest} more"));
    std::iter::once(heading).chain(lines).chain(more).collect()
}

struct Event {
    at: Timestamp,
    seq: u64,
    what: String,
}

impl Event {
    fn line(&self, start: Option<Timestamp>) -> String {
        let after = millis(start.unwrap_or(self.at), self.at);
        let after = Duration::from_millis(u64::try_from(after).unwrap_or_default());
        format!(
            "+{:<8} record {:<6} {}",
            display_duration(after),
            self.seq,
            self.what
        )
    }
}

/// What we did in a trial; and what came without a token on a connection that is known by a request with one.
fn event(seq: u64, record: &Record, trial: TrialId, seen: &[&Observation]) -> Option<Event> {
    let (at, what) = match record {
        Record::Exposure(exposure) if exposure.trial == trial => {
            let unsure = if exposure.to.is_none() {
                ", perhaps"
            } else {
                ""
            };
            (exposure.from, format!("{} begins{unsure}", exposure.phase))
        }
        Record::Intent(intent) if intent.trials.contains(&trial) => {
            let what = intent.phase.map_or("a fetch of our own", Phase::name);
            (intent.at, format!("{what} is about to begin"))
        }
        Record::Notice(notice) if notice.trial == trial => {
            (notice.at, format!("{} is seen on the page", notice.phase))
        }
        Record::Probe(probe) if probe.trial == trial => {
            (probe.from, "we fetch it ourselves".to_owned())
        }
        Record::Failure(failure) if failure.trial == Some(trial) => (
            failure.at,
            format!(
                "{} fails: {}",
                failure.phase,
                printable(&failure.message, FOREIGN_CHARS)
            ),
        ),
        Record::Hit(hit) if !hit.names_a_link() => {
            let same = |seen: &&&Observation| seen.peer == hit.peer && seen.door == hit.door;
            let by = seen.iter().find(same)?;
            let what = match hit.kind {
                HitKind::Hello(_) => "TLS hello",
                HitKind::Connection { .. } => "TCP, no request",
                _ => return None,
            };
            (hit.received, format!("{what} from {}", by.address()))
        }
        _ => return None,
    };
    Some(Event { at, seq, what })
}

fn visit(judged: &Judged, seen: &Observation) -> Event {
    let door = match seen.door {
        Door::Public => String::new(),
        Door::Browser {
            account,
            sealed: true,
        } => format!(", refused at the {account}'s own door"),
        Door::Browser { account, .. } => format!(", at the {account}'s own door"),
    };
    let parts: Vec<&str> = seen.parts.iter().map(|part| part.name()).collect();
    let method = seen.method.as_deref().unwrap_or("hello");
    let others = others(judged, seen);
    let also = match others {
        0 => String::new(),
        1 => "; the same address came for 1 other link".to_owned(),
        others => format!("; the same address came for {others} other links"),
    };
    let flags = [
        (seen.again, ", again"),
        (seen.late, ", after the window"),
        (seen.hearsay, ", only named it"),
    ];
    let flags: String = flags
        .iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, words)| *words)
        .collect();
    Event {
        at: seen.at,
        seq: seen.hit,
        what: format!(
            "{} of {} by {} from {}{}{door}{flags}{also}",
            printable(method, 16),
            parts.join(", "),
            seen.actor,
            seen.address(),
            bytes(seen),
        ),
    }
}

/// How many other links the same address came for.
fn others(judged: &Judged, seen: &Observation) -> usize {
    let same = judged.observations.iter().filter(|other| {
        other.address() == seen.address() && other.door == seen.door && other.trial != seen.trial
    });
    let trials: HashSet<TrialId> = same.map(|other| other.trial).collect();
    trials.len()
}
