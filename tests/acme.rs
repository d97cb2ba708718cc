//! Certificates from an ACME authority: the real `pebble`, which looks for the proofs at our own name server.
//!
//! Needs what `ci/setup tools` installs. Nothing leaves this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::alone::setting;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use waxseal::canary::{Key, Zone};
use waxseal::collector::{Acme, Collector, Credentials, Setting, ZoneSetting};
use waxseal::model::{HitKind, Query, Record, RunId};
use waxseal::store::Store;

const RUN: RunId = RunId(0xc0de_0003);
const ZONE: &str = "canary.example";

/// A `pebble` of our own; ended with it.
struct Pebble(Child);

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a `pebble` is to be, and what it is known by.
struct Place {
    folder: TempDir,
    directory: SocketAddr,
    management: SocketAddr,
}

impl Place {
    /// Free ports, and a certificate by a root of its own.
    fn free() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listeners = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [directory, management, http, tls] =
            listeners.each_ref().map(|one| one.local_addr().unwrap());
        let (root, key) = authority();
        let leaf_key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let issuer = rcgen::Issuer::from_params(&root.0, &key);
        let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("root.pem"), root.1).unwrap();
        fs::write(at("cert.pem"), leaf.pem()).unwrap();
        fs::write(at("key.pem"), leaf_key.serialize_pem()).unwrap();
        let config = serde_json::json!({"pebble": {
            "listenAddress": directory.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": at("cert.pem"),
            "privateKey": at("key.pem"),
            "httpPort": http.port(),
            "tlsPort": tls.port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        fs::write(at("config.json"), config.to_string()).unwrap();
        Self {
            folder,
            directory,
            management,
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    fn url(&self) -> String {
        format!("https://{}/dir", self.directory)
    }

    /// Starts it, and waits until it answers.
    async fn start(&self, dns: SocketAddr) -> Pebble {
        let child = Command::new("pebble")
            .arg("-config")
            .arg(self.folder.path().join("config.json"))
            .args(["-dnsserver", &dns.to_string()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("pebble: {error}; see `ci/setup tools`"));
        let pebble = Pebble(child);
        let answers = async {
            while self.get(&self.url()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let started = tokio::time::timeout(Duration::from_secs(60), answers);
        started.await.expect("pebble answers");
        pebble
    }

    async fn get(&self, url: &str) -> reqwest::Result<String> {
        let root = fs::read(self.root()).unwrap();
        let root = CertificateDer::from_pem_slice(&root).unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(trusting(root))
            .build()?;
        client.get(url).send().await?.text().await
    }

    /// The root that what it issues ends in. It draws a new one at each start.
    async fn issuing_root(&self) -> CertificateDer<'static> {
        let url = format!("https://{}/roots/0", self.management);
        let root = self.get(&url).await.unwrap();
        CertificateDer::from_pem_slice(root.as_bytes()).unwrap()
    }
}

/// A root's parameters and certificate, and its key.
fn authority() -> ((rcgen::CertificateParams, String), rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = root.self_signed(&key).unwrap().pem();
    ((root, pem), key)
}

fn trusting(root: CertificateDer<'static>) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

struct House {
    collector: Collector,
    store: Arc<Store>,
    folder: TempDir,
}

impl House {
    async fn open(place: &Place, folder: TempDir) -> Self {
        let store = Arc::new(Store::open(&folder.path().join("evidence.db")).unwrap());
        let setting = Setting {
            zone: Some(ZoneSetting {
                zone: Zone::parse(ZONE).unwrap(),
                listen: vec!["127.0.0.1:0".parse().unwrap()],
                addresses: Vec::new(),
            }),
            credentials: Credentials::Acme(Acme {
                directory: place.url(),
                contacts: vec!["mailto:somebody@example.org".to_owned()],
                root: Some(place.root()),
                folder: folder.path().join("acme"),
                authorities: vec!["pki.example".to_owned()],
            }),
            ..setting(Key::new([4; 32]), RUN)
        };
        let collector = Collector::start(setting, store.clone()).await.unwrap();
        Self {
            collector,
            store,
            folder,
        }
    }

    /// Renews as the collector does in time. Of twenty good nonces `pebble` refuses one, and where it does so three times
    /// in a row for one question the collector would come again later.
    async fn renew(&self) -> Result<(), String> {
        loop {
            match self.collector.renew_certificate().await {
                Ok(()) => return Ok(()),
                Err(error) if error.to_string().contains("badNonce") => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn dns(&self) -> SocketAddr {
        self.collector.dns().unwrap()
    }

    /// The leaf that a careful client is shown for a host; the reason why it is not trusted otherwise.
    async fn shown(&self, root: CertificateDer<'static>, host: &str) -> Result<Vec<u8>, String> {
        let connector = tokio_rustls::TlsConnector::from(Arc::new(trusting(root)));
        let stream = tokio::net::TcpStream::connect(self.collector.address().unwrap())
            .await
            .unwrap();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let stream = connector.connect(name, stream).await;
        let stream = stream.map_err(|error| error.to_string())?;
        Ok(stream.get_ref().1.peer_certificates().unwrap()[0].to_vec())
    }

    /// Ends all visits, and gives the questions that came.
    async fn queries(&self) -> Vec<Query> {
        assert_eq!(self.collector.stop().await, None, "nothing may be missing");
        let entries = self.store.evidence(RUN).unwrap().entries.into_iter();
        let queries = entries.filter_map(|entry| match entry.record {
            Record::Hit(hit) => match hit.kind {
                HitKind::Dns(query) => Some(query),
                _ => None,
            },
            _ => None,
        });
        queries.collect()
    }

    fn kept(&self) -> Vec<PathBuf> {
        let inner = fs::read_dir(self.folder.path().join("acme")).unwrap();
        let inner = inner.map(|entry| entry.unwrap().path()).next().unwrap();
        let mut files: Vec<PathBuf> = fs::read_dir(inner)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files
    }
}

/// What the zone says about who may issue, as dig writes it.
fn allowed(dns: SocketAddr) -> String {
    let asked = Command::new("dig")
        .args([&format!("@{}", dns.ip()), "-p", &dns.port().to_string()])
        .args(["+short", ZONE, "CAA"])
        .output()
        .unwrap_or_else(|error| panic!("dig: {error}; see `ci/setup tools`"));
    String::from_utf8(asked.stdout).unwrap()
}

fn host() -> String {
    format!("{}.{ZONE}", "b".repeat(45))
}

/// Proofs are looked for by the authority at our own name server, which records that it did.
#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_is_issued_and_shown_and_kept_and_its_proofs_are_in_the_evidence() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::free();
    let house = House::open(&place, tempfile::tempdir().unwrap()).await;
    let _pebble = place.start(house.dns()).await;
    house.renew().await.unwrap();
    let root = place.issuing_root().await;
    for name in [host(), ZONE.to_owned()] {
        let leaf = house.shown(root.clone(), &name).await.unwrap();
        let text = String::from_utf8_lossy(&leaf).to_lowercase();
        for word in ["waxseal", "rcgen", "audit"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
    let identity = house.collector.identity();
    assert_eq!(house.collector.certificate_expiry(), identity.until());
    let mut names = identity.names().to_vec();
    names.sort();
    assert_eq!(names, ["*.canary.example", "canary.example"]);
    for file in house.kept() {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(
        allowed(house.dns()),
        "0 issue \"pki.example\"\n0 issuewild \"pki.example\"\n"
    );
    house.renew().await.unwrap();
    let again = house.collector.identity();
    assert_eq!(again.chain(), identity.chain(), "it is good for long");
    let queries = house.queries().await;
    let proofs = queries.iter().filter(|query| {
        query.name.to_lowercase() == "_acme-challenge.canary.example." && query.type_name == "TXT"
    });
    let answered = proofs.filter(|query| query.reply.as_ref().is_some_and(|said| said.code == 0));
    assert!(answered.count() >= 2, "{queries:?}");

    // What is kept is shown by the next collector at once, which asks nobody: its directory is not there any more.
    drop(_pebble);
    let next = House::open(&place, house.folder).await;
    next.renew().await.unwrap();
    assert_eq!(next.collector.identity().chain(), identity.chain());
    next.shown(root, &host()).await.unwrap();
    next.collector.stop().await;
}

/// What is kept ends soon, so a new one takes its place as soon as the authority can be reached, without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_soon_is_replaced_while_the_collector_runs() {
    let place = Place::free();
    let folder = tempfile::tempdir().unwrap();
    let old = ends_soon(&place, folder.path());
    let house = House::open(&place, folder).await;
    let told = house.renew().await.unwrap_err();
    assert!(
        told.starts_with("read the ACME directory https://127"),
        "{told}"
    );
    assert!(told.contains("refused"), "the cause as well: {told}");
    let expiry = house.collector.certificate_expiry();
    house.shown(old, &host()).await.unwrap();

    let _pebble = place.start(house.dns()).await;
    house.renew().await.unwrap();
    house
        .shown(place.issuing_root().await, &host())
        .await
        .unwrap();
    assert!(house.collector.certificate_expiry() > expiry);
    house.collector.stop().await;
}

/// Keeps a certificate that is past two thirds of its life, and gives what it is trusted by.
fn ends_soon(place: &Place, folder: &Path) -> CertificateDer<'static> {
    let names = vec![ZONE.to_owned(), format!("*.{ZONE}")];
    let mut leaf = rcgen::CertificateParams::new(names).unwrap();
    let now = waxseal::model::Timestamp::now();
    let day = |days: i64| {
        let then = now + jiff::SignedDuration::from_hours(24 * days);
        let date = then.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(date.year().into(), month, day)
    };
    (leaf.not_before, leaf.not_after) = (day(-80), day(10));
    let ((root, _), root_key) = authority();
    let key = rcgen::KeyPair::generate().unwrap();
    let root_certificate = root.self_signed(&root_key).unwrap();
    let leaf = leaf
        .signed_by(&key, &rcgen::Issuer::from_params(&root, &root_key))
        .unwrap();
    let inner = place.url().replace([':', '/'], "-");
    let inner = folder.join("acme").join(inner);
    fs::create_dir_all(&inner).unwrap();
    let text = format!("{}{}", key.serialize_pem(), leaf.pem());
    fs::write(inner.join(format!("{ZONE}.pem")), text).unwrap();
    root_certificate.der().clone()
}

/// The authority asks a name server that is not there: one clear message, nothing issued, and the next try much later.
#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_is_delegated_elsewhere_is_told_and_not_tried_at_once_again() {
    let place = Place::free();
    // A port that no server of ours or of another test can have.
    let _pebble = place.start(SocketAddr::from(([127, 0, 0, 1], 1))).await;
    let house = House::open(&place, tempfile::tempdir().unwrap()).await;
    let lab = house.collector.identity();
    let told = house.renew().await.unwrap_err();
    for part in [
        "prove to the authority that canary.example is ours: ",
        "TXT",
        "connection refused",
        "the parent zone must delegate it to this name server",
    ] {
        assert!(told.contains(part), "{part} is not in: {told}");
    }
    assert_eq!(told.matches("connection refused").count(), 1, "{told}");
    assert_eq!(house.collector.identity().chain(), lab.chain());
    assert_eq!(house.queries().await, [], "nobody asked us");
}

/// Without an authority a lab certificate is shown, and the log says so once.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_directory_leaves_a_lab_certificate_and_says_so() {
    let place = Place::free();
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(&place, folder.path());
    let told = tokio::task::spawn_blocking(move || {
        let told = serving.first_warning();
        (told, serving.shakes_hands())
    });
    let (told, shakes_hands) = told.await.unwrap();
    for part in [
        "failed to read the ACME directory",
        "trying again in",
        "a lab certificate",
    ] {
        assert!(told.contains(part), "{part} is not in: {told}");
    }
    assert!(shakes_hands);
}

/// `waxseal serve` as a process of its own; ended with it.
struct Serving {
    child: Child,
    address: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(place: &Place, folder: &Path) -> Self {
        use std::io::BufRead as _;
        let mut child = Command::new(env!("CARGO_BIN_EXE_waxseal"))
            .args([
                "--color",
                "never",
                "serve",
                "--zone",
                ZONE,
                "--acme",
                &place.url(),
            ])
            .arg("--acme-root")
            .arg(place.root())
            .current_dir(folder)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        std::io::BufReader::new(out).read_line(&mut line).unwrap();
        let port = line.split(['*', ',', ' ']).find_map(|word| {
            let port = word.strip_prefix(&format!(".{ZONE}:"))?;
            Some(port.to_owned())
        });
        let address = format!("127.0.0.1:{}", port.expect(&line));
        Self { child, address }
    }

    fn first_warning(&mut self) -> String {
        use std::io::BufRead as _;
        let mut line = String::new();
        let log = self.child.stderr.as_mut().unwrap();
        std::io::BufReader::new(log).read_line(&mut line).unwrap();
        line
    }

    fn shakes_hands(&self) -> bool {
        let shaken = Command::new("openssl")
            .args(["s_client", "-connect", &self.address])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&shaken.stdout).into_owned();
        shaken.status.success() && told.contains("BEGIN CERTIFICATE")
    }
}
