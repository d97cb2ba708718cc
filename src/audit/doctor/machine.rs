use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{statfs, statvfs};
use rustix::process::{Resource, getrlimit};

use super::{Checkup, Finding};
use crate::collector::DESCRIPTORS;
use crate::store::Store;

/// Free space below which it is told: a gibibyte takes about half a million hits.
const FREE: u64 = 1 << 30;

/// A hit is answered when it is on the disk, so this is what every visitor waits at least.
const SLOW: Duration = Duration::from_millis(50);

/// How often the disk is asked.
const WRITES: usize = 16;

/// What the collector stands on: its disk, its limits, its store, its secrets.
pub(super) fn look(checkup: &Checkup) -> Vec<Finding> {
    let folder = match checkup.store.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut found = vec![space(folder), kind(folder), speed(folder), descriptors()];
    found.push(store(&checkup.store));
    found.extend(checkup.secrets.iter().map(|path| mode(path)));
    found
}

fn space(folder: &Path) -> Finding {
    let what = "free space for the store";
    match statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let seen = format!("{} MiB in {}", free >> 20, folder.display());
            Finding::of(free >= FREE, what, seen, "make room, or move the store")
        }
        Err(error) => Finding::wrong(
            what,
            format!("{}: {error}", folder.display()),
            "make the folder, or name another store with --store",
        ),
    }
}

/// Numbers of file systems in `statfs(2)`.
const REMOTE: &[(i64, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
];
const TMPFS: i64 = 0x0102_1994;
const FUSE: i64 = 0x6573_5546;

/// SQLite's locks and its shared memory hold on a file system of this machine only.
fn kind(folder: &Path) -> Finding {
    let what = "file system of the store";
    let Ok(disk) = statfs(folder) else {
        return Finding::unsure(
            what,
            "it does not say what it is",
            "check that it is of this machine",
        );
    };
    #[allow(
        clippy::useless_conversion,
        reason = "its type differs between machines"
    )]
    let number = i64::try_from(disk.f_type).unwrap_or_default() & 0xffff_ffff;
    let advice = "move the store to a disk of this machine";
    if let Some((_, name)) = REMOTE.iter().find(|(known, _)| *known == number) {
        return Finding::wrong(what, format!("{name}, over the network"), advice);
    }
    match number {
        TMPFS => Finding::wrong(
            what,
            "in memory: it is gone when the machine starts again",
            advice,
        ),
        FUSE => Finding::unsure(what, "FUSE, behind which anything may be", advice),
        _ => Finding::fine(what, "of this machine"),
    }
}

fn speed(folder: &Path) -> Finding {
    let what = "time to make a hit durable";
    match median_sync(folder) {
        Ok(median) => {
            let seen = format!("{} µs for a write and its fsync", median.as_micros());
            let advice = "every visitor waits for it: move the store to a faster disk";
            Finding::of(median <= SLOW, what, seen, advice)
        }
        Err(error) => Finding::unsure(
            what,
            format!("{}: {error}", folder.display()),
            "run this as the user that waxseal runs as",
        ),
    }
}

/// The median of some writes to a file of our own, which is gone afterwards.
fn median_sync(folder: &Path) -> std::io::Result<Duration> {
    let mut file: File = tempfile::tempfile_in(folder)?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let since = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(since.elapsed());
    }
    times.sort_unstable();
    Ok(times[WRITES / 2])
}

fn descriptors() -> Finding {
    let what = "limit of open files";
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return Finding::fine(what, "there is none");
    };
    let seen = format!("{limit} where this was started, at most {DESCRIPTORS} are needed");
    let advice = "raise it (`ulimit -n`, or LimitNOFILE= of the service)";
    Finding::of(limit >= DESCRIPTORS, what, seen, advice)
}

fn store(path: &Path) -> Finding {
    let what = "evidence store";
    if !path.exists() {
        let advice = "start `waxseal serve` once, or name the store with --store";
        return Finding::unsure(what, format!("{} is not there", path.display()), advice);
    }
    let verified = Store::open_existing(path).and_then(|store| store.verify());
    match verified {
        Ok(Ok(count)) => Finding::fine(what, format!("{count} records, and the chain holds")),
        Ok(Err(broken)) => Finding::wrong(
            what,
            format!(
                "record {} is missing, or does not follow from the one before it",
                broken.seq
            ),
            "keep it as it is, begin a new one, and find out who wrote to it",
        ),
        Err(error) => Finding::wrong(
            what,
            error.to_string(),
            "run this as the user that waxseal runs as",
        ),
    }
}

/// Whoever can read a key can speak for the collector.
fn mode(path: &Path) -> Finding {
    let what = format!("secret in {}", path.display());
    match std::fs::metadata(path) {
        Ok(found) => {
            let mode = found.permissions().mode() & 0o777;
            let advice = format!("chmod 600 {}", path.display());
            Finding::of(mode & 0o077 == 0, what, format!("mode {mode:03o}"), advice)
        }
        Err(error) => Finding::wrong(what, error.to_string(), "make it, or name another"),
    }
}
