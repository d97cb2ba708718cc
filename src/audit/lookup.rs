use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use reqwest::dns::{Addrs, Resolve, Resolving};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

pub(super) type Failed = Box<dyn Error + Send + Sync>;

/// The longest answer that is taken.
const ANSWER_BYTES: usize = 4096;

/// Looks names up at the collector itself, both ways: a fetch of our own succeeds only if it answers over UDP and over
/// TCP, so a fetch that was heard has proven both.
#[derive(Debug)]
pub(super) struct OwnNames {
    server: SocketAddr,
}

impl OwnNames {
    /// A server that listens everywhere is asked on loopback.
    pub(super) fn at(mut server: SocketAddr) -> Self {
        match server.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => server.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => server.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Self { server }
    }
}

impl Resolve for OwnNames {
    fn resolve(&self, name: reqwest::dns::Name) -> Resolving {
        let (server, name) = (self.server, name.as_str().to_owned());
        Box::pin(async move {
            let addresses = look_up(server, &name).await?;
            // The port is the link's.
            let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

async fn look_up(server: SocketAddr, name: &str) -> Result<Vec<IpAddr>, Failed> {
    let mut found = Vec::new();
    for kind in [RecordType::A, RecordType::AAAA] {
        let asked = question(name, kind)?;
        // What UDP truncates, because somebody else on this machine asks fast, TCP gives whole.
        for answer in [by_udp(server, &asked).await?, by_tcp(server, &asked).await?] {
            found.extend(addresses(&asked, &answer)?);
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
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
    let own = if server.is_ipv4() {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
    };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(server).await?;
    socket.send(asked).await?;
    let mut answer = vec![0; ANSWER_BYTES];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

pub(super) async fn by_tcp(server: SocketAddr, asked: &[u8]) -> Result<Vec<u8>, Failed> {
    let mut stream = TcpStream::connect(server).await?;
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
