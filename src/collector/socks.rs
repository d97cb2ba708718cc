//! SOCKS (RFC 1928) at the door of a browser that is led there as to a proxy. It is granted whatever it asks for: where
//! the browser believes to be is in what it says next, and nothing of the leading is part of a visit.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::visitor::{Visitor, Wait};

/// The first byte of whatever a client says.
pub(super) const VERSION: u8 = 5;

const NO_AUTHENTICATION: u8 = 0;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
/// Granted; where from, nobody asks.
const GRANTED: [u8; 10] = [VERSION, 0, 0, IPV4, 0, 0, 0, 0, 0, 0];

/// How long a message is, or how much of it has to be there to tell; none where it is no such message.
type Measure = fn(&[u8]) -> Option<usize>;

/// Answers the greeting and the request; what the browser said behind them. What is no SOCKS after all comes back as it
/// was.
pub(super) async fn lead(
    stream: &mut TcpStream,
    mut sent: Vec<u8>,
    visitor: &Visitor,
    wait: &mut Wait,
) -> Vec<u8> {
    let talk: [(Measure, &[u8]); 2] = [
        (greeting, &[VERSION, NO_AUTHENTICATION]),
        (request, &GRANTED),
    ];
    for (measure, answer) in talk {
        let Some(end) = whole(stream, &mut sent, visitor, wait, measure).await else {
            return sent;
        };
        if stream.write_all(answer).await.is_err() {
            return sent;
        }
        sent.drain(..end);
    }
    if sent.is_empty() {
        let _ = visitor.read_more(stream, &mut sent, wait).await;
    }
    sent
}

/// Reads until a message is there; where it ends.
async fn whole(
    stream: &mut TcpStream,
    sent: &mut Vec<u8>,
    visitor: &Visitor,
    wait: &mut Wait,
    measure: Measure,
) -> Option<usize> {
    loop {
        let wanted = measure(sent)?;
        if sent.len() >= wanted {
            return Some(wanted);
        }
        let read = visitor.read_more(stream, sent, wait).await;
        read.filter(|count| *count > 0)?;
    }
}

/// The version, and the ways to show who one is (section 3).
fn greeting(sent: &[u8]) -> Option<usize> {
    match sent {
        [VERSION, count, methods @ ..] => {
            let count = usize::from(*count);
            let named = methods.get(..count);
            named
                .is_none_or(|named| named.contains(&NO_AUTHENTICATION))
                .then_some(2 + count)
        }
        [] | [VERSION] => Some(2),
        _ => None,
    }
}

/// The version, that a connection is wanted, and where to: an address or a name, and a port (section 4).
fn request(sent: &[u8]) -> Option<usize> {
    match sent {
        [VERSION, CONNECT, 0, IPV4, ..] => Some(4 + 4 + 2),
        [VERSION, CONNECT, 0, IPV6, ..] => Some(4 + 16 + 2),
        [VERSION, CONNECT, 0, NAME, length, ..] => Some(5 + usize::from(*length) + 2),
        _ if sent.len() < 5 => Some(5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_as_long_as_it_says() {
        assert_eq!(greeting(&[]), Some(2));
        assert_eq!(greeting(&[5, 2]), Some(4));
        assert_eq!(greeting(&[5, 1, 0, 9]), Some(3));
        // A password is asked for by nobody here.
        assert_eq!(greeting(&[5, 1, 2]), None);
        assert_eq!(greeting(b"GET"), None);

        assert_eq!(request(&[5, 1]), Some(5));
        assert_eq!(request(&[5, 1, 0, 1, 127]), Some(10));
        assert_eq!(request(&[5, 1, 0, 4, 0]), Some(22));
        assert_eq!(request(&[5, 1, 0, 3, 11, b'c']), Some(18));
        assert_eq!(request(&[5, 2, 0, 1, 127]), None);
    }
}
