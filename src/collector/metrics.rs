use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::model::{Account, Door, Hit, HitKind};

/// The media type of [`Metrics::text`] (OpenMetrics 1.0, section "Protocol Negotiation").
pub const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the times to make a hit durable, in seconds: from a fast disk to the patience of a visitor.
const LATENCIES: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

const KINDS: [&str; 5] = ["connection", "http", "dns", "packet", "hello"];
const DOORS: [&str; 3] = ["public", "sender", "recipient"];
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "refused"];
const TYPES: [&str; 5] = ["address", "zone", "service", "text", "other"];

type Labels = Vec<(&'static str, &'static str)>;

/// What a collector counts about itself, for whoever watches it. Nothing of it is evidence, and nothing in it says who came
/// or for which canary. Each `note_…` is one or two atomic additions.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    hits: [[Counter; DOORS.len()]; KINDS.len()],
    answers: [Counter; CLASSES.len()],
    queries: [Counter; TYPES.len()],
    truncated: Counter,
    gaps: Counter,
    missed: Counter,
    waiting: Gauge,
    spooled: Gauge,
    connections: Gauge,
    durable: Histogram,
    expiry: Gauge,
    jumps: Counter,
}

/// A hit on its way to the disk; it waits until this is dropped.
#[derive(Debug)]
pub(super) struct Waiting<'m>(&'m Metrics);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.dec();
    }
}

impl Metrics {
    /// Everything at nought. Every series is there from the beginning, so that a rate has something to begin at.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("waxseal");
        let info = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", info);
        let mut shelf = Shelf(&mut registry);
        let hits = shelf.hits();
        let answers = shelf.counters(
            "answers",
            "HTTP requests answered, or refused at a sealed door",
            "status",
            CLASSES,
        );
        let queries = shelf.counters("dns_queries", "DNS queries recorded", "type", TYPES);
        Self {
            hits,
            answers,
            queries,
            truncated: shelf.counter(
                "dns_truncated",
                "DNS queries answered with less than there is, because their source asks fast",
            ),
            gaps: shelf.counter("gaps", "Gaps that were opened"),
            missed: shelf.counter("missed", "Visitors and records that were not recorded"),
            waiting: shelf.gauge("records_waiting", "Hits that wait to be durable"),
            spooled: shelf.gauge(
                "spool_records",
                "Hits that are kept until the store takes them",
            ),
            connections: shelf.gauge("connections_open", "Open connections at all doors"),
            durable: shelf.latencies(),
            expiry: shelf.gauge(
                "certificate_expiry_timestamp_seconds",
                "When the certificate that ends first ends, in Unix time; 0 is not known",
            ),
            jumps: shelf.counter(
                "clock_jumps",
                "Times that the clock was moved by more than a second",
            ),
            registry,
        }
    }

    /// A hit begins to be made durable.
    pub(super) fn note_hit(&self, hit: &Hit) -> Waiting<'_> {
        self.hits[kind(&hit.kind)][door(hit.door)].inc();
        if let HitKind::Dns(query) = &hit.kind {
            self.queries[class_of_type(query.type_code)].inc();
            if query.reply.is_some_and(|reply| reply.truncated) {
                self.truncated.inc();
            }
        }
        self.waiting.inc();
        Waiting(self)
    }

    /// A hit became durable in so much time.
    pub(super) fn note_durable(&self, time: Duration) {
        self.durable.observe(time.as_secs_f64());
    }

    /// A request was answered; without a status it was refused.
    pub(super) fn note_answer(&self, status: Option<u16>) {
        let class = status.map_or(CLASSES.len() - 1, |status| {
            usize::from(status / 100).clamp(1, CLASSES.len() - 1) - 1
        });
        self.answers[class].inc();
    }

    /// So many were not recorded; `opened` with the first of a gap.
    pub(super) fn note_missed(&self, count: u64, opened: bool) {
        self.missed.inc_by(count);
        self.gaps.inc_by(u64::from(opened));
    }

    /// So many hits are kept until the store takes them.
    pub fn note_spool(&self, records: u64) {
        self.spooled.set(signed(records));
    }

    /// So many connections are open now.
    pub(super) fn note_connections(&self, open: usize) {
        self.connections.set(signed(open as u64));
    }

    /// When the certificate that ends first ends, in Unix seconds.
    pub fn note_certificate_expiry(&self, unix: i64) {
        self.expiry.set(unix);
    }

    /// The clock was moved.
    pub(super) fn note_clock_jump(&self) {
        self.jumps.inc();
    }

    /// All of it in the OpenMetrics text format (version 1.0). Its media type is [`METRICS_TYPE`].
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Puts series into a registry, and hands out what is counted with.
struct Shelf<'r>(&'r mut Registry);

impl Shelf<'_> {
    fn counter(&mut self, name: &str, help: &str) -> Counter {
        let counter = Counter::<u64, AtomicU64>::default();
        self.0.register(name, help, counter.clone());
        counter
    }

    fn gauge(&mut self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.0.register(name, help, gauge.clone());
        gauge
    }

    fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: [&'static str; N],
    ) -> [Counter; N] {
        let family = Family::<Labels, Counter>::default();
        self.0.register(name, help, family.clone());
        values.map(|value| family.get_or_create_owned(&vec![(label, value)]))
    }

    fn hits(&mut self) -> [[Counter; DOORS.len()]; KINDS.len()] {
        let family = Family::<Labels, Counter>::default();
        self.0
            .register("hits", "Hits that came in, recorded or not", family.clone());
        let one = |kind, door| family.get_or_create_owned(&vec![("kind", kind), ("door", door)]);
        KINDS.map(|kind| DOORS.map(|door| one(kind, door)))
    }

    fn latencies(&mut self) -> Histogram {
        let histogram = Histogram::new(LATENCIES);
        let help = "From a hit's arrival at the store to its being durable";
        self.0
            .register_with_unit("commit", help, Unit::Seconds, histogram.clone());
        histogram
    }
}

const fn kind(kind: &HitKind) -> usize {
    match kind {
        HitKind::Connection { .. } => 0,
        HitKind::Http(_) => 1,
        HitKind::Dns(_) => 2,
        HitKind::Packet(_) => 3,
        HitKind::Hello(_) => 4,
    }
}

const fn door(door: Door) -> usize {
    match door {
        Door::Public => 0,
        Door::Browser {
            account: Account::Sender,
            ..
        } => 1,
        Door::Browser {
            account: Account::Recipient,
            ..
        } => 2,
    }
}

/// Types by what they are asked for: A and AAAA; NS, SOA, CAA, DS and DNSKEY; SRV, SVCB and HTTPS; TXT; all others.
const fn class_of_type(code: u16) -> usize {
    match code {
        1 | 28 => 0,
        2 | 6 | 43 | 48 | 257 => 1,
        33 | 64 | 65 => 2,
        16 => 3,
        _ => 4,
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, Recognition, Timestamp};

    fn value(text: &str, series: &str) -> String {
        let line = text.lines().find(|line| {
            line.strip_prefix(series)
                .is_some_and(|rest| rest.starts_with(' '))
        });
        let line = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
        line.rsplit(' ').next().unwrap().to_owned()
    }

    #[test]
    fn what_is_noted_is_in_the_text() {
        let metrics = Metrics::new();
        let hit = Hit {
            received: Timestamp::now(),
            door: Door::Browser {
                account: Account::Recipient,
                sealed: true,
            },
            peer: "127.0.0.1:1".parse().unwrap(),
            kind: HitKind::Connection {
                sent: Bytes::default(),
            },
            recognition: Recognition::none(),
        };
        let waiting = metrics.note_hit(&hit);
        assert_eq!(value(&metrics.text(), "waxseal_records_waiting"), "1");
        drop(waiting);
        metrics.note_durable(Duration::from_millis(3));
        for status in [Some(200), Some(404), Some(404), None, Some(999), Some(7)] {
            metrics.note_answer(status);
        }
        metrics.note_missed(17, true);
        metrics.note_missed(3, false);
        metrics.note_spool(9);
        metrics.note_connections(4);
        metrics.note_certificate_expiry(1_800_000_000);
        metrics.note_clock_jump();
        let text = metrics.text();
        for (series, is) in [
            ("waxseal_records_waiting", "0"),
            (
                "waxseal_hits_total{kind=\"connection\",door=\"recipient\"}",
                "1",
            ),
            ("waxseal_hits_total{kind=\"http\",door=\"public\"}", "0"),
            ("waxseal_answers_total{status=\"2xx\"}", "1"),
            ("waxseal_answers_total{status=\"4xx\"}", "2"),
            ("waxseal_answers_total{status=\"5xx\"}", "1"),
            ("waxseal_answers_total{status=\"refused\"}", "1"),
            ("waxseal_gaps_total", "1"),
            ("waxseal_missed_total", "20"),
            ("waxseal_spool_records", "9"),
            ("waxseal_connections_open", "4"),
            ("waxseal_certificate_expiry_timestamp_seconds", "1800000000"),
            ("waxseal_clock_jumps_total", "1"),
            ("waxseal_commit_seconds_count", "1"),
            ("waxseal_commit_seconds_bucket{le=\"0.002\"}", "0"),
            ("waxseal_commit_seconds_bucket{le=\"0.005\"}", "1"),
            ("waxseal_commit_seconds_bucket{le=\"+Inf\"}", "1"),
        ] {
            assert_eq!(value(&text, series), is, "{series}");
        }
    }

    /// The rules of OpenMetrics 1.0 that scrapers hold a text to.
    #[test]
    fn the_text_keeps_the_rules_of_its_format() {
        let text = Metrics::new().text();
        assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
        let word = |line: &str, nth| line.split(' ').nth(nth).unwrap_or_default().to_owned();
        let typed: Vec<(String, String)> = text
            .lines()
            .filter(|line| line.starts_with("# TYPE "))
            .map(|line| (word(line, 2), word(line, 3)))
            .collect();
        for (name, _) in &typed {
            assert_eq!(
                text.matches(&format!("# HELP {name} ")).count(),
                1,
                "{name}"
            );
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let series = line.split(['{', ' ']).next().unwrap();
            let known = typed.iter().any(|(name, kind)| {
                let ends: &[&str] = match kind.as_str() {
                    "counter" => &["_total"],
                    "info" => &["_info"],
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                ends.iter().any(|end| format!("{name}{end}") == series)
            });
            assert!(known, "{line} belongs to no family of {typed:?}");
        }
    }
}
