//! From what Chromium's Recorder writes (`@puppeteer/replay`, `src/Schema.ts`) to a scenario that is to be completed.
//!
//! `recording` is the file as it is written, `act` what was done on the page in a scenario's words, `selector` how an element
//! was found, `phases` which part each act belongs to, and `write` the scenario. What a recording cannot say (how a message
//! is seen to have left, and to have arrived) is left to be filled in, and said to be so; what a scenario has no word for
//! becomes a comment. No password is written: whatever was typed where one belongs becomes `{secret.…}`.

mod act;
mod phases;
mod recording;
mod selector;
mod write;

/// Why a recording cannot be imported. Each text completes "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is no recording.
    #[error(
        "read it as a recording: {0}; export it from the Recorder panel as JSON, or as a @puppeteer/replay user flow in JSON"
    )]
    Foreign(String),
    /// It is larger than any recording.
    #[error("read it as a recording: it has more than {LARGEST} bytes")]
    TooLarge,
    /// Nothing in it can be played.
    #[error("make a scenario of it: no step in it opens, clicks or types anything")]
    Empty,
}

/// The largest recording that is read, in bytes: far more than anybody clicks.
const LARGEST: usize = 4 << 20;

/// A scenario made of a recording, with places to fill in; `today` is the date that its selectors are of.
///
/// # Errors
/// It is no recording, or nothing in it can be played.
pub fn import(text: &str, today: jiff::civil::Date) -> Result<String, ImportError> {
    if text.len() > LARGEST {
        return Err(ImportError::TooLarge);
    }
    let recording: recording::Recording =
        serde_json::from_str(text).map_err(|error| ImportError::Foreign(error.to_string()))?;
    let acts = act::acts(&recording);
    if !acts.iter().any(act::Act::is_played) {
        return Err(ImportError::Empty);
    }
    let parts = phases::parts(acts);
    Ok(write::scenario(&recording.title, &parts, today))
}
