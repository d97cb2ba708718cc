//! The file as it is written: one type for each table, and the JSON Schema made from them.
//!
//! Every key is an `Option` here, also those that must be there: the structure check says what is missing or wrong and
//! leaves it out, and what is left can still be checked for its meaning. So one reading finds every mistake.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{
    Actor, Arm, Depth, Doorway, Doubt, Form, Grade, Operator, Persona, Status, Tried, Verdict,
};

/// The JSON Schema (draft 2020-12) of a scenario file: what editors complete from, and what `structure` checks against.
#[must_use]
pub fn json_schema() -> Value {
    schema_of::<Scenario>()
}

/// The JSON Schema of any file that is written down as one type for each table.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let mut schema = schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    drop_null(&mut schema);
    schema
}

/// TOML has no null, so an optional key is one that may be missing, never one that may be null.
fn drop_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(drop_null),
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(branches)) = map.get_mut("anyOf") {
                branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
                if let [Value::Object(only)] = branches.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    map.extend(only);
                }
            }
            map.values_mut().for_each(drop_null);
        }
        _ => {}
    }
}

/// How to drive a messenger, which links to plant, and what is expected.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    title = "waxseal scenario",
    extend("$id" = "urn:waxseal:scenario:1")
)]
pub(super) struct Scenario {
    /// The version of this format.
    #[schemars(required, extend("const" = 1))]
    #[expect(dead_code, reason = "the structure check holds it to 1")]
    schema: Option<u32>,
    /// The service's name for people.
    #[schemars(required, extend("examples" = ["The Lounge 4.5"]))]
    pub(super) title: Option<String>,
    /// Host names that a `goto` may lead to.
    #[schemars(required, extend("examples" = [["chat.example.org"]]))]
    pub(super) hosts: Option<Vec<String>>,
    /// When the selectors were last reviewed: a date.
    #[schemars(required, extend("examples" = ["2026-11-23"]))]
    pub(super) checked: Option<String>,
    /// Where the selectors come from.
    #[schemars(required, extend("examples" = [["driven against version 4.5 on 2026-11-23"]]))]
    pub(super) source: Option<Vec<String>>,
    /// How well grounded the selectors are.
    pub(super) grade: Option<Grade>,
    /// What the scenario has been driven against.
    pub(super) tried: Option<Tried>,
    /// The messenger under audit.
    #[schemars(required)]
    pub(super) service: Option<Service>,
    /// What must be the same in two runs for them to be compared, by name; variables may stand in it.
    #[schemars(extend("examples" = [{"region": "{region}", "e2ee": "off"}]))]
    pub(super) covariates: Option<BTreeMap<String, String>>,
    /// Values that templates may hold, by name.
    pub(super) vars: Option<BTreeMap<String, Variable>>,
    /// Our two identities.
    #[schemars(required)]
    pub(super) accounts: Option<Accounts>,
    /// How long steps may take.
    pub(super) timeouts: Option<Timeouts>,
    /// What is planted.
    #[schemars(required)]
    pub(super) experiment: Option<Experiment>,
    /// Locators by name: what a step calls an element.
    pub(super) loc: Option<BTreeMap<String, Locators>>,
    /// Dialogs that may come up at any time.
    pub(super) dismiss: Option<Vec<Dismiss>>,
    /// Both accounts: sign in, or find to be signed in.
    pub(super) login: Option<Phase>,
    /// Sender: bring the conversation to the screen.
    pub(super) open: Option<Phase>,
    /// Sender: put the link into the composer.
    pub(super) compose: Option<Phase>,
    /// Sender: the one step that cannot be taken back.
    pub(super) send: Option<Phase>,
    /// Sender: prove that the message left.
    pub(super) confirm: Option<Phase>,
    /// Recipient: prove that the exact link arrived.
    pub(super) receive: Option<Phase>,
    /// Recipient: follow the link.
    pub(super) follow: Option<Phase>,
    /// Settings of the service that are each audited for themselves.
    pub(super) variant: Option<Vec<Variant>>,
    /// What is claimed in every variant.
    pub(super) expect: Option<Vec<Expectation>>,
}

/// The messenger under audit, with the networks and agents it is known by.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// Short name.
    #[schemars(required, extend("examples" = ["thelounge"]))]
    pub(super) name: Option<String>,
    /// Whether it can be audited, and how. A real service says so, and then what its selectors rest on (`grade`), what they
    /// were driven against (`tried`) and which `terms` to review.
    pub(super) status: Option<Status>,
    /// By whose hands it is driven; by a browser's where nothing is said.
    pub(super) client: Option<Client>,
    /// The short name of the service that took its place, where it is retired.
    #[schemars(extend("examples" = ["teams-free"]))]
    pub(super) successor: Option<String>,
    /// What its terms say of programs that drive it, and where they stand: to be read before it is driven.
    #[schemars(extend("examples" = ["https://chat.example.org/terms, on automated use"]))]
    pub(super) terms: Option<String>,
    /// Networks that it fetches from, in CIDR notation.
    #[schemars(extend("examples" = [["192.0.2.0/24"]]))]
    pub(super) networks: Option<Vec<String>>,
    /// What its user agents hold.
    #[schemars(extend("examples" = [["WhatsApp/2"]]))]
    pub(super) agents: Option<Vec<String>>,
    /// Whose machines it fetches with, where waxseal knows them: their published networks, names, autonomous systems and
    /// agents then count beside `networks` and `agents`.
    #[schemars(extend("examples" = [["meta"]]))]
    pub(super) known: Option<Vec<Operator>>,
    /// Who else is known to come for its links, such as a company that it hands them to.
    pub(super) others: Option<Vec<Other>>,
    /// The attribute that `testid` locators look at; `data-testid` where none is given.
    #[schemars(extend("examples" = ["data-testid"]))]
    pub(super) testid_attr: Option<String>,
}

/// By whose hands a service is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Client {
    /// A browser's.
    Browser,
    /// Persons', who are told each step at the terminal: for apps without a web client.
    ByHand,
}

/// Somebody else who is known to come for the service's links.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Other {
    /// Its name.
    #[schemars(required, extend("examples" = ["a link scanner"]))]
    pub(super) name: Option<String>,
    /// Networks that it comes from, in CIDR notation: who comes from there is this one, and not the service, whatever else
    /// speaks for the service.
    #[schemars(required, extend("examples" = [["192.0.2.7/32"]]))]
    pub(super) networks: Option<Vec<String>>,
}

/// A value that whoever runs the scenario may have to give.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    /// What to ask for.
    pub(super) ask: Option<String>,
    /// What such a value looks like.
    pub(super) example: Option<String>,
    /// The value where nobody gives another.
    pub(super) default: Option<String>,
}

/// Our two identities.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Accounts {
    /// Writes the messages.
    #[schemars(required)]
    pub(super) sender: Option<Identity>,
    /// Gets the messages.
    #[schemars(required)]
    pub(super) recipient: Option<Identity>,
}

/// One of our own identities on the service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    /// That it is an account of one's own: it must be said where the service is not on this machine.
    pub(super) own: Option<bool>,
    /// Its name there: what `{account.user}` stands for.
    pub(super) user: Option<String>,
    /// Networks that it goes out from, in CIDR notation, such as its phone's: who comes from there is this account, and not
    /// the service.
    #[schemars(extend("examples" = [["192.0.2.7/32"]]))]
    pub(super) networks: Option<Vec<String>>,
    /// Its secrets, by name, each only a reference: `env:NAME`, `file:PATH` or `command:LINE`.
    #[schemars(extend("examples" = [{"password": "env:CHAT_PASSWORD"}]))]
    pub(super) secrets: Option<BTreeMap<String, String>>,
}

/// How long steps may take.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Timeouts {
    /// Any step that has none of its own; 15 seconds where none is given.
    #[schemars(extend("examples" = ["15s"]))]
    pub(super) step: Option<String>,
    /// Loading a page; 45 seconds where none is given.
    #[schemars(extend("examples" = ["45s"]))]
    pub(super) page: Option<String>,
}

/// What is planted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Experiment {
    /// The conditions.
    #[schemars(required, extend("examples" = [["sent", "drafted", "unsent", "reached"]]))]
    pub(super) arms: Option<Vec<Arm>>,
    /// How the links are dressed.
    #[schemars(required, extend("examples" = [["http"]]))]
    pub(super) forms: Option<Vec<Form>>,
    /// Trials of each arm and form.
    #[schemars(required, range(min = 1))]
    pub(super) trials: Option<u16>,
    /// How long to listen after each exposure.
    #[schemars(required, extend("examples" = ["30s"]))]
    pub(super) window: Option<String>,
    /// What the doors of the two browsers do: each arm is planted for each of these. `sealed` where nothing is said.
    #[schemars(extend("examples" = [["sealed", "open"]]))]
    pub(super) doors: Option<Vec<Doorway>>,
    /// How long a draft stays in the composer; 20 seconds where none is given.
    #[schemars(extend("examples" = ["20s"]))]
    pub(super) draft: Option<String>,
    /// How many messages are written in an hour at the most, drafts among them; 20 where nothing is given, the service is not
    /// on this machine, and a browser drives it; else as many as come.
    #[schemars(range(min = 1), extend("examples" = [20]))]
    pub(super) per_hour: Option<u16>,
}

/// An element: a name from `[loc]`, one locator, or several of which the first that yields a match wins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Target {
    /// A name from `[loc]`.
    Alias(String),
    /// One locator.
    One(Box<Locator>),
    /// Alternatives, in order.
    Many(Vec<Locator>),
}

/// One locator, or several of which the first that yields a match wins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Locators {
    /// One locator.
    One(Box<Locator>),
    /// Alternatives, in order.
    Many(Vec<Locator>),
}

/// What a `wait` waits for: an element, or an address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Wait {
    /// A name from `[loc]`.
    Alias(String),
    /// One locator.
    One(Box<Locator>),
    /// The page's address.
    Address(Address),
    /// Alternatives, in order.
    Many(Vec<Locator>),
}

/// An address to wait for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    /// A regular expression that finds something in the page's address.
    pub(super) url: Option<String>,
}

/// One way to find an element: exactly one of `css`, `xpath`, `testid`, `role`, `text`, `label`, `placeholder`, `path`
/// and `deep`, and what narrows it down.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Locator {
    /// A CSS selector.
    pub(super) css: Option<String>,
    /// An XPath expression.
    pub(super) xpath: Option<String>,
    /// The value of the service's test attribute.
    pub(super) testid: Option<String>,
    /// A computed WAI-ARIA role.
    #[schemars(extend("examples" = ["textbox"]))]
    pub(super) role: Option<String>,
    /// With `role`: the accessible name.
    pub(super) name: Option<String>,
    /// With `role`: a regular expression that finds something in the accessible name.
    pub(super) name_re: Option<String>,
    /// An element's own text.
    pub(super) text: Option<String>,
    /// A form control's label.
    pub(super) label: Option<String>,
    /// A form control's placeholder.
    pub(super) placeholder: Option<String>,
    /// A way through open shadow roots: one CSS selector for each.
    #[schemars(extend("examples" = [["rs-app", "rs-room", "textarea"]]))]
    pub(super) path: Option<Vec<String>>,
    /// A CSS selector in any open shadow root.
    pub(super) deep: Option<String>,
    /// Only inside the element of this name from `[loc]`.
    pub(super) within: Option<String>,
    /// Inside the page that the frame of this name from `[loc]` shows. What is `within` an element is in its frame.
    pub(super) frame: Option<String>,
    /// Only if its text holds this.
    pub(super) has_text: Option<String>,
    /// Which of several, counted from 0; from the end where negative.
    pub(super) nth: Option<i32>,
    /// Only if it can be seen; `true` where nothing is given.
    pub(super) visible: Option<bool>,
}

/// A dialog that may come up at any time: when one thing is seen, another is clicked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dismiss {
    /// The sign of it.
    #[schemars(required)]
    pub(super) when: Option<Target>,
    /// What to click.
    #[schemars(required)]
    pub(super) click: Option<Target>,
}

/// One part of a scenario.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Phase {
    /// Its steps, in order.
    #[schemars(required)]
    pub(super) steps: Option<Vec<Step>>,
}

/// One browser action: exactly one of the verbs `goto`, `click`, `type`, `press`, `wait`, `hold`, `manual`, `save` and
/// `mark` (which may also stand beside another verb), and what modifies it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// Verb: opens a page.
    pub(super) goto: Option<String>,
    /// Verb: clicks an element, once it is visible and enabled.
    pub(super) click: Option<Target>,
    /// Verb: puts text into an element.
    pub(super) r#type: Option<String>,
    /// Verb: presses a key, or several together.
    #[schemars(extend("examples" = ["Shift+Enter"]))]
    pub(super) press: Option<String>,
    /// Verb: waits until something is so; and so asserts it.
    pub(super) wait: Option<Wait>,
    /// Verb: waits for its own sake.
    #[schemars(extend("examples" = ["20s"]))]
    pub(super) hold: Option<String>,
    /// Verb: lets a person act, and tells them what to do; templates may stand in it.
    pub(super) manual: Option<String>,
    /// Verb: reads a value into a variable of this name.
    pub(super) save: Option<String>,
    /// Writes down the instant under this name: of the step, or, standing alone, for its own sake.
    pub(super) mark: Option<String>,
    /// `goto`: by way of `about:blank`, for pages that route by fragment.
    pub(super) fresh: Option<bool>,
    /// `type`: where.
    pub(super) into: Option<Target>,
    /// `type`: key by key, or all at once; `keys` where nothing is given.
    pub(super) via: Option<Way>,
    /// `type`: read it back and compare; `true` where nothing is given and no secret is typed.
    pub(super) verify: Option<bool>,
    /// `type`: empty the element first.
    pub(super) clear: Option<bool>,
    /// `wait`: until there is no such element.
    pub(super) gone: Option<bool>,
    /// `wait`: until there are so many: `"2"`, or `">=2"`.
    #[schemars(extend("examples" = [">=2"]))]
    pub(super) count: Option<String>,
    /// `wait`: until the element's whole text is this.
    pub(super) text: Option<String>,
    /// `manual`: done when this is seen. By hand there is none: the person says so.
    pub(super) until: Option<Target>,
    /// `save`: from which element.
    pub(super) from: Option<Target>,
    /// `save`: which attribute; the text where none is given.
    pub(super) attr: Option<String>,
    /// Failing is no failure.
    pub(super) optional: Option<bool>,
    /// Only when this is there.
    pub(super) r#if: Option<Target>,
    /// Only when this is not there.
    pub(super) unless: Option<Target>,
    /// How long to look before `if` or `unless` is decided.
    #[schemars(extend("examples" = ["3s"]))]
    pub(super) probe: Option<String>,
    /// How long it may take.
    #[schemars(extend("examples" = ["30s"]))]
    pub(super) timeout: Option<String>,
    /// How often to try again; never on or after the effect.
    #[schemars(range(max = 20))]
    pub(super) retry: Option<u32>,
    /// This is the step that cannot be taken back.
    pub(super) effect: Option<bool>,
    /// The doubt that its failure raises.
    pub(super) r#else: Option<StepDoubt>,
}

/// How text is put into an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// Key by key.
    Keys,
    /// All at once.
    Paste,
}

/// A doubt that a step can raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StepDoubt {
    /// An account was not signed in.
    SessionLost,
    /// The page did not look as the scenario says.
    SelectorDrift,
    /// The link may not have left our hands.
    ExposureUnconfirmed,
    /// The link was not seen to arrive.
    NotDelivered,
    /// The link arrived as another one.
    LinkRewritten,
}

impl From<StepDoubt> for Doubt {
    fn from(doubt: StepDoubt) -> Self {
        match doubt {
            StepDoubt::SessionLost => Self::SessionLost,
            StepDoubt::SelectorDrift => Self::SelectorDrift,
            StepDoubt::ExposureUnconfirmed => Self::ExposureUnconfirmed,
            StepDoubt::NotDelivered => Self::NotDelivered,
            StepDoubt::LinkRewritten => Self::LinkRewritten,
        }
    }
}

/// One setting of the service that is audited for itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    /// Short name.
    #[schemars(required, extend("examples" = ["prefetch-on"]))]
    pub(super) name: Option<String>,
    /// Name for people.
    pub(super) title: Option<String>,
    /// Values for variables.
    pub(super) vars: Option<BTreeMap<String, String>>,
    /// Networks that the service fetches from in this setting, besides its own.
    pub(super) networks: Option<Vec<String>>,
    /// Covariates that are others in this setting, or that only it has.
    pub(super) covariates: Option<BTreeMap<String, String>>,
    /// Which of the experiment's arms are played in this setting; all where none is given.
    #[schemars(extend("examples" = [["sent", "reached"]]))]
    pub(super) arms: Option<Vec<Arm>>,
    /// Which of the experiment's forms are planted in this setting; all where none is given.
    #[schemars(extend("examples" = [["https"]]))]
    pub(super) forms: Option<Vec<Form>>,
    /// Played on waxseal's own practice messenger, whose provider behaves like this; the run starts it, and puts its
    /// address into the variable `url`, whatever else was given for it.
    pub(super) practice: Option<Persona>,
    /// What is claimed in this variant; it stands before what is claimed in every variant.
    pub(super) expect: Option<Vec<Expectation>>,
}

/// A claim of the scenario's author.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectation {
    /// The arms it is about.
    #[schemars(required, extend("examples" = [["sent"]]))]
    pub(super) arms: Option<Vec<Arm>>,
    /// The forms it is about; all planned ones where none is given.
    pub(super) forms: Option<Vec<Form>>,
    /// What the doors of the two browsers did; whatever is planned where none is given.
    pub(super) doors: Option<Vec<Doorway>>,
    /// The verdict.
    #[schemars(with = "Claim")]
    pub(super) verdict: Option<Claim>,
    /// With `observed`: the depth reached by whoever was not us, exactly.
    pub(super) depth: Option<Depth>,
    /// Exactly these actors were seen.
    pub(super) actors: Option<Vec<Actor>>,
    /// With `observed`: exactly these doubts remain, because of how the service is. A message that it swallows is
    /// `not-delivered` whenever it is sent.
    #[schemars(extend("examples" = [["not-delivered"]]))]
    pub(super) doubts: Option<Vec<Doubt>>,
}

/// A verdict that can be claimed. Nobody can claim that nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Claim {
    /// Somebody who is not us came, because of what we did.
    Observed,
    /// Nobody came, and everything that could have hidden a visit was ruled out.
    NotObserved,
}

impl From<Claim> for Verdict {
    fn from(claim: Claim) -> Self {
        match claim {
            Claim::Observed => Self::Observed,
            Claim::NotObserved => Self::NotObserved,
        }
    }
}
