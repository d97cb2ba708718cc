use std::process::ExitCode;

use super::out::complain;
use crate::audit::{AuditError, GivenError};
use crate::collector::{CertificateError, CollectorError};
use crate::diagnostic::printable;
use crate::verdict::ExitStatus;

/// How a verb ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exit(pub(super) ExitStatus);

impl From<Exit> for ExitCode {
    fn from(Exit(status): Exit) -> Self {
        Self::from(status as u8)
    }
}

/// Why a verb did not come to its end: one message, and the exit status.
#[derive(Debug)]
pub(super) struct Stopped {
    message: Message,
    status: ExitStatus,
}

#[derive(Debug)]
enum Message {
    /// Completes "failed to …".
    Fragment(String),
    /// Mistakes in a scenario, ready to be shown.
    Rendered(String),
}

impl Stopped {
    /// A scenario is wrong.
    pub(super) const fn mistakes(rendered: String) -> Self {
        Self {
            message: Message::Rendered(rendered),
            status: ExitStatus::Usage,
        }
    }

    /// Something on the command line, or in a file named there, is wrong.
    pub(super) fn usage(error: impl std::fmt::Display) -> Self {
        Self {
            message: Message::Fragment(error.to_string()),
            status: ExitStatus::Usage,
        }
    }

    /// The world is not as it must be.
    pub(super) fn could_not_run(error: impl std::fmt::Display) -> Self {
        Self {
            message: Message::Fragment(error.to_string()),
            status: ExitStatus::CouldNotRun,
        }
    }

    /// Why, in words that may hold anything.
    pub(super) fn message(&self) -> &str {
        match &self.message {
            Message::Fragment(text) | Message::Rendered(text) => text,
        }
    }

    pub(super) fn tell(self) -> ExitCode {
        match &self.message {
            Message::Fragment(text) => complain(&format!(
                "waxseal: failed to {}
",
                printable(text, 2000)
            )),
            Message::Rendered(text) => complain(text),
        }
        Exit(self.status).into()
    }
}

impl From<AuditError> for Stopped {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Given(GivenError::Variable { .. })
            | AuditError::Public(_)
            | AuditError::Collector(CollectorError::Certificate(CertificateError::NoZone))
            | AuditError::Elsewhere { .. } => Self::usage(error),
            _ => Self::could_not_run(error),
        }
    }
}

/// What clap has to say: help and version are no mistakes.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    let status = if error.use_stderr() {
        ExitStatus::Usage
    } else {
        ExitStatus::Met
    };
    Exit(status).into()
}
