//! Every limit of the collector, and why it is what it is.

use std::time::Duration;

/// Bytes of a request's head. Chromium's are below 2 KiB; nginx's default allows four lines of 8 KiB.
pub(super) const HEAD_BYTES: usize = 32 * 1024;

/// Bytes that a read has room for at least; a browser's head fits, and an idle connection holds no more.
pub(super) const READ_BYTES: usize = 2048;

/// Header lines of a request. Browsers send about 15; more than this is an attack.
pub(super) const HEADERS: usize = 128;

/// Bytes of a request's body that are read and dropped so that the connection can go on.
pub(super) const BODY_BYTES: u64 = 64 * 1024;

/// From the first wish to connect to the whole head: slow senders are recorded as connections, not waited for.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(10);

/// Between two requests on one connection.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(15);

/// For a visitor to take its answer.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(30);

/// For a visitor to take all of a long answer, however it goes on: 8 MiB in a minute and a half is 0.75 Mbit/s.
pub(super) const BODY_TIME: Duration = Duration::from_secs(90);

/// Before each piece of a slow answer: five of them keep a visitor for four seconds, longer than most wait for a preview
/// and shorter than anything is given up after.
pub(super) const PIECE_TIME: Duration = Duration::from_millis(800);

/// Broken tokens a second that are tried against ours. Each costs some milliseconds, so a flood of them costs one core a
/// small part of its time; a service that breaks tokens sends fewer.
pub(super) const TRIES: f32 = 32.0;

/// For a closed connection's last bytes to arrive, so that a reset does not wipe out the answer.
pub(super) const LINGER_TIME: Duration = Duration::from_secs(1);

/// For a hit to become durable. A visitor that waits longer has most likely gone, and the hit goes into the gap.
pub(super) const RECORD_TIME: Duration = Duration::from_secs(5);

/// How long what became of hits may wait to be written: many share one record, and a crash hides little.
pub(super) const ENDINGS_TIME: Duration = Duration::from_millis(10);

/// How long a gap may wait to be written, and how often that is tried: a flood is some records, not thousands.
pub(super) const GAP_TIME: Duration = Duration::from_secs(1);

/// How often both clocks are looked at.
pub(super) const CLOCK_TIME: Duration = Duration::from_secs(1);

/// Open connections at all doors together: ten thousand that hold their places without a word, and room for those who
/// speak. Each costs one descriptor and about 6 KiB; where the system allows fewer descriptors there are fewer places.
pub(super) const CONNECTIONS: usize = 12 * 1024;

/// One in so many places is kept from any one network, so that whoever comes from elsewhere finds one: ten thousand idle
/// connections from one address still have theirs.
pub(super) const FOR_OTHERS: usize = 8;

/// Wishes to connect that the kernel holds for us while we are busy: as many as it gives.
pub(super) const BACKLOG: u32 = 4096;

/// Descriptors for everything else: the store, listeners, browsers, DNS connections, our own fetches.
pub(super) const OTHER_FILES: usize = 512;

/// Descriptors that a collector needs at most: its connections, and room for its listeners, its store and its logs.
pub const DESCRIPTORS: u64 = (CONNECTIONS + DNS_CONNECTIONS + 64) as u64;

/// For open connections to end when the collector stops.
pub(super) const STOP_TIME: Duration = Duration::from_secs(3);

/// Hits that one run records. An audit sees hundreds; a flood must not fill the disk, and what is over is a gap.
pub const HITS: u64 = 1_000_000;

/// Bytes of a DNS message that are looked at and kept. A query with all its options takes a few hundred.
pub(super) const DNS_BYTES: usize = 4096;

/// The longest datagram we send or ask for: what passes every usual path in one piece (DNS flag day 2020).
pub(super) const DNS_PAYLOAD: u16 = 1232;

/// Bytes of one record that a run elsewhere may write. The largest is a manifest of some hundred trials.
pub(super) const RECORD_BYTES: usize = 4 << 20;

/// Records in one page that a reader elsewhere gets.
pub(super) const PAGE: u32 = 1000;

/// For a request's head at the interface.
pub(super) const API_HEAD_TIME: Duration = Duration::from_secs(10);

/// Datagrams under way at once. Each waits for one commit, so this is what four commits take; beyond it the queries are
/// counted into the gap.
pub(super) const DNS_PENDING: usize = 4096;

/// Datagrams that are recorded together: waiting for the store once for all of them costs a fraction, and more would not
/// save much.
pub(super) const DNS_BATCH: usize = 64;

/// Bytes of datagrams that the kernel is asked to hold for us while we are busy; it may give less, or twice as much. A
/// small one costs it about 800, so it holds fewer than may be under way, and is emptied in bounded time at the end.
pub(super) const DNS_BUFFER: usize = 1 << 20;

/// Whole answers a second to one network (an IPv4 /24, an IPv6 /56) over UDP. Large resolvers ask for a fresh name once;
/// what is faster is a flood, or meant for somebody whose address was forged.
pub(super) const DNS_RATE: f32 = 50.0;

/// How many whole answers a network may save up.
pub(super) const DNS_BURST: f32 = 200.0;

/// Networks whose pace is kept apart: 1.5 MiB.
pub(super) const DNS_SOURCES: usize = 1 << 16;

/// DNS connections at once. Resolvers need one each, for a moment.
pub(super) const DNS_CONNECTIONS: usize = 128;

/// Queries under way on one DNS connection: enough to share a commit, too few to fill the line alone.
pub(super) const DNS_PIPELINE: usize = 64;

/// For the next message on a DNS connection (RFC 7766 section 6.2.3 wants a few seconds).
pub(super) const DNS_IDLE: Duration = Duration::from_secs(10);

/// How often the kernel is asked what it had to drop.
pub(super) const DNS_LOST: Duration = Duration::from_secs(1);

/// Seconds for which an address or a denial is kept by resolvers: short, so that each visitor is seen, and not so short
/// that resolvers put their own least in its place.
pub(super) const DNS_TTL: u32 = 30;

/// Seconds for which what describes the zone is kept.
pub(super) const DNS_ZONE_TTL: u32 = 3600;

/// Bytes of a TLS hello: one whole record (RFC 8446, section 5.1). Chromium's, with a post-quantum key, has 1.8 KiB.
pub(super) const HELLO_BYTES: usize = 16 * 1024;

/// For a TLS handshake after its hello: two ways across the world take less than a second, a stalled visitor for ever.
pub(super) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How often files with certificates are looked at: what renews them does so days before it is needed.
pub(super) const CERTIFICATE_LOOK: Duration = Duration::from_secs(10);

/// For one question to an ACME authority.
pub(super) const ACME_REQUEST_TIME: Duration = Duration::from_secs(30);

/// For an ACME authority to look at our proofs and to issue. Real ones look from several places, and take a minute.
pub(super) const ACME_TIME: Duration = Duration::from_secs(300);

/// After a first failure to have a certificate issued. Authorities stop listening to who fails more than a few times an
/// hour.
pub(super) const ACME_PAUSE: Duration = Duration::from_secs(300);

/// After many: a third of a certificate's life is left, so some tries a day are enough.
pub(super) const ACME_PAUSE_MOST: Duration = Duration::from_secs(4 * 3600);

/// How often it is asked what time it is while a certificate is good.
pub(super) const ACME_LOOK: Duration = Duration::from_secs(3600);

/// For bytes that had come when the collector stopped, but that the runtime had not yet told of. Far longer than that
/// takes, and nobody notices that a collector stops so much later.
pub(super) const LAST_TIME: Duration = Duration::from_millis(100);

/// Requests at once on one HTTP/2 connection: what nginx allows, and more than browsers ask for.
pub(super) const STREAMS: u32 = 128;

/// Bytes of an HTTP/2 request's header lines: as much as a head of HTTP/1.
pub(super) const HEADER_LIST_BYTES: u32 = 32 * 1024;

/// Bytes of bodies that an HTTP/2 client may send before we have read over them.
pub(super) const WINDOW_BYTES: u32 = 64 * 1024;

/// Bytes of an HTTP/2 connection that are kept to see how it was opened. Chromium's opening has less than 1 KiB.
pub(super) const OPENING_BYTES: usize = 8 * 1024;

/// Answers on their way on one HTTP/2 connection: twice the streams, since a request that is taken back frees its stream
/// before it is recorded.
pub(super) const ANSWERS: usize = 256;

/// How often it is looked whether a lab authority's leaf comes to its end.
pub(super) const LEAF_LOOK: Duration = Duration::from_secs(24 * 3600);

/// How much of its life is left when a lab authority issues anew: a third of what it is good for, as with ACME.
pub(super) const LEAF_LEFT: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// How long a run stays in one hand without word from there: long enough for a slow network, short enough that whoever goes
/// on with a run that was killed need not wait long.
pub(super) const LEASE: Duration = Duration::from_secs(20);
