use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hickory_proto::rr::Name;
use hickory_proto::rr::rdata::CAA;

/// What the zone says to authorities that issue certificates: who may (RFC 8659), and the proofs that an open order asks
/// for (RFC 8555 section 8.4). It changes while questions are answered.
#[derive(Debug, Default)]
pub(in super::super) struct Issuance(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    allowed: Vec<Name>,
    proofs: Vec<String>,
}

impl Issuance {
    /// Lets these authorities issue, named as their directories name them; nobody else.
    pub(in super::super) fn allow<'a>(&self, authorities: impl IntoIterator<Item = &'a str>) {
        let names = authorities.into_iter();
        self.write().allowed = names
            .filter_map(|name| Name::from_ascii(name).ok())
            .collect();
    }

    /// Shows proofs, all at once, until what is returned goes out of scope.
    pub(in super::super) fn prove(&self, proofs: Vec<String>) -> Proving<'_> {
        self.write().proofs = proofs;
        Proving(self)
    }

    pub(super) fn proofs(&self) -> Vec<String> {
        self.read().proofs.clone()
    }

    pub(super) fn is_proving(&self) -> bool {
        !self.read().proofs.is_empty()
    }

    /// Who may issue for the zone's names, and for all of them at once. Where nobody may, nobody is told to: a
    /// certificate would publish the name.
    pub(super) fn policy(&self) -> Vec<CAA> {
        let allowed = self.read().allowed.clone();
        if allowed.is_empty() {
            return vec![CAA::new_issue(false, None, Vec::new())];
        }
        let both = |name: Name| {
            [
                CAA::new_issue(false, Some(name.clone()), Vec::new()),
                CAA::new_issuewild(false, Some(name), Vec::new()),
            ]
        };
        allowed.into_iter().flat_map(both).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Proofs that are shown.
#[derive(Debug)]
pub(in super::super) struct Proving<'a>(&'a Issuance);

impl Drop for Proving<'_> {
    fn drop(&mut self) {
        self.0.write().proofs.clear();
    }
}
