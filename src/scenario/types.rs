use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::IpNet;
use regex::Regex;

use crate::diagnostic::Source;
use crate::model::{
    Account, Arm, Doorway, Doubt, Expectation, Form, Operator, Other, Persona, Phase, Provenance,
    Registered,
};

/// The variable that stands for the address of a practice messenger.
pub const PRACTICE_URL: &str = "url";

/// What `login` saves under this name is kept in the evidence: the build of the service's client, as a page says it.
pub const CLIENT_BUILD: &str = "client_build";

/// A validated scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file it came from.
    pub source: Source,
    /// The messenger under audit.
    pub service: Service,
    /// Host names that a `goto` may lead to, and any page: a browser that comes elsewhere is stopped there.
    pub hosts: Vec<String>,
    /// When the selectors were last reviewed: a date, `YYYY-MM-DD`.
    pub checked: String,
    /// Where its knowledge comes from, and what that is worth.
    pub provenance: Provenance,
    /// What must be the same in two runs for them to be compared, by name: only variables stand in it.
    pub covariates: BTreeMap<String, Template>,
    /// The variables, by name.
    pub vars: BTreeMap<String, Variable>,
    /// Our two identities.
    pub accounts: Accounts,
    /// How long steps may take.
    pub timeouts: Timeouts,
    /// Locator aliases, by name.
    pub locators: BTreeMap<String, Vec<Locator>>,
    /// Dialogs that may come up at any time.
    pub dismiss: Vec<Dismiss>,
    /// The steps.
    pub script: Script,
    /// What is planted.
    pub experiment: Experiment,
    /// The variants; at least one (`default`, where the file names none).
    pub variants: Vec<Variant>,
    /// What is claimed.
    pub expectations: Vec<Expectation>,
}

/// The messenger under audit, with the networks and agents it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Short name.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// The short name of the service that took its place.
    pub successor: Option<String>,
    /// What its terms say of programs that drive it, and where they stand.
    pub terms: Option<String>,
    /// Networks that it fetches from.
    pub networks: Vec<IpNet>,
    /// What its user agents hold.
    pub agents: Vec<String>,
    /// Whose machines it fetches with, where they are known beyond this scenario.
    pub known: Vec<Operator>,
    /// Who else is known to come for its links.
    pub others: Vec<Other>,
    /// The attribute that `testid` locators look at.
    pub testid_attr: String,
}

/// A value that whoever runs the scenario may have to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// What to ask for; none where there is a value.
    pub ask: Option<String>,
    /// What such a value looks like.
    pub example: Option<String>,
    /// The value where nobody gives another.
    pub default: Option<String>,
}

/// Both identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    /// Writes.
    pub sender: Identity,
    /// Gets.
    pub recipient: Identity,
}

impl Accounts {
    /// One of the two.
    #[must_use]
    pub const fn get(&self, account: Account) -> &Identity {
        match account {
            Account::Sender => &self.sender,
            Account::Recipient => &self.recipient,
        }
    }
}

impl Accounts {
    /// The networks that both go out from.
    #[must_use]
    pub fn registered(&self) -> Vec<Registered> {
        let of = |account| {
            let networks = self.get(account).networks.iter();
            networks.map(move |&network| Registered { account, network })
        };
        Account::ALL.iter().copied().flat_map(of).collect()
    }

    /// The environment variables that hold secrets.
    #[must_use]
    pub fn secret_variables(&self) -> Vec<String> {
        let identities = [&self.sender, &self.recipient];
        let references = identities.into_iter().flat_map(|one| one.secrets.values());
        let named = references.filter_map(|reference| match reference {
            Reference::Env(name) => Some(name.clone()),
            Reference::File(_) | Reference::Command(_) => None,
        });
        named.collect()
    }
}

/// One of our own identities on the service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Its name there.
    pub user: Option<String>,
    /// Networks that it goes out from, such as its phone's: who comes from there is it.
    pub networks: Vec<IpNet>,
    /// Its secrets, by name, each only a reference.
    pub secrets: BTreeMap<String, Reference>,
}

/// Where a secret is to be found. The secret itself is never in a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// An environment variable.
    Env(String),
    /// A file; its last line break is dropped.
    File(String),
    /// A command line for `sh -c`; its output, last line break dropped.
    Command(String),
}

/// How long steps may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Any step that has none of its own.
    pub step: Duration,
    /// Loading a page.
    pub page: Duration,
}

/// A dialog that may come up at any time: when one thing is seen, another is clicked.
#[derive(Debug, Clone)]
pub struct Dismiss {
    /// The sign of it.
    pub when: Target,
    /// What to click.
    pub click: Target,
}

/// The steps of every phase.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// Both accounts.
    pub login: Vec<Step>,
    /// Sender.
    pub open: Vec<Step>,
    /// Sender.
    pub compose: Vec<Step>,
    /// Sender.
    pub send: Vec<Step>,
    /// Sender.
    pub confirm: Vec<Step>,
    /// Recipient.
    pub receive: Vec<Step>,
    /// Recipient.
    pub follow: Vec<Step>,
}

impl Script {
    /// The steps of one phase.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> &[Step] {
        match phase {
            Phase::Login => &self.login,
            Phase::Open => &self.open,
            Phase::Compose => &self.compose,
            Phase::Send => &self.send,
            Phase::Confirm => &self.confirm,
            Phase::Receive => &self.receive,
            Phase::Follow => &self.follow,
        }
    }
}

/// One browser action.
#[derive(Debug, Clone)]
pub struct Step {
    /// What to do.
    pub verb: Verb,
    /// Its line in the scenario, counted from 1.
    pub line: u32,
    /// Failing is no failure.
    pub optional: bool,
    /// Whether to do it at all.
    pub guard: Option<Guard>,
    /// How long it may take; none: the scenario's.
    pub timeout: Option<Duration>,
    /// How often to try again.
    pub retry: u32,
    /// It cannot be taken back: never tried twice.
    pub effect: bool,
    /// The doubt that its failure raises; none: the phase's own.
    pub otherwise: Option<Doubt>,
    /// A name for the instant at which it was done.
    pub mark: Option<String>,
}

/// A condition looked at before a step.
#[derive(Debug, Clone)]
pub struct Guard {
    /// What to look for.
    pub target: Target,
    /// Do the step when it is there (`if`), or when it is not (`unless`).
    pub present: bool,
    /// Look for at most this long for it to appear; zero: once.
    pub probe: Duration,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Verb {
    /// Opens a page.
    Goto {
        /// Where.
        url: Template,
        /// By way of `about:blank`, for pages that route by fragment.
        fresh: bool,
    },
    /// Clicks an element, once it is visible and enabled.
    Click(Target),
    /// Puts text into an element.
    Type(TypeText),
    /// Presses a key, or several together: names of the W3C `KeyboardEvent.key` values, such as `Shift+Enter`.
    Press(Vec<String>),
    /// Waits until something is so; and so asserts it.
    Wait(Wait),
    /// Waits for its own sake: the only sleep.
    Hold(Duration),
    /// Lets a person act.
    Manual {
        /// What to tell the person.
        message: Template,
        /// Done when this is seen; skipped when it already is. None where it is done by hand: the person says so.
        until: Option<Target>,
    },
    /// Writes down the instant, under the step's `mark`.
    Mark,
    /// Reads a value into a variable.
    Save {
        /// The variable.
        name: String,
        /// From which element.
        from: Target,
        /// Which attribute; none: the text.
        attr: Option<String>,
    },
}

impl Verb {
    /// The word a scenario has for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Goto { .. } => "goto",
            Self::Click(_) => "click",
            Self::Type(_) => "type",
            Self::Press(_) => "press",
            Self::Wait(_) => "wait",
            Self::Hold(_) => "hold",
            Self::Manual { .. } => "manual",
            Self::Mark => "mark",
            Self::Save { .. } => "save",
        }
    }
}

/// Text to type.
#[derive(Debug, Clone)]
pub struct TypeText {
    /// The text; a line break in it is typed as Shift+Enter.
    pub text: Template,
    /// Where.
    pub into: Target,
    /// All at once, as pasting does, rather than key by key.
    pub paste: bool,
    /// Read it back and compare.
    pub verify: bool,
    /// Empty the element first; without it a draft that is already there is refused.
    pub clear: bool,
}

/// What a `wait` waits for.
#[derive(Debug, Clone)]
pub enum Wait {
    /// The page's address matches.
    Url(Regex),
    /// An element.
    Element {
        /// Which.
        target: Target,
        /// How many of them; none: at least one, and visible.
        count: Option<Count>,
        /// Its whole text, white space trimmed.
        text: Option<Template>,
    },
}

/// How many elements are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Just so many. `gone = true` is `count = "0"`.
    Exactly(u32),
    /// So many or more: `">=2"`.
    AtLeast(u32),
}

/// An element: an alias of `[loc]`, or alternatives on the spot.
#[derive(Debug, Clone)]
pub struct Target {
    /// The alias, where it was one.
    pub alias: Option<String>,
    /// In order: the first that yields a match wins.
    pub alternatives: Vec<Locator>,
}

/// One way to find an element.
#[derive(Debug, Clone)]
pub struct Locator {
    /// How.
    pub by: By,
    /// Only inside this alias's element; in the frame that it is in.
    pub within: Option<String>,
    /// In the page that this alias's frame shows; none: in the window's own.
    pub frame: Option<String>,
    /// Only if its text holds this.
    pub has_text: Option<Template>,
    /// Which of several, counted from 0; from the end where negative.
    pub nth: Option<i32>,
    /// Only if it can be seen (the default).
    pub visible: bool,
}

impl Locator {
    /// The aliases that are found before it can be.
    pub fn leads_through(&self) -> impl Iterator<Item = &str> {
        self.within.iter().chain(&self.frame).map(String::as_str)
    }
}

/// How an element is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A CSS selector; may hold variables.
    Css(Template),
    /// An XPath expression; may hold variables.
    Xpath(Template),
    /// The service's test attribute.
    TestId(Template),
    /// Computed role, and accessible name where given.
    Role {
        /// WAI-ARIA role.
        role: String,
        /// How the name must be; none: any.
        name: Option<Match>,
    },
    /// An element whose own text is this, white space folded.
    Text(Template),
    /// A form control with this label.
    Label(Template),
    /// A form control with this placeholder.
    Placeholder(Template),
    /// A way through open shadow roots: one CSS selector for each.
    Path(Vec<Template>),
    /// A CSS selector in any open shadow root.
    Deep(Template),
}

impl By {
    /// The texts with places to fill in that it holds.
    #[must_use]
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Css(text)
            | Self::Xpath(text)
            | Self::TestId(text)
            | Self::Text(text)
            | Self::Label(text)
            | Self::Placeholder(text)
            | Self::Deep(text) => vec![text],
            Self::Path(parts) => parts.iter().collect(),
            Self::Role { name, .. } => match name {
                Some(Match::Exactly(text)) => vec![text],
                Some(Match::Pattern(_)) | None => Vec::new(),
            },
        }
    }
}

/// How a name must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// The same, white space folded.
    Exactly(Template),
    /// A regular expression of the `regex` crate that finds something in it.
    Pattern(String),
}

/// Text with places to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template(pub Vec<Piece>);

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Literal(String),
    /// `{canary}`: the link of this trial.
    Canary,
    /// `{canary_token}`: the part of the link that is like no other, wherever the form puts it.
    CanaryToken,
    /// `{account.user}`: the acting account's name.
    User,
    /// `{peer.user}`: the other account's name.
    Peer,
    /// `{secret.NAME}`: a secret of the acting account.
    Secret(String),
    /// `{NAME}`: a variable.
    Var(String),
}

/// What is planted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// The conditions.
    pub arms: Vec<Arm>,
    /// The dresses.
    pub forms: Vec<Form>,
    /// Trials of each arm and form.
    pub trials: u16,
    /// How long to listen after each exposure.
    pub window: Duration,
    /// What the doors of our browsers do: each arm that needs a browser is planted for each of these.
    pub doors: Vec<Doorway>,
    /// How long a draft stays in the composer.
    pub draft: Duration,
    /// How many messages are written in an hour at the most, drafts among them; none: as many as come.
    pub per_hour: Option<u16>,
}

/// One setting of the service that is audited for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Short name.
    pub name: String,
    /// Name for people; may be empty.
    pub title: String,
    /// Values for variables.
    pub vars: BTreeMap<String, String>,
    /// Networks that the service fetches from in this setting, besides its own.
    pub networks: Vec<IpNet>,
    /// Covariates that are others in this setting, or that only it has.
    pub covariates: BTreeMap<String, Template>,
    /// The arms that are played in this setting, if not all of the experiment's.
    pub arms: Option<Vec<Arm>>,
    /// The forms that are planted in this setting, if not all of the experiment's.
    pub forms: Option<Vec<Form>>,
    /// Played on a practice messenger with this persona, which the run starts itself.
    pub practice: Option<Persona>,
}
