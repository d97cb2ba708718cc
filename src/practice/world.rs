//! What the messenger is given of the world by whoever starts it: how names are looked up, and how a browser is had.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::Resolve;
use tokio::process::Command;

/// How names are looked up from an address.
#[derive(Clone)]
pub struct Names(Arc<dyn Fn(IpAddr) -> Arc<dyn Resolve> + Send + Sync>);

impl Names {
    /// By what this makes for the address that is to ask.
    pub fn new(by: impl Fn(IpAddr) -> Arc<dyn Resolve> + Send + Sync + 'static) -> Self {
        Self(Arc::new(by))
    }
}

/// Who looks names up, from one address; none: this machine, as it usually does.
#[derive(Clone)]
pub(super) struct Resolver(Option<Arc<dyn Resolve>>);

impl Resolver {
    pub(super) fn from(address: IpAddr, names: Option<&Names>) -> Self {
        Self(names.map(|names| (names.0)(address)))
    }

    /// What HTTP clients take; none: they are to do as they usually do.
    pub(super) fn of_clients(&self) -> Option<Arc<dyn Resolve>> {
        self.0.clone()
    }

    /// Looks a host up. An address needs no look-up.
    pub(super) async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
            return Ok(vec![ip]);
        }
        let found: Vec<SocketAddr> = match &self.0 {
            Some(resolver) => {
                let name = host.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
                resolver
                    .resolve(name)
                    .await
                    .map_err(io::Error::other)?
                    .collect()
            }
            None => tokio::net::lookup_host((host, 0)).await?.collect(),
        };
        Ok(found.into_iter().map(|address| address.ip()).collect())
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

/// How a browser opens a page: by way of a proxy, without a window, until all that it loads is there.
#[derive(Clone)]
pub struct Renderer(Arc<Opening>);

/// Makes a command for a SOCKS proxy and an address.
type Opening = dyn Fn(SocketAddr, &str) -> io::Result<Command> + Send + Sync;

impl Renderer {
    /// By the command that this makes for a SOCKS proxy and an address. It must end when its standard input does.
    pub fn new(
        by: impl Fn(SocketAddr, &str) -> io::Result<Command> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(by))
    }

    pub(super) fn command(&self, proxy: SocketAddr, url: &str) -> io::Result<Command> {
        (self.0)(proxy, url)
    }
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renderer")
    }
}
