use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{
    Connection, OptionalExtension, Statement, Transaction, TransactionBehavior, params,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::chain;
use super::spool::{self, Line, Places, Spool, WAITING};
use super::sqlite::{StoreError, extend, is_extended};
use crate::model::{Record, RunId, Timestamp};

/// How many records one commit takes at most: enough that a burst of hits is few commits, few enough that the first in
/// line does not wait for long.
const GROUP: u64 = 4096;

/// Records for one statement: each statement costs a look at SQLite's own counter, and several bindings more.
const ROWS: usize = 32;

/// Records for one statement where fewer than [`ROWS`] are left.
const FEW: usize = 6;

/// How long another process may hold the database before what is in line goes into the spool. Checkpoints and commits of
/// others take a few hundredths of a second; a visitor waits for this.
const SLOW: Duration = Duration::from_millis(500);

/// The same while a spool is drained: whoever comes meanwhile need not wait, there is the spool.
const BRIEF: Duration = Duration::from_millis(20);

/// How often it is tried to drain a spool while the database does not take it.
const AGAIN: Duration = Duration::from_millis(500);

/// Lines drained in one commit: what comes in meanwhile waits for less than a second.
const DRAIN: usize = 8192;

/// Pages that the write-ahead log may hold before they are copied into the database: with 8 KiB each 8 MiB. Larger means
/// fewer copies of a page that many commits wrote, and longer stalls.
const CHECKPOINT: u32 = 1000;

/// A record in line.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) run: RunId,
    pub(super) what: What,
    number: u64,
    done: oneshot::Sender<Result<u64, StoreError>>,
}

/// What is to be written.
#[derive(Debug)]
pub(super) enum What {
    /// Made ready by whoever wants it written, on a thread of their own.
    Text(String),
    /// Several, which are kept together and told of together.
    Texts(Vec<String>),
    /// Not ready: it may name hits that have waited in a spool.
    Record(Box<Record>),
}

impl What {
    fn count(&self) -> u64 {
        match self {
            Self::Texts(texts) => texts.len() as u64,
            Self::Text(_) | Self::Record(_) => 1,
        }
    }

    fn ready(&self, places: &Places) -> impl Iterator<Item = Cow<'_, str>> {
        let (one, many) = match self {
            Self::Text(text) => (Some(Cow::from(text)), &[][..]),
            Self::Texts(texts) => (None, texts.as_slice()),
            Self::Record(record) => (Some(settled(record, places).into()), &[][..]),
        };
        one.into_iter().chain(many.iter().map(Cow::from))
    }

    fn records(&self) -> serde_json::Result<Vec<Record>> {
        match self {
            Self::Text(text) => Ok(vec![serde_json::from_str(text)?]),
            Self::Texts(texts) => texts
                .iter()
                .map(|text| serde_json::from_str(text))
                .collect(),
            Self::Record(record) => Ok(vec![record.as_ref().clone()]),
        }
    }
}

/// The numbers of a group's appends, each that of its first record.
fn numbers(group: &[Append], first: u64) -> Vec<u64> {
    let mut next = first;
    let numbers = group.iter().map(|append| {
        let number = next;
        next += append.what.count();
        number
    });
    numbers.collect()
}

/// The line before the writer.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    line: Mutex<InLine>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct InLine {
    waiting: VecDeque<Append>,
    next: u64,
    closed: bool,
    idle: bool,
    /// Where whoever waits is told: on their own threads they are woken for less.
    tells: Option<Handle>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, InLine> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a record in line; its number there, and what will be said of it.
    pub(super) fn push(
        &self,
        run: RunId,
        what: What,
    ) -> (u64, oneshot::Receiver<Result<u64, StoreError>>) {
        let (done, outcome) = oneshot::channel();
        let mut line = self.lock();
        line.next += 1;
        let number = line.next;
        if line.closed {
            let _ = done.send(Err(StoreError::Closed));
            return (number, outcome);
        }
        line.waiting.push_back(Append {
            run,
            what,
            number,
            done,
        });
        if line.tells.is_none() {
            line.tells = Handle::try_current().ok();
        }
        if line.idle {
            line.idle = false;
            self.more.notify_one();
        }
        (number, outcome)
    }

    /// Takes a record back, as long as the writer has not taken it; says whether it is certain not to be kept.
    pub(super) fn withdraw(&self, number: u64) -> bool {
        let mut line = self.lock();
        let at = line
            .waiting
            .binary_search_by_key(&number, |append| append.number);
        at.is_ok_and(|at| line.waiting.remove(at).is_some())
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.more.notify_one();
    }

    /// Waits for something to do; none once it is closed and empty.
    fn wait(&self, patience: Option<Duration>) -> Option<bool> {
        let since = Instant::now();
        let mut line = self.lock();
        loop {
            if !line.waiting.is_empty() {
                return Some(true);
            }
            if line.closed {
                return None;
            }
            line.idle = true;
            line = match patience {
                None => self.more.wait(line).unwrap_or_else(PoisonError::into_inner),
                Some(most) if since.elapsed() >= most => return Some(false),
                Some(most) => {
                    let left = most.saturating_sub(since.elapsed());
                    let (line, _) = self
                        .more
                        .wait_timeout(line, left)
                        .unwrap_or_else(PoisonError::into_inner);
                    line
                }
            };
        }
    }

    fn take(&self) -> Vec<Append> {
        let mut line = self.lock();
        let mut room = GROUP;
        let fits = line.waiting.iter().take_while(|append| {
            let fits = room > 0;
            room = room.saturating_sub(append.what.count());
            fits
        });
        let count = fits.count();
        line.waiting.drain(..count).collect()
    }

    fn tell(&self, group: Vec<Append>, outcomes: impl Iterator<Item = Result<u64, StoreError>>) {
        let told: Vec<_> = group.into_iter().zip(outcomes).collect();
        // Whoever waited may have given up by now; the record is kept all the same.
        let tell = move || {
            for (append, outcome) in told {
                let _ = append.done.send(outcome);
            }
        };
        let handle = self.lock().tells.clone();
        match handle {
            Some(handle) => drop(handle.spawn(async move { tell() })),
            None => tell(),
        }
    }
}

/// The writing thread: takes what is in line, commits it as one group, and tells everybody in it.
pub(super) struct Writer {
    path: PathBuf,
    connection: Connection,
    inbox: Arc<Inbox>,
    /// What waits for the database, the oldest first. The last may be our own, the others were left behind.
    spools: VecDeque<Spool>,
    own: bool,
    places: Places,
    spooled: u64,
    tried: Instant,
}

impl Writer {
    pub(super) fn new(path: &Path, connection: Connection, inbox: Arc<Inbox>) -> Self {
        Self {
            path: path.to_owned(),
            connection,
            inbox,
            spools: VecDeque::new(),
            own: false,
            places: Places::default(),
            spooled: 0,
            tried: Instant::now(),
        }
    }

    pub(super) fn run(mut self) {
        if let Err(error) = self.prepare() {
            tracing::warn!(%error, "the evidence store is not set up as it should be");
        }
        self.take_over();
        self.drain();
        loop {
            let patience = (!self.spools.is_empty()).then_some(AGAIN);
            match self.inbox.wait(patience) {
                Some(true) => self.keep(),
                Some(false) => self.drain(),
                None => break,
            }
        }
        self.drain();
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        self.connection.busy_timeout(SLOW)?;
        self.connection
            .pragma_update(None, "wal_autocheckpoint", CHECKPOINT)
    }

    /// What others left behind when they were killed is ours to drain.
    fn take_over(&mut self) {
        let left = spool::beside(&self.path).unwrap_or_default();
        for path in left {
            match Spool::take_over(path.clone()) {
                Ok(Some(spool)) => self.spools.push_back(spool),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "failed to read the spool {}", path.display());
                }
            }
        }
    }

    /// Makes durable what is in line: in the database, or while that does not take it, in the spool.
    fn keep(&mut self) {
        if !self.spools.is_empty() {
            let group = self.inbox.take();
            self.spool(group, None);
            if self.tried.elapsed() >= AGAIN {
                self.drain();
            }
            return;
        }
        // Before it is known that the database takes them, they are not taken, and can still be withdrawn.
        let begun = begin(&mut self.connection);
        let group = self.inbox.take();
        if group.is_empty() {
            return;
        }
        let kept = begun.and_then(|transaction| {
            let mut appender = Appender::new(transaction)?;
            let first = appender.add(group.iter().flat_map(|append| {
                let texts = append.what.ready(&self.places);
                texts.map(|text| (append.run, text))
            }))?;
            appender.commit()?;
            Ok(first)
        });
        match kept {
            Ok(first) => {
                let numbers = numbers(&group, first);
                self.inbox.tell(group, numbers.into_iter().map(Ok));
            }
            Err(error) => self.spool(group, Some(error)),
        }
    }

    /// Keeps a group in the spool. What finds no place there either is not kept, and everybody is told why.
    fn spool(&mut self, group: Vec<Append>, why: Option<rusqlite::Error>) {
        if let Some(error) = &why {
            tracing::warn!(%error, "the evidence store takes no records; they are kept in a spool beside it");
        }
        let first = WAITING + self.spooled;
        let kept = lines(&group, first).and_then(|lines| {
            self.own()?.append(&lines)?;
            Ok(lines.len() as u64)
        });
        match kept {
            Ok(count) => {
                self.spooled += count;
                let numbers = numbers(&group, first);
                self.inbox.tell(group, numbers.into_iter().map(Ok));
            }
            Err(error) => {
                let why = why.map(|why| format!("{why}; ")).unwrap_or_default();
                let reason = format!("{why}nor into its spool: {error}");
                let told = std::iter::repeat_with(|| Err(StoreError::Write(reason.clone())));
                self.inbox.tell(group, told);
            }
        }
    }

    /// Our own spool, made when it is needed.
    fn own(&mut self) -> std::io::Result<&mut Spool> {
        if !self.own {
            // By the clock, so that they sort by age; by process and count, so that nobody else has it.
            let now = Timestamp::now().as_millisecond();
            let name = format!("{now:014}-{}-{}", std::process::id(), self.spooled);
            self.spools.push_back(Spool::create(&self.path, &name)?);
            self.own = true;
        }
        self.spools
            .back_mut()
            .ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    /// Moves what waits into the database, the oldest first, as far as that takes it.
    fn drain(&mut self) {
        self.tried = Instant::now();
        if self.spools.is_empty() {
            return;
        }
        let _ = self.connection.busy_timeout(BRIEF);
        self.drain_all();
        let _ = self.connection.busy_timeout(SLOW);
    }

    fn drain_all(&mut self) {
        while let Some(mut spool) = self.spools.pop_front() {
            match self.drain_one(&mut spool) {
                Ok(true) => self.done_with(spool),
                Ok(false) => self.spools.push_front(spool),
                Err(Trouble::Database(error)) => {
                    tracing::debug!(%error, "the spool is not drained yet");
                    return self.spools.push_front(spool);
                }
                Err(Trouble::Spool(error)) => self.give_up(spool, &error),
            }
            // Whoever waits goes first into the spool, and is told.
            let group = self.inbox.take();
            if !group.is_empty() && !self.spools.is_empty() {
                self.spool(group, None);
            } else if !group.is_empty() {
                return self.put_back(group);
            }
        }
    }

    fn put_back(&mut self, group: Vec<Append>) {
        let mut line = self.inbox.lock();
        for append in group.into_iter().rev() {
            line.waiting.push_front(append);
        }
    }

    fn done_with(&mut self, spool: Spool) {
        if self.spools.is_empty() {
            self.own = false;
        }
        if spool.is_altered().unwrap_or(true) {
            let error = std::io::Error::other("it does not hold behind what was drained");
            return self.give_up(spool, &error);
        }
        if let Err(error) = spool.remove() {
            tracing::warn!(%error, "a drained spool was not removed");
        }
    }

    /// What cannot be read must not keep the rest from being kept.
    fn give_up(&mut self, spool: Spool, error: &std::io::Error) {
        tracing::error!(%error, "a spool cannot be drained");
        if self.spools.is_empty() {
            self.own = false;
        }
        match spool.set_aside() {
            Ok(aside) => tracing::error!("it is kept as {}", aside.display()),
            Err(error) => tracing::error!(%error, "it was not set aside"),
        }
    }

    /// Drains one commit's worth; says whether that was all.
    fn drain_one(&mut self, spool: &mut Spool) -> Result<bool, Trouble> {
        extend(&self.connection)?;
        let transaction = begin(&mut self.connection)?;
        let name = spool.name();
        let known = known(&transaction, &name)?;
        if spool.drained < known {
            // It was drained so far by somebody who was killed before it could be taken away.
            let chunk = spool.next(usize::try_from(known - spool.drained).unwrap_or(usize::MAX))?;
            learn(&transaction, &name, &mut self.places)?;
            spool.forget(chunk);
        }
        let mut chunk = spool.next(DRAIN)?;
        let Some(first) = chunk.lines.first().map(|line| line.number) else {
            return Ok(true);
        };
        let count = chunk.lines.len() as u64;
        let mut appender = Appender::new(transaction)?;
        // Known before it is certain, since an ending may be about a hit of the same piece.
        self.places.learn(first, count, appender.next());
        let seq = appender.add(chunk.lines.iter_mut().map(|line| {
            settle(&mut line.record, &self.places);
            let text = serde_json::to_string(&line.record).unwrap_or_default();
            (line.run, Cow::Owned(text))
        }));
        let kept = seq.and_then(|seq| {
            let sql = "INSERT INTO spooled (name, number, count, seq) VALUES (?1, ?2, ?3, ?4)";
            let number = first - WAITING;
            appender
                .transaction
                .execute(sql, params![name, number, count, seq])?;
            appender.commit()
        });
        if let Err(error) = kept {
            self.places.unlearn();
            return Err(error.into());
        }
        spool.forget(chunk);
        Ok(spool.is_drained())
    }
}

/// What can keep a spool from being drained.
enum Trouble {
    /// Later it may go.
    Database(rusqlite::Error),
    /// It never will.
    Spool(std::io::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Spool(error)
    }
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    // Immediate: the last digest must not change between reading it and writing the next.
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// How many lines of a spool are in the database.
pub(super) fn known(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    if !is_extended(connection)? {
        return Ok(0);
    }
    let sql = "SELECT COALESCE(SUM(count), 0) FROM spooled WHERE name = ?1";
    connection.query_row(sql, [name], |row| row.get(0))
}

fn learn(connection: &Connection, name: &str, places: &mut Places) -> rusqlite::Result<()> {
    let sql = "SELECT number, count, seq FROM spooled WHERE name = ?1 ORDER BY number";
    let mut rows = connection.prepare(sql)?;
    let rows = rows.query_map([name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for row in rows {
        let (number, count, seq): (u64, u64, u64) = row?;
        places.learn(WAITING + number, count, seq);
    }
    Ok(())
}

fn settle(record: &mut Record, places: &Places) {
    if let Record::Endings(endings) = record {
        places.settle(endings);
    }
}

fn settled(record: &Record, places: &Places) -> String {
    let mut record = record.clone();
    settle(&mut record, places);
    serde_json::to_string(&record).unwrap_or_default()
}

/// A group as it waits in a spool.
fn lines(group: &[Append], first: u64) -> std::io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for append in group {
        for record in append.what.records()? {
            lines.push(Line {
                number: first + lines.len() as u64,
                run: append.run,
                record,
            });
        }
    }
    Ok(lines)
}

static MANY_ROWS: LazyLock<String> = LazyLock::new(|| insert(ROWS));
static FEW_ROWS: LazyLock<String> = LazyLock::new(|| insert(FEW));

fn insert(rows: usize) -> String {
    let places = vec!["(?, ?, ?, ?, ?)"; rows].join(", ");
    format!("INSERT INTO record (seq, run, at, body, digest) VALUES {places}")
}

/// Adds records to the end of the chain, in one transaction.
struct Appender<'a> {
    transaction: Transaction<'a>,
    seq: u64,
    before: Option<[u8; 32]>,
    at: String,
}

/// A row that is ready: number, run, text, digest.
type Row<'a> = (u64, Rc<str>, Cow<'a, str>, [u8; 32]);

impl<'a> Appender<'a> {
    fn new(transaction: Transaction<'a>) -> rusqlite::Result<Self> {
        let last = "SELECT seq, digest FROM record ORDER BY seq DESC LIMIT 1";
        let last: Option<(u64, [u8; 32])> = transaction
            .prepare_cached(last)?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(Self {
            seq: last.map_or(0, |(seq, _)| seq),
            before: last.map(|(_, digest)| digest),
            transaction,
            at: Timestamp::now().to_string(),
        })
    }

    const fn next(&self) -> u64 {
        self.seq + 1
    }

    /// Returns the first one's sequence number; the others follow it.
    fn add<'b>(
        &mut self,
        records: impl Iterator<Item = (RunId, Cow<'b, str>)>,
    ) -> rusqlite::Result<u64> {
        let first = self.next();
        let mut rows: Vec<Row<'b>> = Vec::with_capacity(ROWS);
        let mut named: Option<(RunId, Rc<str>)> = None;
        for (run, body) in records {
            self.seq += 1;
            let run = name(run, &mut named);
            let link = chain::Link {
                seq: self.seq,
                run: &run,
                at: &self.at,
                body: &body,
            };
            let before = self.before.as_ref().map_or(&[][..], |digest| digest);
            let digest = chain::digest(before, &link);
            self.before = Some(digest);
            rows.push((self.seq, run, body, digest));
            if rows.len() == ROWS {
                self.insert(&rows)?;
                rows.clear();
            }
        }
        let mut few = rows.chunks_exact(FEW);
        few.by_ref().try_for_each(|few| self.insert(few))?;
        few.remainder()
            .chunks(1)
            .try_for_each(|row| self.insert(row))?;
        Ok(first)
    }

    fn insert(&self, rows: &[Row<'_>]) -> rusqlite::Result<()> {
        let mut statement = match rows.len() {
            ROWS => self.transaction.prepare_cached(&MANY_ROWS)?,
            FEW => self.transaction.prepare_cached(&FEW_ROWS)?,
            count => self.transaction.prepare_cached(&insert(count))?,
        };
        let mut at = 0;
        for (seq, run, body, digest) in rows {
            bind(&mut statement, &mut at, seq)?;
            bind(&mut statement, &mut at, run.as_ref())?;
            bind(&mut statement, &mut at, &self.at)?;
            bind(&mut statement, &mut at, body.as_ref())?;
            bind(&mut statement, &mut at, &digest[..])?;
        }
        statement.raw_execute().map(drop)
    }

    fn commit(self) -> rusqlite::Result<()> {
        self.transaction.commit()
    }
}

/// A run's name as it is kept; most records in a row are of one run.
fn name(run: RunId, last: &mut Option<(RunId, Rc<str>)>) -> Rc<str> {
    if let Some((known, name)) = last
        && *known == run
    {
        return Rc::clone(name);
    }
    let name: Rc<str> = run.to_string().into();
    *last = Some((run, Rc::clone(&name)));
    name
}

fn bind(
    statement: &mut Statement<'_>,
    at: &mut usize,
    value: impl rusqlite::ToSql,
) -> rusqlite::Result<()> {
    *at += 1;
    statement.raw_bind_parameter(*at, value)
}
