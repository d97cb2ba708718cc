//! Visits to links: each visitor comes from its own address, trusts any certificate, and is not told of proxies.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::RANGE;
use reqwest::{Client, RequestBuilder, Response};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use url::Url;

use super::persona::Visitor;
use super::preview::{Card, Picture, read};
use super::server::PracticeError;
use super::world::{Names, Resolver};

/// How long a visit may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most that is taken of anything, in bytes.
const MOST: usize = 1 << 20;
/// What a reader of parts asks for, in bytes.
const PART: &str = "bytes=0-1023";
/// After how many bytes it breaks a whole fetch off.
const ENOUGH: usize = 16 << 10;

/// Somebody who visits links.
#[derive(Debug, Clone)]
pub(super) struct Visiting {
    client: Client,
    resolver: Resolver,
}

impl Visiting {
    pub(super) fn new(
        visitor: Visitor,
        agent: Option<&str>,
        names: Option<&Names>,
    ) -> Result<Self, PracticeError> {
        let resolver = Resolver::from(visitor.address(), names);
        let mut client = Client::builder()
            .local_address(visitor.address())
            .no_proxy()
            .timeout(PATIENCE)
            .tls_backend_preconfigured(trusting_anybody()?)
            // Every visit is one of its own, as with a provider that has many machines.
            .pool_max_idle_per_host(0);
        if let Some(agent) = agent {
            client = client.user_agent(agent);
        }
        if let Some(resolver) = resolver.of_clients() {
            client = client.dns_resolver(resolver);
        }
        Ok(Self {
            client: client.build()?,
            resolver,
        })
    }

    pub(super) async fn head(&self, link: &Url) {
        let _ = answer(self.client.request(Method::HEAD, link.clone())).await;
    }

    /// Fetches a page, as far as anybody needs it.
    pub(super) async fn page(&self, link: &Url) -> Option<Vec<u8>> {
        let page = answer(self.client.get(link.clone())).await?;
        Some(take(page, MOST).await)
    }

    /// Fetches a page and its image, and makes a card of them.
    pub(super) async fn card(&self, link: &Url) -> Option<Card> {
        let page = answer(self.client.get(link.clone())).await?;
        let at = page.url().clone();
        let (card, image) = read(&take(page, MOST).await, &at);
        let image = match image {
            Some(image) => self.page(&image).await.and_then(Picture::of),
            None => None,
        };
        Some(Card { image, ..card })
    }

    /// Asks for a part, then for everything, and breaks that off.
    pub(super) async fn part(&self, link: &Url) {
        let part = self.client.get(link.clone()).header(RANGE, PART);
        if let Some(part) = answer(part).await {
            let _ = take(part, MOST).await;
        }
        if let Some(whole) = answer(self.client.get(link.clone())).await {
            let _ = take(whole, ENOUGH).await;
        }
    }

    /// Looks a host up, and does nothing else.
    pub(super) async fn look_up(&self, host: &str) {
        if let Err(error) = self.resolver.look_up(host).await {
            tracing::debug!(%error, "a practice look-up was not answered");
        }
    }
}

async fn answer(request: RequestBuilder) -> Option<Response> {
    let answered = request.send().await;
    answered
        .inspect_err(|error| tracing::debug!(%error, "a practice visit was not answered"))
        .ok()
}

/// Takes at least so much of an answer where there is so much, and breaks the rest off.
async fn take(mut from: Response, most: usize) -> Vec<u8> {
    let mut taken = Vec::new();
    while taken.len() < most {
        match from.chunk().await {
            Ok(Some(chunk)) => taken.extend_from_slice(&chunk),
            _ => break,
        }
    }
    taken
}

fn trusting_anybody() -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth())
}

/// Trusts any certificate, as link scanners do: what they look for is not trustworthy anyway.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _rest: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            leaf,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            leaf,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
