use std::future::poll_fn;

use bytes::Bytes as Data;
use h2::server::{Builder, Connection, SendResponse};
use h2::{RecvStream, SendStream};
use http::{Request as Asked, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::canary::Page;
use crate::model::{Bytes, HitKind, Request, Timestamp};

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
        headers: authority.into_iter().chain(lines).collect(),
    }
}

/// Records and answers one request.
async fn answer(visitor: Visitor, request: Request, body: RecvStream, respond: SendResponse<Data>) {
    let received = Timestamp::now();
    let host = request
        .header(":authority")
        .or_else(|| request.header("host"));
    let (recognition, page) = visitor.answer(&request.target, host, true);
    let no_body = request.method == "HEAD";
    let kind = HitKind::Http(request);
    let Some(hit) = visitor.record(received, kind, recognition).await else {
        // It is in no record, so it gets no answer; dropped, the stream is reset.
        return;
    };
    let _ = timeout(limits::HEAD_TIME, skip(body)).await;
    let status = page.status;
    let mut taken = 0;
    let sent = timeout(
        limits::ANSWER_TIME,
        send(page, no_body, respond, &mut taken),
    )
    .await;
    if !matches!(sent, Ok(Some(()))) {
        tracing::debug!(hit, taken, "an answer was not taken whole");
    }
    visitor.answered(hit, Some(status), taken);
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
async fn send(
    page: Page,
    no_body: bool,
    mut respond: SendResponse<Data>,
    taken: &mut u64,
) -> Option<()> {
    let empty = no_body || page.body.is_empty();
    let head = head(&page)?;
    let mut stream = respond.send_response(head, empty).ok()?;
    let mut rest = Data::from(page.body);
    while !empty && !rest.is_empty() {
        let room = room(&mut stream, rest.len()).await?;
        let piece = rest.split_to(room.min(rest.len()));
        let count = piece.len() as u64;
        stream.send_data(piece, rest.is_empty()).ok()?;
        *taken += count;
    }
    Some(())
}

async fn room(stream: &mut SendStream<Data>, wanted: usize) -> Option<usize> {
    stream.reserve_capacity(wanted);
    poll_fn(|context| stream.poll_capacity(context)).await?.ok()
}

/// The head of an answer: the lines that a plain web server sends, and none that names one.
fn head(page: &Page) -> Option<Response<()>> {
    Response::builder()
        .status(page.status)
        .header(
            "date",
            httpdate::fmt_http_date(std::time::SystemTime::now()),
        )
        .header("content-type", page.media_type)
        .header("content-length", page.body.len())
        .header("cache-control", "no-store")
        .body(())
        .ok()
}

/// Records what was said on a connection where no whole request came, or the library did not show all, as with what is
/// malformed. What was not kept either is missing.
async fn unshown(visitor: &Visitor, heard: &Heard) {
    let sent = Bytes(heard.bytes());
    let recognition = visitor.house.keyring.recognise(&sent.text());
    let kind = HitKind::Connection { sent };
    let now = Timestamp::now();
    visitor.record(now, kind, recognition).await;
    if heard.is_cut() {
        let reason = "an HTTP/2 connection was cut off in the middle of its requests";
        visitor.house.intake.miss(now, reason.into());
    }
}
