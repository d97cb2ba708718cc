use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{Checkup, Finding, PATIENCE};
use crate::model::Timestamp;

/// Days before a certificate's end from which on it is told: those of Let's Encrypt are renewed a month before.
const DAYS_LEFT: i64 = 14;

/// Goes through one public door as visitors do: in the clear, and over TLS.
pub(super) async fn look(door: SocketAddr, checkup: &Checkup) -> Vec<Finding> {
    let host = checkup
        .host
        .clone()
        .unwrap_or_else(|| door.ip().to_string());
    let mut found = vec![plain(door, &host).await];
    found.extend(outside(door));
    found.extend(certificate(door, &host, checkup.trusted.as_deref()).await);
    found
}

async fn plain(door: SocketAddr, host: &str) -> Finding {
    let what = format!("HTTP at {door}");
    let asked = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let talked = async {
        let mut stream = TcpStream::connect(door).await?;
        stream.write_all(asked.as_bytes()).await?;
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        Ok::<_, std::io::Error>(head)
    };
    let advice = format!(
        "start `waxseal serve`, and let TCP through to port {}",
        door.port()
    );
    match timeout(PATIENCE, talked).await {
        Ok(Ok(head)) => Finding::of(
            head.starts_with(b"HTTP/1.1 "),
            what,
            "it is open and answers",
            "something else listens there: stop it",
        ),
        Ok(Err(error)) => Finding::wrong(what, error.to_string(), advice),
        Err(_) => Finding::wrong(what, "no answer in time", advice),
    }
}

/// What stands between a machine and the world cannot be seen from that machine. On loopback there is no world.
fn outside(door: SocketAddr) -> Option<Finding> {
    if door.ip().is_loopback() {
        return None;
    }
    let what = format!("{door} from outside");
    // An address that can be bound is one of this machine.
    Some(match UdpSocket::bind((door.ip(), 0)) {
        Ok(_) => Finding::unsure(
            what,
            "this is the same machine, so no firewall in front of it was passed",
            format!("run `waxseal doctor --at {door}` on another machine as well"),
        ),
        Err(_) => Finding::fine(what, "it was reached from another machine"),
    })
}

async fn certificate(door: SocketAddr, host: &str, trusted: Option<&Path>) -> Vec<Finding> {
    let what = format!("certificate at {door}");
    match shake_hands(door, host, trusted).await {
        Ok(shown) => vec![chain(&what, host, trusted, &shown), expiry(&what, &shown)],
        Err(reason) => {
            let advice =
                "start `waxseal serve`, and let TCP through; it takes TLS at the same port";
            vec![Finding::wrong(what, reason, advice)]
        }
    }
}

/// What was shown in a handshake.
#[derive(Debug, Default)]
struct Shown {
    leaf: Vec<u8>,
    refusal: Option<String>,
}

fn chain(what: &str, host: &str, trusted: Option<&Path>, shown: &Shown) -> Finding {
    let by = match trusted {
        Some(path) => format!("whoever trusts {}", path.display()),
        None => "whoever trusts what this machine trusts".to_owned(),
    };
    match &shown.refusal {
        None => Finding::fine(what, format!("good for {host}, for {by}")),
        Some(reason) => Finding::wrong(
            what,
            format!("not good for {host}, for {by}: {reason}"),
            "show one for the zone and the names below it (`--certificate` with its whole chain), or say whom to trust with --lab-authority",
        ),
    }
}

fn expiry(what: &str, shown: &Shown) -> Finding {
    let what = format!("{what}, its end");
    let Ok((_, leaf)) = X509Certificate::from_der(&shown.leaf) else {
        return Finding::wrong(what, "it cannot be read", "show another");
    };
    let end = leaf.validity().not_after.timestamp();
    let days = (end - Timestamp::now().as_second()).div_euclid(24 * 3600);
    let until = Timestamp::from_second(end).map(|end| end.to_string());
    let seen = format!("{} ({days} days)", until.unwrap_or_default());
    Finding::of(days >= DAYS_LEFT, what, seen, "renew it now")
}

async fn shake_hands(
    door: SocketAddr,
    host: &str,
    trusted: Option<&Path>,
) -> Result<Shown, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let look = Arc::new(Look {
        careful: careful(trusted)?,
        shown: Mutex::default(),
    });
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| said(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&look) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| said(&error))?;
    let talked = async {
        let stream = TcpStream::connect(door).await?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    };
    match timeout(PATIENCE, talked).await {
        Ok(Ok(_)) => Ok(std::mem::take(
            &mut *look.shown.lock().unwrap_or_else(PoisonError::into_inner),
        )),
        Ok(Err(error)) => Err(said(&error)),
        Err(_) => Err("no handshake in time".to_owned()),
    }
}

/// How a careful client would check it.
fn careful(trusted: Option<&Path>) -> Result<Arc<WebPkiServerVerifier>, String> {
    let mut roots = RootCertStore::empty();
    match trusted {
        Some(path) => {
            let root = CertificateDer::from_pem_file(path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            roots.add(root).map_err(|error| error.to_string())?;
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| format!("nothing is trusted on this machine: {error}"))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Goes through with every handshake, so that what is shown can be looked at, and keeps what a careful client would say.
/// Nothing but the handshake is done on such a connection.
#[derive(Debug)]
struct Look {
    careful: Arc<WebPkiServerVerifier>,
    shown: Mutex<Shown>,
}

impl ServerCertVerifier for Look {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let said = self.careful.verify_server_cert(leaf, rest, name, ocsp, now);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Shown {
            leaf: leaf.to_vec(),
            refusal: said.err().map(|error| error.to_string()),
        };
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.careful.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.careful.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.careful.supported_verify_schemes()
    }
}
