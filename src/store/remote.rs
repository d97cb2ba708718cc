use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::sqlite::{RunRow, StoreError};
use super::{EvidenceStore, Pending, Unfinished};
use crate::model::{Entry, Evidence, Gap, Record, RunId, Timestamp};

/// For one answer of the collector. A record that takes longer was most likely not kept.
const ANSWER_TIME: Duration = Duration::from_secs(15);

/// Records in one page: some megabytes at the most usual sizes.
const PAGE: u32 = 1000;

/// The header that says who asks, among several who have the same secret: drawn for each.
pub const HOLDER: HeaderName = HeaderName::from_static("waxseal-holder");

/// The evidence store of a collector elsewhere: what [`EvidenceStore`] asks goes over HTTPS to its own interface.
#[derive(Debug)]
pub struct RemoteStore {
    address: Url,
    client: Client,
}

/// What a collector gives to a run that registers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registered {
    /// The run's name.
    pub run: RunId,
    /// The run's mint, as [`crate::canary::Mint::secret`] writes it.
    pub mint: String,
    /// The address in the links; a `*` in it stands for the host token.
    pub public: String,
    /// Where the collector answers for its zone, if it does and says where.
    pub dns: Option<SocketAddr>,
    /// Certificates (PEM) that its own leads up to, for clients that do not know them.
    pub roots: Vec<String>,
    /// What the collector's clock said.
    pub at: Timestamp,
}

/// How a collector is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Health {
    /// What its clock says.
    pub at: Timestamp,
    /// What it has missed and could not write down so far.
    pub gap: Option<Gap>,
}

/// Some records of a run, the oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The records.
    pub entries: Vec<Entry>,
    /// Where the next page begins: to be given as `after`.
    pub next: u64,
    /// Whether there are more by now.
    pub more: bool,
}

/// What an interface says when it refuses.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: String,
}

impl RemoteStore {
    /// Where the collector's interface is (`https://HOST:PORT`), the secret it asks for, and a certificate (PEM) to trust
    /// beside the machine's own.
    ///
    /// # Errors
    /// One of them is not what it should be.
    pub fn new(address: &str, secret: &str, root: Option<&[u8]>) -> Result<Self, StoreError> {
        let wrong = |reason: &str| StoreError::Remote {
            address: shown(address),
            reason: reason.to_owned(),
        };
        let unlike = || wrong("it must look like https://HOST:PORT, without a secret in it");
        let address = Url::parse(address).map_err(|_| unlike())?;
        let is_bare = address.path() == "/" && address.query().is_none();
        if address.scheme() != "https"
            || !is_bare
            || address.password().is_some()
            || !address.username().is_empty()
        {
            return Err(unlike());
        }
        let mut bearer = HeaderValue::try_from(format!("Bearer {secret}"))
            .map_err(|_| wrong("the secret holds characters that no header may"))?;
        bearer.set_sensitive(true);
        let holder = getrandom::u64().map_err(|error| wrong(&format!("no dice: {error}")))?;
        let headers = [(AUTHORIZATION, bearer), (HOLDER, holder.into())];
        let client = Client::builder()
            .default_headers(HeaderMap::from_iter(headers))
            .https_only(true)
            // A redirect would carry records, and perhaps the secret, elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_TIME);
        let tls = trusting(root).map_err(|reason| wrong(&reason))?;
        let client = client.tls_backend_preconfigured(tls).build();
        let client = client.map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { address, client })
    }

    /// Registers a run.
    ///
    /// # Errors
    /// The collector cannot be reached, or refuses.
    pub async fn register(&self) -> Result<Registered, StoreError> {
        self.ask(self.client.post(self.at("runs"))).await
    }

    /// What a run that is registered already was given, for whoever takes it up again.
    ///
    /// # Errors
    /// The collector cannot be reached, refuses, or does not have the run any more.
    pub async fn registered(&self, run: RunId) -> Result<Registered, StoreError> {
        let asked = self.client.get(self.at(&format!("runs/{run}")));
        self.ask(asked).await.map_err(|error| named(error, run))
    }

    /// The runs that are not over, the oldest first.
    ///
    /// # Errors
    /// The collector cannot be reached, or refuses.
    pub async fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        self.ask(self.client.get(self.at("unfinished"))).await
    }

    /// Takes a run in hand for some seconds.
    pub(super) async fn take(&self, run: RunId) -> Result<(), StoreError> {
        self.hold(self.client.post(self.at_hold(run)), run).await
    }

    /// Keeps it in hand for some seconds more.
    pub(super) async fn renew(&self, run: RunId) -> Result<(), StoreError> {
        self.hold(self.client.put(self.at_hold(run)), run).await
    }

    /// Lets it go.
    pub(super) async fn let_go(&self, run: RunId) -> Result<(), StoreError> {
        self.hold(self.client.delete(self.at_hold(run)), run).await
    }

    async fn hold(&self, asked: RequestBuilder, run: RunId) -> Result<(), StoreError> {
        self.ask(asked).await.map_err(|error| named(error, run))
    }

    fn at_hold(&self, run: RunId) -> Url {
        self.at(&format!("runs/{run}/hold"))
    }

    /// How the collector is.
    ///
    /// # Errors
    /// The collector cannot be reached, or refuses.
    pub async fn health(&self) -> Result<Health, StoreError> {
        self.ask(self.client.get(self.at("health"))).await
    }

    /// Records of a run behind the one with number `after`. Reading takes nothing away, and any number may read.
    ///
    /// # Errors
    /// The collector cannot be reached, refuses, or does not have the run any more.
    pub async fn page(&self, run: RunId, after: u64) -> Result<Page, StoreError> {
        let asked = self.client.get(self.at(&format!("runs/{run}/records")));
        let asked = asked.query(&[("after", after), ("limit", PAGE.into())]);
        self.ask(asked).await.map_err(|error| named(error, run))
    }

    fn at(&self, path: &str) -> Url {
        let mut address = self.address.clone();
        address.set_path(&format!("/v1/{path}"));
        address
    }

    async fn ask<T: DeserializeOwned>(&self, asked: RequestBuilder) -> Result<T, StoreError> {
        let answer = asked.send().await.map_err(|error| self.failed(&error))?;
        let status = answer.status();
        if status.is_success() {
            return answer.json().await.map_err(|error| self.failed(&error));
        }
        let said = answer.json().await;
        let said = said.map_or_else(|_| status.to_string(), |Refusal { error }| error);
        Err(match status {
            StatusCode::GONE => StoreError::Gone(said),
            StatusCode::CONFLICT => StoreError::Held(RunId(0)),
            // Whoever has no secret is not told that there is an interface.
            StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED => {
                self.wrong("there is no collector's interface, or it does not take the secret in WAXSEAL_SECRET".to_owned())
            }
            StatusCode::FORBIDDEN => self.wrong("the secret in WAXSEAL_SECRET may only read".to_owned()),
            _ => self.wrong(said),
        })
    }

    /// The whole chain of reasons: the last one is what helps.
    fn failed(&self, error: &reqwest::Error) -> StoreError {
        let mut reason = without_address(error);
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            reason = format!("{reason}: {inner}");
            source = inner.source();
        }
        self.wrong(reason)
    }

    fn wrong(&self, reason: String) -> StoreError {
        let address = self.address.to_string();
        StoreError::Remote { address, reason }
    }
}

/// Trusts the machine's roots, and those in `pem`.
fn trusting(pem: Option<&[u8]>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = pem {
        let own: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let own =
            own.map_err(|error| format!("the certificate to trust cannot be read: {error}"))?;
        if roots.add_parsable_certificates(own).0 == 0 {
            return Err("there is no certificate (PEM) in the file to trust".to_owned());
        }
    }
    // Named: what the process's default is would depend on which crates happen to be compiled in.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| error.to_string())?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// What went wrong, without the address, which is said already.
fn without_address(error: &reqwest::Error) -> String {
    let text = error.to_string();
    text.split(" for url (")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// An address that may hold a secret is not shown whole.
fn shown(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((_, host)) => format!("https://…@{host}"),
        None => address.to_owned(),
    }
}

fn named(error: StoreError, run: RunId) -> StoreError {
    match error {
        StoreError::Gone(_) => StoreError::Gone(run.to_string()),
        StoreError::Held(_) => StoreError::Held(run),
        error => error,
    }
}

impl EvidenceStore for RemoteStore {
    fn append<'a>(&'a self, run: RunId, record: &'a Record) -> Pending<'a, u64> {
        Box::pin(async move {
            let asked = self.client.post(self.at(&format!("runs/{run}/records")));
            // Never twice: whether a lost answer's record was kept is not known.
            self.ask(asked.json(record))
                .await
                .map_err(|error| named(error, run))
        })
    }

    fn append_within<'a>(
        &'a self,
        most: Duration,
        run: RunId,
        record: &'a Record,
    ) -> Pending<'a, u64> {
        Box::pin(async move {
            let appended = tokio::time::timeout(most, self.append(run, record)).await;
            appended.unwrap_or(Err(StoreError::Slow(most)))
        })
    }

    fn append_all_within<'a>(
        &'a self,
        most: Duration,
        run: RunId,
        records: &'a [Record],
    ) -> Pending<'a, u64> {
        Box::pin(async move {
            let mut first = None;
            for record in records {
                let number = self.append_within(most, run, record).await?;
                first.get_or_insert(number);
            }
            Ok(first.unwrap_or_default())
        })
    }

    fn evidence(&self, run: RunId) -> Pending<'_, Evidence> {
        Box::pin(async move {
            let (mut entries, mut after) = (Vec::new(), 0);
            loop {
                let page = self.page(run, after).await?;
                entries.extend(page.entries);
                after = page.next;
                if !page.more {
                    return Ok(Evidence { run, entries });
                }
            }
        })
    }

    fn runs(&self) -> Pending<'_, Vec<RunRow>> {
        Box::pin(self.ask(self.client.get(self.at("runs"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_and_over_tls() {
        assert!(RemoteStore::new("https://collector.example:8443", "s", None).is_ok());
        for wrong in [
            "http://collector.example",
            "https://user:hidden@collector.example",
            "https://collector.example/path",
            "https://collector.example/?token=hidden",
            "collector",
        ] {
            let told = RemoteStore::new(wrong, "s", None).unwrap_err().to_string();
            assert!(told.contains("https"), "{told}");
            assert!(!told.contains("user:hidden"), "{told}");
        }
        let root = RemoteStore::new(
            "https://a.example",
            "s",
            Some(b"-----BEGIN CERTIFICATE-----\n"),
        );
        assert!(root.is_err());
        assert!(RemoteStore::new("https://a.example", "new\nline", None).is_err());
    }
}
