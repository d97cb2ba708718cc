use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};

use crate::canary::Zone;

use super::super::certificate::{CertificateError, Identity};
use super::super::dns::Issuance;
use super::super::limits::ACME_TIME;
use super::error::{AcmeError, told};
use super::folder::{Folder, names};
use super::http::Http;
use super::setting::Acme;

/// What an authority says of an account that it does not know (any more).
const UNKNOWN_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Who has a certificate issued: from the account to the order, the proofs and the chain.
pub(super) struct Applicant<'a> {
    pub(super) acme: &'a Acme,
    pub(super) zone: &'a Zone,
    pub(super) folder: &'a Folder,
    pub(super) issuance: &'a Issuance,
}

impl Applicant<'_> {
    /// Has a certificate issued, and keeps it.
    pub(super) async fn obtain(&self) -> Result<Identity, CertificateError> {
        let http = Http::new(self.acme)?;
        self.allow(&http).await?;
        let mut order = match self.open(&http).await? {
            Some(order) => order,
            None => {
                self.folder.forget_account();
                let unknown = || self.refused("the authority does not know the account it made");
                self.open(&http).await?.ok_or_else(unknown)?
            }
        };
        self.prove(&mut order).await?;
        let failed = |error: Error| self.refused(&told(&error));
        let key = order.finalize().await.map_err(failed)?;
        let chain = order.poll_certificate(&patience()).await.map_err(failed)?;
        self.folder.keep_certificate(self.zone, &chain, &key)
    }

    /// Lets the authority issue before it is asked to.
    async fn allow(&self, http: &Http) -> Result<(), AcmeError> {
        let directory = &self.acme.directory;
        let named = http.authorities(directory).await.map_err(|error| {
            let (directory, reason) = (directory.clone(), told(&error));
            AcmeError::Directory { directory, reason }
        })?;
        let all = self.acme.authorities.iter().chain(&named);
        self.issuance.allow(all.map(String::as_str));
        Ok(())
    }

    /// Opens an order; none if the kept account is not known any more.
    async fn open(&self, http: &Http) -> Result<Option<Order>, CertificateError> {
        let account = self.account(http).await?;
        let names = names(self.zone).map(Identifier::Dns);
        match account.new_order(&NewOrder::new(&names)).await {
            Ok(order) => Ok(Some(order)),
            Err(Error::Api(problem)) if problem.r#type.as_deref() == Some(UNKNOWN_ACCOUNT) => {
                Ok(None)
            }
            Err(error) => Err(self.refused(&told(&error)).into()),
        }
    }

    /// The kept account, or a new one.
    async fn account(&self, http: &Http) -> Result<Account, CertificateError> {
        let builder = Account::builder_with_http(Box::new(http.clone()));
        let failed = |error: Error| self.refused(&told(&error));
        if let Some(kept) = self.folder.account() {
            return Ok(builder.from_credentials(kept).await.map_err(failed)?);
        }
        let contact: Vec<&str> = self.acme.contacts.iter().map(String::as_str).collect();
        let asked = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let made = builder.create(&asked, self.acme.directory.clone(), None);
        let (account, kept) = made.await.map_err(failed)?;
        self.folder.keep_account(&kept)?;
        Ok(account)
    }

    /// Shows all proofs at once, and has the authority look: the zone and its wildcard are proven at one and the same
    /// name.
    async fn prove(&self, order: &mut Order) -> Result<(), AcmeError> {
        let failed = |error: Error| self.refused(&told(&error));
        let proofs = proofs(order).await.map_err(failed)?;
        let _proving = self.issuance.prove(proofs);
        ask_to_look(order).await.map_err(failed)?;
        match order.poll_ready(&patience()).await {
            Ok(OrderStatus::Ready) => Ok(()),
            Ok(_) | Err(Error::Api(_)) => Err(self.unproven(objection(order).await)),
            Err(error) => Err(self.unproven(told(&error))),
        }
    }

    fn unproven(&self, reason: String) -> AcmeError {
        let zone = self.zone.clone();
        AcmeError::Proof { zone, reason }
    }

    fn refused(&self, reason: &str) -> AcmeError {
        let (zone, reason) = (self.zone.clone(), reason.to_owned());
        AcmeError::Order { zone, reason }
    }
}

/// How long to wait for an authority that is at work.
fn patience() -> RetryPolicy {
    RetryPolicy::new().timeout(ACME_TIME)
}

/// The proofs that the authority has not seen yet.
async fn proofs(order: &mut Order) -> Result<Vec<String>, Error> {
    let mut proofs = Vec::new();
    let mut open = order.authorizations();
    while let Some(authorization) = open.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Pending {
            let challenge = authorization.challenge(ChallengeType::Dns01);
            let challenge = challenge.ok_or(Error::Unsupported("proofs by DNS (dns-01)"))?;
            proofs.push(challenge.key_authorization().dns_value());
        }
    }
    Ok(proofs)
}

async fn ask_to_look(order: &mut Order) -> Result<(), Error> {
    let mut open = order.authorizations();
    while let Some(authorization) = open.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Pending
            && let Some(mut challenge) = authorization.challenge(ChallengeType::Dns01)
        {
            challenge.set_ready().await?;
        }
    }
    Ok(())
}

/// What the authority says against the first proof that it does not take; of the others it says the same.
async fn objection(order: &mut Order) -> String {
    let mut open = order.authorizations();
    while let Some(Ok(mut authorization)) = open.next().await {
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        let mut problems = state.challenges.iter().filter_map(|one| one.error.as_ref());
        if let Some(problem) = problems.next() {
            return problem.detail.clone().unwrap_or_else(|| told(problem));
        }
    }
    "it does not say why not".to_owned()
}
