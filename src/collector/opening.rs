use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::model::Opening;

use super::limits;

/// What every HTTP/2 client says first (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's head: length 3, type 1, flags 1, stream 4.
const FRAME_HEAD: usize = 9;

/// Types of frames (RFC 9113, section 6).
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// Flags of a headers frame.
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;

/// A connection that is listened in on. The HTTP/2 library shows requests, but not how they were put, and none that is
/// taken back or cut off before it comes to show it. So the first bytes are kept, and the library gets no byte beyond a
/// request until it has shown that one.
#[derive(Debug)]
pub(super) struct Overheard<S> {
    stream: S,
    heard: Heard,
}

/// What was heard on a connection.
#[derive(Debug, Clone)]
pub(super) struct Heard(Arc<Mutex<Ear>>);

#[derive(Debug, Default)]
struct Ear {
    /// The first bytes, up to a limit.
    kept: Vec<u8>,
    /// Whether there were more.
    cut: bool,
    /// What was read, and is not handed on yet.
    ahead: VecDeque<u8>,
    /// Whether nothing more will come.
    over: bool,
    /// Requests that were handed on.
    begun: u32,
    /// Requests that the library has shown.
    shown: u32,
    /// The highest stream so far: a request always has a higher one (RFC 9113, section 5.1.1).
    stream: u32,
    /// The head of the frame that is coming in.
    head: Vec<u8>,
    /// How many bytes come before the next head.
    skip: usize,
    /// Whether a request is coming in: its header lines may go on in further frames.
    asks: bool,
    /// Whether the frame that is coming in is the last of them.
    ends: bool,
    /// Who waits for a request to be shown.
    waiting: Option<Waker>,
}

impl Heard {
    fn new() -> Self {
        let skip = PREFACE.len();
        Self(Arc::new(Mutex::new(Ear {
            skip,
            ..Ear::default()
        })))
    }

    fn ear(&self) -> MutexGuard<'_, Ear> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first bytes of the connection.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.ear().kept.clone()
    }

    /// Whether these are not all.
    pub(super) fn is_cut(&self) -> bool {
        self.ear().cut
    }

    /// Notes that the library has shown a request.
    pub(super) fn show(&self) {
        let mut ear = self.ear();
        ear.shown += 1;
        if let Some(waiting) = ear.waiting.take() {
            waiting.wake();
        }
    }

    /// How many requests the library has shown.
    pub(super) fn shown(&self) -> u32 {
        self.ear().shown
    }

    /// Whether there is more than the library has shown.
    pub(super) fn is_more(&self) -> bool {
        let ear = self.ear();
        ear.waits() || !ear.ahead.is_empty()
    }
}

impl Ear {
    /// Whether a request was handed on, and not shown yet.
    const fn waits(&self) -> bool {
        self.shown < self.begun
    }

    fn hear(&mut self, bytes: &[u8]) {
        let room = limits::OPENING_BYTES.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&bytes[..room.min(bytes.len())]);
        self.cut |= bytes.len() > room;
        self.ahead.extend(bytes);
    }

    /// Hands on what was read ahead, up to the end of the next request.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) {
        while !self.waits() && buffer.remaining() > 0 {
            let Some(byte) = self.ahead.pop_front() else {
                return;
            };
            buffer.put_slice(&[byte]);
            self.follow(byte);
        }
    }

    /// Goes from frame to frame, and notes where a request ends.
    fn follow(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else {
            self.head.push(byte);
            let Some((frame, _)) = frame(&self.head) else {
                return;
            };
            self.asks |= frame.kind == HEADERS && frame.stream > self.stream;
            self.ends =
                matches!(frame.kind, HEADERS | CONTINUATION) && frame.flags & END_HEADERS != 0;
            self.stream = self.stream.max(frame.stream);
            self.skip = frame.length;
            self.head.clear();
        }
        if self.skip == 0 && self.asks && self.ends {
            self.begun += 1;
            self.asks = false;
        }
    }
}

impl<S> Overheard<S> {
    pub(super) fn new(stream: S) -> Self {
        let heard = Heard::new();
        Self { stream, heard }
    }

    pub(super) fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// A client that takes no answer is no reason to leave what it asked for unseen: until all of that was shown, the
    /// library is not told.
    fn unless_more<T>(&self, written: Poll<io::Result<T>>, otherwise: T) -> Poll<io::Result<T>> {
        let is_seen = || {
            let ear = self.heard.ear();
            ear.over && ear.ahead.is_empty() && !ear.waits()
        };
        match written {
            Poll::Ready(Err(_)) if !is_seen() => Poll::Ready(Ok(otherwise)),
            written => written,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let heard = self.heard.clone();
        let mut ear = heard.ear();
        if ear.waits() {
            ear.waiting = Some(context.waker().clone());
            return Poll::Pending;
        }
        if ear.ahead.is_empty() {
            let mut chunk = [0; 4096];
            let mut chunk = ReadBuf::new(&mut chunk);
            match Pin::new(&mut self.stream).poll_read(context, &mut chunk) {
                Poll::Ready(Ok(())) if !chunk.filled().is_empty() => ear.hear(chunk.filled()),
                Poll::Pending => return Poll::Pending,
                end => {
                    ear.over = true;
                    return end;
                }
            }
        }
        ear.hand_on(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_more(written, bytes.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.unless_more(flushed, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Reads how a client opened a connection, from its first byte to its first request; none without the preface.
pub(super) fn opening(heard: &[u8]) -> Option<Opening> {
    let mut rest = heard.strip_prefix(PREFACE)?;
    let mut opening = Opening::default();
    while let Some((frame, behind)) = frame(rest) {
        match frame.kind {
            SETTINGS => opening.settings.extend(settings(frame.payload)),
            WINDOW_UPDATE if frame.stream == 0 => {
                opening.window = opening.window.or(number(frame.payload));
            }
            HEADERS => {
                opening.pseudo = pseudo(fields(&frame));
                break;
            }
            _ => {}
        }
        rest = behind;
    }
    Some(opening)
}

struct Frame<'a> {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &'a [u8],
}

/// The first frame, and what is behind it.
fn frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(FRAME_HEAD)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    // The last one heard may be cut at the limit; its beginning is enough.
    let (payload, behind) = rest.split_at(length.min(rest.len()));
    let frame = Frame {
        length,
        kind: head[3],
        flags: head[4],
        stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
        payload,
    };
    Some((frame, behind))
}

fn settings(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> + '_ {
    payload.chunks_exact(6).filter_map(|pair| {
        let (name, value) = pair.split_at(2);
        Some((u16::from_be_bytes(name.try_into().ok()?), number(value)?))
    })
}

fn number(payload: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(payload.get(..4)?.try_into().ok()?))
}

/// The compressed header lines of a headers frame.
fn fields<'a>(frame: &Frame<'a>) -> &'a [u8] {
    let priority = if frame.flags & PRIORITY != 0 { 5 } else { 0 };
    let before = usize::from(frame.flags & PADDED != 0) + priority;
    frame.payload.get(before..).unwrap_or_default()
}

/// The pseudo-headers at the beginning of the first header block of a connection, in order. They are all the static
/// table's (RFC 7541, appendix A), so that nothing of a block's history is needed; what is not ends the list.
fn pseudo(mut block: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((&first, behind)) = block.split_first() {
        let (index, behind) = match first {
            // An indexed field: name and value are known.
            0x80.. => (first & 0x7f, Some(behind)),
            // A literal that is remembered, with its name's index.
            0x40..=0x7f => (first & 0x3f, skip_text(behind)),
            // A change of the table's size.
            0x20..=0x3f => {
                block = behind;
                continue;
            }
            // A literal that is not.
            _ => (first & 0x0f, skip_text(behind)),
        };
        let name = match index {
            1 => ":authority",
            2 | 3 => ":method",
            4 | 5 => ":path",
            6 | 7 => ":scheme",
            _ => break,
        };
        names.push(name.to_owned());
        let Some(behind) = behind else { break };
        block = behind;
    }
    names
}

/// What is behind a text: its length, in seven bits or more (RFC 7541, section 5.1), and its letters.
fn skip_text(bytes: &[u8]) -> Option<&[u8]> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut length = usize::from(first & 0x7f);
    if length == 0x7f {
        for shift in [0, 7, 14] {
            let (&next, behind) = rest.split_first()?;
            length += usize::from(next & 0x7f) << shift;
            rest = behind;
            if next & 0x80 == 0 {
                break;
            }
        }
    }
    rest.get(length..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u8;
        [&[0, 0, length, kind, flags, 0, 0, 0, stream][..], payload].concat()
    }

    /// What Chromium sends: its settings, its window, and method, authority, scheme and path with a priority.
    #[test]
    fn nothing_is_handed_on_beyond_a_request_that_was_not_shown() {
        let first = [
            PREFACE.to_vec(),
            framed(SETTINGS, 0, 0, &[0; 12]),
            framed(HEADERS, 0, 1, b"ab"),
            framed(CONTINUATION, END_HEADERS, 1, b"c"),
        ]
        .concat();
        let second = [
            framed(3, 0, 1, b"back"),
            framed(HEADERS, END_HEADERS, 1, b"trailers"),
            framed(HEADERS, END_HEADERS, 3, b""),
        ]
        .concat();
        let last = framed(7, 0, 0, b"goodbye!");
        let heard = Heard::new();
        heard
            .ear()
            .hear(&[first.clone(), second.clone(), last.clone()].concat());
        for part in [first, second, last] {
            let mut room = [0; 256];
            let mut buffer = ReadBuf::new(&mut room);
            heard.ear().hand_on(&mut buffer);
            assert_eq!(buffer.filled(), part);
            heard.show();
        }
        assert!(!heard.is_more());
    }

    #[test]
    fn an_opening_is_read_to_its_first_request() {
        let long = [&[0x41, 0x7f, 0x49][..], &[b'a'; 200]].concat();
        let block = [
            &[0x80, 0, 0, 0, 255, 0x82][..],
            &long,
            &[0x87, 0x04, 1, b'/', 0x40, 1, b'x', 1, b'y'],
        ]
        .concat();
        let bytes = [
            PREFACE.to_vec(),
            framed(SETTINGS, 0, 0, &[0, 1, 0, 1, 0, 0, 0, 4, 0, 0x60, 0, 0]),
            framed(WINDOW_UPDATE, 0, 0, &[0, 0xef, 0, 1]),
            framed(HEADERS, PRIORITY | 0x04, 1, &block),
            framed(SETTINGS, 0, 0, &[0, 9, 0, 0, 0, 9]),
        ]
        .concat();
        let read = opening(&bytes).unwrap();
        assert_eq!(read.settings, [(1, 65_536), (4, 6_291_456)]);
        assert_eq!(read.window, Some(15_663_105));
        assert_eq!(read.pseudo, [":method", ":authority", ":scheme", ":path"]);
        for cut in 0..bytes.len() {
            // Whatever is missing, what is there is read, and nothing falls over.
            assert_eq!(opening(&bytes[..cut]).is_some(), cut >= PREFACE.len());
        }
    }
}
