use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::model::{Bytes, Door, HitKind, Place, Request, Timestamp};

use super::answer::Answer;
use super::limits;
use super::visitor::{Visitor, Wait};

/// HTTP/1 on one connection, from its first byte to its last.
pub(super) struct Visit<S> {
    stream: S,
    visitor: Visitor,
    tls: bool,
    /// What was read and not yet understood.
    buffer: Vec<u8>,
    wait: Wait,
    /// Whether the visitor sent, or may send, what nobody reads.
    unread: bool,
}

/// How reading a head ended.
enum Head {
    /// A request; its head took this many bytes.
    Whole(Request, usize),
    /// Bytes that are no request, and never will be one.
    Broken,
    /// The visitor stopped sending, or was too slow.
    Ended,
}

/// What a request's body means for the connection.
enum Body {
    /// So many bytes follow the head.
    Sized(u64),
    /// Chunked, contradictory or too large: the connection ends with the answer.
    Unread,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Visit<S> {
    /// `buffer` is what was read already; the first head must have come before `wait` is over.
    pub(super) const fn new(
        stream: S,
        buffer: Vec<u8>,
        visitor: Visitor,
        wait: Wait,
        tls: bool,
    ) -> Self {
        Self {
            stream,
            visitor,
            tls,
            buffer,
            wait,
            unread: true,
        }
    }

    /// Serves requests until the connection ends.
    pub(super) async fn run(mut self) {
        let mut first = true;
        loop {
            match self.read_head().await {
                Head::Whole(request, length) => {
                    if !self.serve(request, length).await {
                        return self.close().await;
                    }
                }
                // A connection that goes quiet between two requests has already been recorded by the first.
                Head::Ended if !first && self.buffer.is_empty() => return,
                Head::Ended | Head::Broken => return self.without_request().await,
            }
            first = false;
            self.wait.set(Instant::now() + limits::IDLE_TIME);
        }
    }

    async fn read_head(&mut self) -> Head {
        let mut searched = 0;
        loop {
            if let Some(end) = end_of_head(&self.buffer, searched) {
                return parse(&self.buffer[..end])
                    .map_or(Head::Broken, |request| Head::Whole(request, end));
            }
            if self.buffer.len() >= limits::HEAD_BYTES {
                return Head::Broken;
            }
            // The end may straddle two reads: look again at the last three bytes.
            searched = self.buffer.len().saturating_sub(3);
            match self.read_more().await {
                Some(count) if count > 0 => {}
                _ => return Head::Ended,
            }
        }
    }

    async fn read_more(&mut self) -> Option<usize> {
        self.visitor
            .read_more(&mut self.stream, &mut self.buffer, &mut self.wait)
            .await
    }

    /// Records and answers one request; says whether the connection can go on.
    async fn serve(&mut self, mut request: Request, head: usize) -> bool {
        let received = Timestamp::now();
        request.tls = self.tls;
        let (recognition, page) = self.visitor.answer(&request);
        let answer = Answer::new(page, &request);
        let (body, keep) = (body(&request), keeps_alive(&request));
        let refused = self.visitor.is_refused(&recognition);
        let Some(hit) = self
            .visitor
            .record(received, HitKind::Http(request), recognition)
            .await
        else {
            // It is in no record, so it gets no answer: a visitor may not know more than the evidence.
            return false;
        };
        self.unread = true;
        if refused {
            self.visitor.answered(hit, None, (0, None));
            return false;
        }
        self.buffer.drain(..head);
        self.unread = !self.skip(body).await;
        let keep = keep && !self.unread;
        let (status, whole) = (answer.status.as_u16(), answer.whole());
        let written = self.answer(answer, keep).await;
        let taken = written.unwrap_or_else(|so_far| so_far);
        self.visitor
            .answered(hit, Some(status), (taken, Some(whole)));
        keep && written.is_ok()
    }

    /// Reads over a body, so that the next request is found; says whether that was possible.
    async fn skip(&mut self, body: Body) -> bool {
        let Body::Sized(mut left) = body else {
            return false;
        };
        if left > 0 {
            self.wait.set(Instant::now() + limits::HEAD_TIME);
        }
        loop {
            let here = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.buffer.len());
            self.buffer.drain(..here);
            left -= here as u64;
            if left == 0 {
                return true;
            }
            if self.read_more().await.is_none_or(|count| count == 0) {
                return false;
            }
        }
    }

    /// Writes an answer; how many bytes of the body the socket took, as an error if it did not take all.
    async fn answer(&mut self, mut answer: Answer, keep: bool) -> Result<u64, u64> {
        let deadline = Instant::now() + limits::BODY_TIME;
        let mut bytes = head(&answer, keep).into_bytes();
        let (mut left_of_head, mut taken) = (bytes.len() as u64, 0);
        loop {
            // Head and body go together, unless the body is to come later.
            let wait = answer.wait().filter(|_| !answer.is_empty());
            if wait.is_none() {
                bytes.extend(answer.next().unwrap_or_default());
            }
            let (written, whole) = self.write(&bytes, deadline).await;
            let of_head = written.min(left_of_head);
            (left_of_head, taken) = (left_of_head - of_head, taken + written - of_head);
            if !whole {
                return Err(taken);
            }
            match wait {
                Some(wait) if self.visitor.waits(wait).await => {
                    bytes = answer.next().unwrap_or_default();
                }
                Some(_) => return Err(taken),
                None if answer.is_empty() => return Ok(taken),
                None => bytes.clear(),
            }
        }
    }

    /// Hands bytes to the socket; how many it took, and whether those were all.
    async fn write(&mut self, bytes: &[u8], deadline: Instant) -> (u64, bool) {
        let mut taken = 0;
        let soon = || deadline.min(Instant::now() + limits::ANSWER_TIME);
        while taken < bytes.len() {
            match timeout_at(soon(), self.stream.write(&bytes[taken..])).await {
                Ok(Ok(count)) if count > 0 => taken += count,
                _ => return (taken as u64, false),
            }
        }
        // TLS may still hold some of it back.
        let flushed = timeout_at(soon(), self.stream.flush()).await;
        (taken as u64, matches!(flushed, Ok(Ok(()))))
    }

    /// Records a connection on which no whole request came, and says so to a visitor that sent something.
    async fn without_request(mut self) {
        let sent = Bytes(std::mem::take(&mut self.buffer));
        let recognition = self
            .visitor
            .house
            .keyring
            .recognise(Place::Bytes, &sent.text());
        let talks = !sent.0.is_empty();
        self.unread = true;
        let hit = self
            .visitor
            .record(Timestamp::now(), HitKind::Connection { sent }, recognition)
            .await;
        if hit.is_some() && talks && self.visitor.door == Door::Public {
            let refusal =
                "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = timeout(
                limits::ANSWER_TIME,
                self.stream.write_all(refusal.as_bytes()),
            )
            .await;
            self.close().await;
        }
    }

    /// Where all that came was read there is nothing to wait for: what was written arrives.
    async fn close(mut self) {
        if self.unread || !self.buffer.is_empty() {
            return close(self.stream).await;
        }
        if self.tls {
            let _ = timeout(limits::LINGER_TIME, self.stream.shutdown()).await;
        }
    }
}

/// Closes so that what was written arrives: unread bytes would turn the close into a reset.
pub(super) async fn close(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let closed = async {
        // Only here: an array would be part of every connection that waits.
        let mut rest = vec![0; 4096];
        let _ = stream.shutdown().await;
        while matches!(stream.read(&mut rest).await, Ok(count) if count > 0) {}
    };
    let _ = timeout(limits::LINGER_TIME, closed).await;
}

/// Where a head ends: behind its first empty line. Bare line feeds count, as RFC 9112 section 2.2 allows.
fn end_of_head(buffer: &[u8], from: usize) -> Option<usize> {
    let feeds = (from..buffer.len()).filter(|&at| buffer[at] == b'\n');
    feeds.filter_map(|at| empty_line_after(buffer, at)).next()
}

fn empty_line_after(buffer: &[u8], feed: usize) -> Option<usize> {
    match buffer.get(feed + 1..)? {
        [b'\n', ..] => Some(feed + 2),
        [b'\r', b'\n', ..] => Some(feed + 3),
        _ => None,
    }
}

fn parse(head: &[u8]) -> Option<Request> {
    let mut lines = [httparse::EMPTY_HEADER; limits::HEADERS];
    let mut parsed = httparse::Request::new(&mut lines);
    parsed.parse(head).ok()?.is_complete().then_some(())?;
    Some(Request {
        method: parsed.method?.to_owned(),
        target: Bytes::from(parsed.path?.as_bytes()),
        version: format!("HTTP/1.{}", parsed.version?),
        tls: false,
        opening: None,
        forwarded: None,
        headers: parsed
            .headers
            .iter()
            .map(|line| (line.name.to_owned(), Bytes::from(line.value)))
            .collect(),
    })
}

fn body(request: &Request) -> Body {
    let sizes: Vec<&Bytes> = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map(|(_, v)| v)
        .collect();
    match (sizes.as_slice(), request.header("transfer-encoding")) {
        ([], None) => Body::Sized(0),
        // One plain number. Everything else is a shape that smugglers use (RFC 9112 section 6.3).
        ([size], None) if size.0.iter().all(u8::is_ascii_digit) => match size.text().parse() {
            Ok(count) if count <= limits::BODY_BYTES => Body::Sized(count),
            _ => Body::Unread,
        },
        _ => Body::Unread,
    }
}

fn keeps_alive(request: &Request) -> bool {
    let asked = request
        .header("connection")
        .map(|value| value.text().to_ascii_lowercase())
        .unwrap_or_default();
    let asks = |word| asked.split(',').any(|part| part.trim() == word);
    if request.version == "HTTP/1.0" {
        asks("keep-alive")
    } else {
        !asks("close")
    }
}

fn head(answer: &Answer, keep: bool) -> String {
    let status = answer.status;
    let reason = status.canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16());
    let connection = if keep { "keep-alive" } else { "close" };
    let last = ("Connection", connection.to_owned());
    for (name, value) in answer.lines.iter().chain([&last]) {
        head += &format!("{name}: {value}\r\n");
    }
    head + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_its_first_empty_line() {
        assert_eq!(
            end_of_head(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest", 0),
            Some(27)
        );
        assert_eq!(end_of_head(b"GET / HTTP/1.1\n\nrest", 0), Some(16));
        assert_eq!(end_of_head(b"GET / HTTP/1.1\r\nHost: a\r\n", 0), None);
        assert_eq!(end_of_head(b"", 0), None);
    }

    #[test]
    fn headers_are_kept_as_sent() {
        let request =
            parse(b"GET /x HTTP/1.1\r\nhOsT: a\r\nX: 1\r\nx: 2\r\nEmpty:\r\n\r\n").unwrap();
        let lines: Vec<(&str, String)> = request
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.text()))
            .collect();
        assert_eq!(
            lines,
            [
                ("hOsT", "a".into()),
                ("X", "1".into()),
                ("x", "2".into()),
                ("Empty", String::new())
            ]
        );
    }

    #[test]
    fn a_body_that_could_hide_a_second_request_is_not_read() {
        let of = |lines: &str| {
            body(&parse(format!("POST / HTTP/1.1\r\n{lines}\r\n").as_bytes()).unwrap())
        };
        assert!(matches!(of(""), Body::Sized(0)));
        assert!(matches!(of("Content-Length: 12\r\n"), Body::Sized(12)));
        for smuggled in [
            "Content-Length: 12\r\nContent-Length: 13\r\n",
            "Content-Length: +12\r\n",
            "Content-Length: 12\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 99999999999999999999999\r\n",
        ] {
            assert!(matches!(of(smuggled), Body::Unread), "{smuggled}");
        }
    }
}
