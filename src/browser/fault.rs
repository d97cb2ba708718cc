use std::time::Duration;

use fantoccini::error::{CmdError, ErrorStatus};

use crate::diagnostic::printable;

/// How long a message from the driver may be. What is shown is shorter: it is cut once more after it was redacted, so
/// that no cut goes through a secret.
const MESSAGE: usize = 20_000;

/// What went wrong between us and a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    pub(super) kind: Kind,
    pub(super) message: String,
}

/// What a fault means for whoever may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The browser or its driver is gone: nothing more can be done in this session.
    Gone,
    /// Trying again gives the same.
    Lasting,
    /// The page was not ready; it may be in a moment.
    Passing,
}

impl Fault {
    /// Whether the browser or its driver is gone, rather than the page not being as expected.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.kind == Kind::Gone
    }

    pub(super) fn is_passing(&self) -> bool {
        self.kind == Kind::Passing
    }

    /// Nothing more can be done: whoever should act is not there any more.
    pub fn gone(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Gone,
            message: message.into(),
        }
    }

    /// Trying again would give the same.
    pub fn lasting(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Lasting,
            message: message.into(),
        }
    }

    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Passing,
            message: message.into(),
        }
    }

    pub(super) fn silent(limit: Duration) -> Self {
        Self::gone(format!(
            "the browser is gone: no answer within {} s",
            limit.as_secs()
        ))
    }
}

impl Fault {
    /// What a driver answered, and whether it was asked about a page in a frame: one that the page around it took away is
    /// said in the same words as a window that is gone.
    pub(super) fn of(error: &CmdError, in_frame: bool) -> Self {
        let kind = match kind(error) {
            Kind::Gone if in_frame && is_no_window(error) => Kind::Passing,
            kind => kind,
        };
        let message = match error {
            // The lines below the first hold versions and stack traces.
            CmdError::Standard(answer) => printable(first_line(&answer.message), MESSAGE),
            other => printable(&other.to_string(), MESSAGE),
        };
        match kind {
            Kind::Gone => Self::gone(format!("the browser is gone: {message}")),
            kind => Self { kind, message },
        }
    }
}

fn is_no_window(error: &CmdError) -> bool {
    matches!(error, CmdError::Standard(answer) if answer.error == ErrorStatus::NoSuchWindow)
}

fn kind(error: &CmdError) -> Kind {
    match error {
        CmdError::Failed(_) | CmdError::FailedC(_) | CmdError::Lost(_) => Kind::Gone,
        CmdError::Standard(answer) => match answer.error {
            ErrorStatus::InvalidSessionId | ErrorStatus::NoSuchWindow => Kind::Gone,
            _ if is_obituary(&answer.message) => Kind::Gone,
            ErrorStatus::InvalidSelector
            | ErrorStatus::InvalidArgument
            | ErrorStatus::UnknownCommand
            | ErrorStatus::UnknownMethod
            | ErrorStatus::UnsupportedOperation => Kind::Lasting,
            _ => Kind::Passing,
        },
        CmdError::BadUrl(_) => Kind::Passing,
        _ => Kind::Lasting,
    }
}

/// Drivers have no error code of their own for a browser that died; they say `unknown error` and one of these.
fn is_obituary(message: &str) -> bool {
    [
        "chrome not reachable",
        "disconnected",
        "tab crashed",
        "not connected to DevTools",
        "decode response from marionette",
        "without establishing a connection",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default().trim()
}
