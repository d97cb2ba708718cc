//! Every limit of the collector, and why it is what it is.

use std::time::Duration;

/// Bytes of a request's head. Chromium's are below 2 KiB; nginx's default allows four lines of 8 KiB.
pub(super) const HEAD_BYTES: usize = 32 * 1024;

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

/// For a closed connection's last bytes to arrive, so that a reset does not wipe out the answer.
pub(super) const LINGER_TIME: Duration = Duration::from_secs(1);

/// For a hit to become durable. A visitor that waits longer has most likely gone, and the hit goes into the gap.
pub(super) const RECORD_TIME: Duration = Duration::from_secs(5);

/// Open connections at all doors together: each costs one descriptor, and the usual limit of a process is 1024.
pub(super) const CONNECTIONS: usize = 768;

/// For what was sent before the collector stopped to be read: it is in the system's buffers already.
pub(super) const LAST_WORDS_TIME: Duration = Duration::from_millis(250);

/// For open connections to end when the collector stops.
pub(super) const STOP_TIME: Duration = Duration::from_secs(3);

/// Hits that one run records. An audit sees hundreds; a flood must not fill the disk, and what is over is a gap.
pub(super) const HITS: u64 = 1_000_000;
