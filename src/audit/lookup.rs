use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use reqwest::dns::{Addrs, Resolve, Resolving};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};

pub(super) type Failed = Box<dyn Error + Send + Sync>;

/// The longest answer that is taken.
const ANSWER_BYTES: usize = 4096;

/// Looks names up at the collector itself, both ways: a fetch of our own succeeds only if it answers over UDP and over
/// TCP, so a fetch that was heard has proven both.
#[derive(Debug)]
pub(super) struct OwnNames {
    server: SocketAddr,
    /// In whose name it asks; none: our own.
    from: Option<IpAddr>,
}

impl OwnNames {
    /// A server that listens everywhere is asked on loopback.
    pub(super) fn at(mut server: SocketAddr) -> Self {
        match server.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => server.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => server.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Self { server, from: None }
    }

    /// Asks from this address, in the name of whoever has it: once, as resolvers do.
    pub(super) fn asked_from(self, address: IpAddr) -> Self {
        let from = Some(address);
        Self { from, ..self }
    }
}

impl Resolve for OwnNames {
    fn resolve(&self, name: reqwest::dns::Name) -> Resolving {
        let (server, from, name) = (self.server, self.from, name.as_str().to_owned());
        Box::pin(async move {
            let addresses = look_up(server, from, &name).await?;
            // The port is the link's.
            let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

async fn look_up(
    server: SocketAddr,
    from: Option<IpAddr>,
    name: &str,
) -> Result<Vec<IpAddr>, Failed> {
    let mut found = Vec::new();
    for kind in [RecordType::A, RecordType::AAAA] {
        let asked = question(name, kind)?;
        for answer in answers(server, from, &asked).await? {
            found.extend(addresses(&asked, &answer)?);
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// What UDP truncates, because somebody else on this machine asks fast, TCP gives whole. Who asks in another's name does as
/// resolvers do, and asks again only then.
async fn answers(
    server: SocketAddr,
    from: Option<IpAddr>,
    asked: &[u8],
) -> Result<Vec<Vec<u8>>, Failed> {
    let first = udp(server, from, asked).await?;
    if from.is_some() && !Message::from_vec(&first)?.metadata.truncation {
        return Ok(vec![first]);
    }
    Ok(vec![first, tcp(server, from, asked).await?])
}

fn question(name: &str, kind: RecordType) -> Result<Vec<u8>, Failed> {
    let mut id = [0; 2];
    getrandom::fill(&mut id)?;
    let id = u16::from_be_bytes(id);
    let mut name = Name::from_ascii(name)?;
    name.set_fqdn(true);
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(name, kind));
    Ok(message.to_vec()?)
}

pub(super) async fn by_udp(server: SocketAddr, asked: &[u8]) -> Result<Vec<u8>, Failed> {
    udp(server, None, asked).await
}

pub(super) async fn by_tcp(server: SocketAddr, asked: &[u8]) -> Result<Vec<u8>, Failed> {
    tcp(server, None, asked).await
}

async fn udp(server: SocketAddr, from: Option<IpAddr>, asked: &[u8]) -> Result<Vec<u8>, Failed> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((from.unwrap_or(any), 0)).await?;
    socket.connect(server).await?;
    socket.send(asked).await?;
    let mut answer = vec![0; ANSWER_BYTES];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

async fn tcp(server: SocketAddr, from: Option<IpAddr>, asked: &[u8]) -> Result<Vec<u8>, Failed> {
    let socket = match server {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(from) = from {
        socket.bind((from, 0).into())?;
    }
    let mut stream = socket.connect(server).await?;
    let length = u16::try_from(asked.len())?.to_be_bytes();
    stream.write_all(&[&length, asked].concat()).await?;
    let length = usize::from(stream.read_u16().await?);
    let mut answer = vec![0; length.min(ANSWER_BYTES)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn addresses(asked: &[u8], answer: &[u8]) -> Result<Vec<IpAddr>, Failed> {
    let message = Message::from_vec(answer)?;
    if asked.get(..2) != answer.get(..2) {
        return Err("an answer to another question".into());
    }
    let address = |data: &RData| match data {
        RData::A(four) => Some(IpAddr::V4(four.0)),
        RData::AAAA(six) => Some(IpAddr::V6(six.0)),
        _ => None,
    };
    Ok(message
        .answers
        .iter()
        .filter_map(|record| address(&record.data))
        .collect())
}
