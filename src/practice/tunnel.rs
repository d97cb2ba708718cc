//! A SOCKS proxy (RFC 1928) that connects from the provider's address: a browser cannot choose its own, and what it
//! asks for goes through unchanged.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::world::Resolver;

/// How long anybody may take to say where to go, and to get there.
const PATIENCE: Duration = Duration::from_secs(10);

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const SUCCEEDED: u8 = 0;
const UNREACHABLE: u8 = 4;

/// The proxy; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// Where connections come from, and how names are looked up.
struct Exit {
    from: IpAddr,
    resolver: Resolver,
}

impl Tunnel {
    pub(super) async fn open(from: IpAddr, resolver: Resolver) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let exit = Arc::new(Exit { from, resolver });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, exit));
        Ok(Self {
            address,
            _tasks: tasks,
        })
    }
}

async fn serve(listener: TcpListener, exit: Arc<Exit>) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let exit = Arc::clone(&exit);
            connections.spawn(async move { lead(stream, &exit).await });
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn lead(mut near: TcpStream, exit: &Exit) {
    let asked = timeout(PATIENCE, asked(&mut near)).await;
    let Ok(Ok((host, port))) = asked else { return };
    let far = timeout(PATIENCE, exit.connect(&host, port)).await;
    let reply = if matches!(far, Ok(Ok(_))) {
        SUCCEEDED
    } else {
        UNREACHABLE
    };
    let told = [VERSION, reply, 0, IPV4, 0, 0, 0, 0, 0, 0];
    if near.write_all(&told).await.is_ok()
        && let Ok(Ok(mut far)) = far
    {
        let _ = copy_bidirectional(&mut near, &mut far).await;
    }
}

/// Reads the greeting and the request: a host and a port.
async fn asked(near: &mut TcpStream) -> io::Result<(String, u16)> {
    let [_, methods] = take(near).await?;
    near.read_exact(&mut vec![0; methods.into()]).await?;
    near.write_all(&[VERSION, NO_AUTHENTICATION]).await?;
    let [_, command, _, kind] = take(near).await?;
    let host = match (command, kind) {
        (CONNECT, IPV4) => Ipv4Addr::from(take::<4>(near).await?).to_string(),
        (CONNECT, NAME) => {
            let [length] = take(near).await?;
            let mut name = vec![0; length.into()];
            near.read_exact(&mut name).await?;
            String::from_utf8_lossy(&name).into_owned()
        }
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    Ok((host, near.read_u16().await?))
}

async fn take<const N: usize>(near: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    near.read_exact(&mut bytes).await?;
    Ok(bytes)
}

impl Exit {
    async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let mut failed = io::Error::from(io::ErrorKind::NotFound);
        let found = self.resolver.look_up(host).await?;
        for ip in found.into_iter().filter(IpAddr::is_ipv4) {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(self.from, 0))?;
            match socket.connect(SocketAddr::new(ip, port)).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}
