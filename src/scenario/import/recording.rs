use serde::Deserialize;

/// A user flow.
#[derive(Debug, Deserialize)]
pub(super) struct Recording {
    pub(super) title: String,
    pub(super) steps: Vec<Recorded>,
}

/// One recorded step.
#[derive(Debug, Deserialize)]
pub(super) struct Recorded {
    #[serde(flatten)]
    pub(super) what: What,
    /// The way through frames, by number.
    #[serde(default)]
    pub(super) frame: Vec<u32>,
    /// `main`, or the address of another window.
    pub(super) target: Option<String>,
}

/// What was done. Kinds that mean nothing here (`hover`, `scroll`, `setViewport`, ...) are all the same.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum What {
    Navigate {
        url: String,
    },
    Click {
        selectors: Vec<Selector>,
        button: Option<String>,
    },
    DoubleClick {
        selectors: Vec<Selector>,
    },
    Change {
        selectors: Vec<Selector>,
        value: String,
    },
    KeyDown {
        key: String,
    },
    KeyUp {
        key: String,
    },
    WaitForElement {
        selectors: Vec<Selector>,
        operator: Option<String>,
        count: Option<u32>,
        visible: Option<bool>,
    },
    WaitForExpression {
        expression: String,
    },
    CustomStep {
        name: String,
    },
    #[serde(other)]
    Other,
}

/// One selector, or a way through shadow roots.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Selector {
    One(String),
    Path(Vec<String>),
}
