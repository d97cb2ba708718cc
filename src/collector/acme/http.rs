use std::pin::Pin;

use bytes::Bytes;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use serde::Deserialize;

use super::super::certificate::{CertificateError, trusting};
use super::super::limits::ACME_REQUEST_TIME;
use super::error::{AcmeError, told};
use super::setting::Acme;

/// How an authority is spoken to.
#[derive(Clone)]
pub(super) struct Http(reqwest::Client);

impl Http {
    pub(super) fn new(acme: &Acme) -> Result<Self, CertificateError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(trusting(acme.root.as_deref())?)
            .https_only(true)
            .timeout(ACME_REQUEST_TIME)
            .build();
        client.map(Self).map_err(|error| {
            let (directory, reason) = (acme.directory.clone(), told(&error));
            AcmeError::Directory { directory, reason }.into()
        })
    }

    /// The names by which the authority says that CAA records allow it (RFC 8555 section 7.1.1).
    pub(super) async fn authorities(&self, directory: &str) -> Result<Vec<String>, reqwest::Error> {
        let answer = self.0.get(directory).send().await?.error_for_status()?;
        // What is wrong with the rest of it is told when it is used.
        let read = serde_json::from_slice::<Directory>(&answer.bytes().await?);
        Ok(read.map_or_else(|_| Vec::new(), |directory| directory.meta.caa_identities))
    }
}

#[derive(Debug, Deserialize)]
struct Directory {
    #[serde(default)]
    meta: Meta,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    caa_identities: Vec<String>,
}

impl HttpClient for Http {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let other = |error: reqwest::Error| Error::Other(Box::new(error));
            let request = request.map(reqwest::Body::wrap);
            let request = reqwest::Request::try_from(request).map_err(other)?;
            let answer = client.execute(request).await.map_err(other)?;
            Ok(http::Response::<reqwest::Body>::from(answer).into())
        })
    }
}
