use std::io::Cursor;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, join};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::model::{Bytes, Handshake, HandshakeEnd, HitKind, Recognition, Timestamp};

use super::certificate::HTTP_2;
use super::hello::{Gathering, Progress};
use super::http::{Visit, close};
use super::intake::Kept;
use super::visitor::{Visitor, Wait};
use super::{http2, limits};

/// Serves a connection that begins like TLS: the hello is recorded, then answered.
pub(super) async fn greet(
    mut stream: TcpStream,
    mut sent: Vec<u8>,
    visitor: Visitor,
    mut wait: Wait,
) {
    let mut gathering = Gathering::default();
    let progress = gather(&mut stream, &visitor, &mut sent, &mut gathering, &mut wait).await;
    let whole = progress == Progress::Whole;
    let hello = whole.then(|| gathering.parse(&sent)).flatten();
    let received = Timestamp::now();
    let (kind, recognition) = match hello {
        Some(hello) => {
            let recognition = by_name(&visitor, hello.server_name.as_ref());
            (HitKind::Hello(hello), recognition)
        }
        None => {
            let sent = Bytes(sent.clone());
            (HitKind::Connection { sent }, Recognition::none())
        }
    };
    let is_hello = matches!(kind, HitKind::Hello(_));
    let refused = visitor.is_hello_refused(&recognition);
    let Some(hit) = visitor.record(received, kind, recognition).await else {
        return;
    };
    if progress == Progress::More {
        // The visitor went away, or was too slow: there is nobody to answer.
        return;
    }
    if refused {
        if is_hello {
            end(&visitor, hit, HandshakeEnd::Refused);
        }
        return close(stream).await;
    }
    shake(stream, sent, visitor, wait, is_hello.then_some(hit)).await;
}

async fn gather(
    stream: &mut TcpStream,
    visitor: &Visitor,
    sent: &mut Vec<u8>,
    gathering: &mut Gathering,
    wait: &mut Wait,
) -> Progress {
    loop {
        match gathering.look(sent) {
            Progress::More if sent.len() >= limits::HEAD_BYTES => return Progress::Broken,
            Progress::More => {}
            end => return end,
        }
        match visitor.read_more(stream, sent, wait).await {
            Some(count) if count > 0 => {}
            _ => return Progress::More,
        }
    }
}

/// The tokens in the host that a hello names.
fn by_name(visitor: &Visitor, name: Option<&Bytes>) -> Recognition {
    let name = name.map(Bytes::text).unwrap_or_default();
    let house = &visitor.house;
    house.keyring.recognise_name(&house.public, &name)
}

/// Gives the TLS library what was read ahead and the rest of the connection; serves what comes inside. What is no hello
/// is given to it as well: it answers with the alert that any server sends.
async fn shake(
    stream: TcpStream,
    sent: Vec<u8>,
    visitor: Visitor,
    wait: Wait,
    hello: Option<Kept>,
) {
    let (read, write) = stream.into_split();
    let stream = join(Cursor::new(sent).chain(read), write);
    let house = Arc::clone(&visitor.house);
    let acceptor = TlsAcceptor::from(Arc::clone(&house.tls));
    let shaken = tokio::select! {
        biased;
        shaken = timeout(limits::HANDSHAKE_TIME, acceptor.accept(stream)) => match shaken {
            Ok(Ok(inside)) => Ok(inside),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the client was too slow".to_owned()),
        },
        () = house.silenced() => Err("the collector was stopped".to_owned()),
    };
    let how = match &shaken {
        Ok(inside) => done(inside),
        Err(reason) => HandshakeEnd::Failed {
            reason: reason.clone(),
        },
    };
    if let Some(hit) = hello {
        end(&visitor, hit, how);
    }
    if let Ok(inside) = shaken {
        serve(inside, visitor, wait).await;
    }
}

/// Serves what comes inside, in the protocol that was agreed upon.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    inside: TlsStream<S>,
    visitor: Visitor,
    mut wait: Wait,
) {
    if inside.get_ref().1.alpn_protocol() == Some(HTTP_2) {
        return Box::pin(http2::serve(inside, visitor)).await;
    }
    wait.set(Instant::now() + limits::HEAD_TIME);
    Visit::new(inside, Vec::new(), visitor, wait, true)
        .run()
        .await;
}

fn done<S>(inside: &TlsStream<S>) -> HandshakeEnd {
    let (_, agreed) = inside.get_ref();
    HandshakeEnd::Done {
        version: agreed.protocol_version().map_or(0, u16::from),
        cipher: agreed
            .negotiated_cipher_suite()
            .map_or(0, |suite| suite.suite().into()),
        protocol: agreed.alpn_protocol().map(Bytes::from),
    }
}

fn end(visitor: &Visitor, hit: Kept, end: HandshakeEnd) {
    let at = Timestamp::now();
    let handshake = Handshake {
        hit: hit.seq,
        at,
        end,
    };
    visitor.house.intake.handshake(hit.run, handshake);
}
