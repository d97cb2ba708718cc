/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it must be.
    Fine,
    /// Not as it must be.
    Wrong,
    /// Nobody can tell from here.
    Unsure,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it is.
    pub state: State,
    /// What was looked at.
    pub what: String,
    /// What was seen.
    pub seen: String,
    /// What to do; none where all is well.
    pub advice: Option<String>,
}

impl Finding {
    pub(super) fn fine(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            state: State::Fine,
            what: what.into(),
            seen: seen.into(),
            advice: None,
        }
    }

    pub(super) fn wrong(
        what: impl Into<String>,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Wrong,
            advice: Some(advice.into()),
            ..Self::fine(what, seen)
        }
    }

    pub(super) fn unsure(
        what: impl Into<String>,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Unsure,
            advice: Some(advice.into()),
            ..Self::fine(what, seen)
        }
    }

    /// Fine if it holds, wrong if not.
    pub(super) fn of(
        holds: bool,
        what: impl Into<String>,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        match holds {
            true => Self::fine(what, seen),
            false => Self::wrong(what, seen, advice),
        }
    }
}
