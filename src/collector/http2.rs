use std::future::poll_fn;

use bytes::Bytes as Data;
use h2::server::{Builder, Connection, SendResponse};
use h2::{RecvStream, SendStream};
use http::{Request as Asked, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::model::{Bytes, HitKind, Place, Request, Timestamp};

use super::answer::Answer;
use super::limits;
use super::opening::{Heard, Overheard, opening};
use super::visitor::Visitor;

/// Serves HTTP/2 on one connection, from its first byte to its last.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(inside: S, visitor: Visitor) {
    let overheard = Overheard::new(inside);
    let heard = overheard.heard();
    if let Some(connection) = begin(overheard, &visitor).await {
        let visit = Visit {
            connection,
            visitor: visitor.clone(),
            heard: heard.clone(),
            answers: JoinSet::new(),
        };
        visit.run().await;
    }
    if heard.shown() == 0 || heard.is_more() {
        unshown(&visitor, &heard).await;
    }
}

async fn begin<S: AsyncRead + AsyncWrite + Unpin>(
    stream: Overheard<S>,
    visitor: &Visitor,
) -> Option<Connection<Overheard<S>, Data>> {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits::STREAMS)
        .max_header_list_size(limits::HEADER_LIST_BYTES)
        .initial_window_size(limits::WINDOW_BYTES)
        .initial_connection_window_size(limits::WINDOW_BYTES);
    tokio::select! {
        biased;
        begun = timeout(limits::HEAD_TIME, builder.handshake(stream)) => begun.ok()?.ok(),
        () = visitor.house.silenced() => None,
    }
}

/// What the library shows of one request.
type Accepted = Result<(Asked<RecvStream>, SendResponse<Data>), h2::Error>;

/// One connection, with the answers that are on their way.
struct Visit<S> {
    connection: Connection<Overheard<S>, Data>,
    visitor: Visitor,
    heard: Heard,
    answers: JoinSet<()>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Visit<S> {
    /// Serves requests until the connection ends.
    async fn run(mut self) {
        while let Some(accepted) = self.next().await {
            if !self.take(accepted) {
                break;
            }
        }
        self.end().await
    }

    /// The next request; none at the connection's end, after a long silence, or when the collector stops.
    async fn next(&mut self) -> Option<Accepted> {
        loop {
            // Nobody is idle while an answer is being taken.
            let patience = match (self.heard.shown(), self.answers.is_empty()) {
                (_, false) => limits::ANSWER_TIME,
                (0, true) => limits::HEAD_TIME,
                (_, true) => limits::IDLE_TIME,
            };
            tokio::select! {
                biased;
                accepted = timeout(patience, self.connection.accept()) => return accepted.ok()?,
                Some(_) = self.answers.join_next() => {}
                () = self.visitor.house.silenced() => return None,
            }
        }
    }

    /// Has a request recorded and answered; says whether there may be more.
    fn take(&mut self, accepted: Accepted) -> bool {
        // One that takes requests back can begin more of them than there are streams.
        while self.answers.try_join_next().is_some() {}
        let Ok((asked, respond)) = accepted else {
            return false;
        };
        let (head, body) = asked.into_parts();
        let mut request = request(&Asked::from_parts(head, ()));
        if self.heard.shown() == 0 {
            // How the client opened the connection is said once, with its first request.
            request.opening = opening(&self.heard.bytes());
        }
        self.heard.show();
        let visitor = self.visitor.clone();
        self.answers.spawn(answer(visitor, request, body, respond));
        self.answers.len() < limits::ANSWERS
    }

    /// Says goodbye, and lets what was answered arrive.
    async fn end(mut self) {
        self.connection.graceful_shutdown();
        let taken = async {
            loop {
                tokio::select! {
                    accepted = self.connection.accept() => {
                        // One may have been on its way before the goodbye was heard.
                        let more = accepted.is_some_and(|accepted| self.take(accepted));
                        if !more {
                            break;
                        }
                    }
                    Some(_) = self.answers.join_next() => {}
                }
            }
        };
        let _ = timeout(limits::LINGER_TIME, taken).await;
        // The connection is gone or given up; what is still on its way ends with it, and writes down how far it came.
        drop(self.connection);
        while self.answers.join_next().await.is_some() {}
    }
}

/// A request as it is kept. The library shows header lines in the order of their names' first appearance.
fn request(asked: &Asked<()>) -> Request {
    let uri = asked.uri();
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let authority = uri.authority().map(|authority| {
        let value = Bytes::from(authority.as_str().as_bytes());
        (":authority".to_owned(), value)
    });
    let lines = asked.headers().iter().map(|(name, value)| {
        let value = Bytes::from(value.as_bytes());
        (name.as_str().to_owned(), value)
    });
    Request {
        method: asked.method().as_str().to_owned(),
        target: Bytes::from(target.as_bytes()),
        version: "HTTP/2".to_owned(),
        tls: true,
        opening: None,
        forwarded: None,
        headers: authority.into_iter().chain(lines).collect(),
    }
}

/// Records and answers one request.
async fn answer(visitor: Visitor, request: Request, body: RecvStream, respond: SendResponse<Data>) {
    let received = Timestamp::now();
    let (recognition, page) = visitor.answer(&request);
    let answer = Answer::new(page, &request);
    let kind = HitKind::Http(request);
    let refused = visitor.is_refused(&recognition);
    let Some(hit) = visitor.record(received, kind, recognition).await else {
        // It is in no record, so it gets no answer; dropped, the stream is reset.
        return;
    };
    if refused {
        return visitor.answered(hit, None, (0, None));
    }
    let _ = timeout(limits::HEAD_TIME, skip(body)).await;
    let (status, whole) = (answer.status.as_u16(), answer.whole());
    let mut taken = 0;
    let sent = tokio::select! {
        biased;
        sent = timeout(limits::BODY_TIME, send(answer, respond, &mut taken)) => sent.ok().flatten(),
        () = visitor.house.silenced() => None,
    };
    if sent.is_none() {
        tracing::debug!(hit = hit.seq, taken, "an answer was not taken whole");
    }
    visitor.answered(hit, Some(status), (taken, Some(whole)));
}

/// Reads over a body, up to the limit.
async fn skip(mut body: RecvStream) {
    let mut skipped = 0;
    while let Some(Ok(data)) = body.data().await {
        skipped += data.len() as u64;
        if skipped > limits::BODY_BYTES || body.flow_control().release_capacity(data.len()).is_err()
        {
            return;
        }
    }
}

/// Sends an answer as fast as the client makes room for it; counts what it made room for.
async fn send(mut answer: Answer, mut respond: SendResponse<Data>, taken: &mut u64) -> Option<()> {
    let head = head(&answer)?;
    let mut stream = respond.send_response(head, answer.is_empty()).ok()?;
    while let Some(piece) = answer.next() {
        if let Some(wait) = answer.wait() {
            tokio::time::sleep(wait).await;
        }
        let mut rest = Data::from(piece);
        while !rest.is_empty() {
            let room = timeout(limits::ANSWER_TIME, room(&mut stream, rest.len()));
            let room = room.await.ok()??;
            let part = rest.split_to(room.min(rest.len()));
            let count = part.len() as u64;
            let last = rest.is_empty() && answer.is_empty();
            stream.send_data(part, last).ok()?;
            *taken += count;
        }
    }
    Some(())
}

async fn room(stream: &mut SendStream<Data>, wanted: usize) -> Option<usize> {
    stream.reserve_capacity(wanted);
    poll_fn(|context| stream.poll_capacity(context)).await?.ok()
}

fn head(answer: &Answer) -> Option<Response<()>> {
    let mut head = Response::builder().status(answer.status);
    for (name, value) in &answer.lines {
        head = head.header(*name, value);
    }
    head.body(()).ok()
}

/// Records what was said on a connection where no whole request came, or the library did not show all, as with what is
/// malformed. What was not kept either is missing.
async fn unshown(visitor: &Visitor, heard: &Heard) {
    let sent = Bytes(heard.bytes());
    let recognition = visitor.house.keyring.recognise(Place::Bytes, &sent.text());
    let kind = HitKind::Connection { sent };
    let now = Timestamp::now();
    visitor.record(now, kind, recognition).await;
    if heard.is_cut() {
        let reason = "an HTTP/2 connection was cut off in the middle of its requests";
        visitor.house.intake.miss(now, reason.into());
    }
}
