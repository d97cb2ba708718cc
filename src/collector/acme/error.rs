use crate::canary::Zone;

/// What can keep an authority from issuing. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// Its directory cannot be read.
    #[error("read the ACME directory {directory}: {reason}")]
    Directory {
        /// Its address.
        directory: String,
        /// Why not.
        reason: String,
    },
    /// It does not issue.
    #[error("have a certificate issued for {zone}: {reason}")]
    Order {
        /// For what.
        zone: Zone,
        /// What the authority says.
        reason: String,
    },
    /// It cannot be shown that the zone is ours.
    #[error(
        "prove to the authority that {zone} is ours: {reason}; the parent zone must delegate it to this name server, \
         which must be reached on port 53 from everywhere"
    )]
    Proof {
        /// Which zone.
        zone: Zone,
        /// What the authority says.
        reason: String,
    },
}

/// An error with its causes: the outermost of an HTTP client's says only that something went wrong.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
