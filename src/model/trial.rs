use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares an enum whose variants have one written name each, the same in scenarios, evidence and reports.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// All of them, in the order in which reports show them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The written name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The one with this written name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// The condition a canary is in. The place in this list is the number in a token: new arms go to its end, and
    /// [`Arm::IN_REPORTS`] is the order for readers.
    Arm {
        /// Sent to the recipient, who is away until the window has closed.
        Sent = "sent",
        /// Typed into the composer key by key, and never sent.
        Drafted = "drafted",
        /// Minted and never shown to anyone: a negative control.
        Unsent = "unsent",
        /// Fetched by ourselves, to prove that we would have heard: a positive control.
        Reached = "reached",
        /// Opened by a browser of ours and never sent: a negative control for whatever follows our browsers about.
        Visited = "visited",
        /// Put into the composer at once, as pasting does, and never sent.
        Pasted = "pasted",
        /// Sent, and shown to the recipient after the window has closed; who comes from then on counts.
        Received = "received",
        /// As `received`, and then followed by the recipient; who comes from then on counts.
        Opened = "opened",
    }
}

impl Arm {
    /// All of them in the order in which they are read: the arms that are sent, those that are not, the controls.
    pub const IN_REPORTS: [Self; 8] = [
        Self::Sent,
        Self::Received,
        Self::Opened,
        Self::Drafted,
        Self::Pasted,
        Self::Unsent,
        Self::Visited,
        Self::Reached,
    ];

    /// What was done with the link, for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Sent => "typed and sent; the recipient is away until the window has closed",
            Self::Received => {
                "sent, and shown to the recipient after the window; who comes from then on counts"
            }
            Self::Opened => {
                "shown to the recipient, and then followed; who comes from then on counts"
            }
            Self::Drafted => "typed key by key, and taken away unsent",
            Self::Pasted => "pasted, and taken away unsent",
            Self::Unsent => {
                "minted, and shown to nobody: anybody who comes makes all of it doubtful"
            }
            Self::Visited => {
                "opened by our own browser, and never sent: what follows our browsers about comes for it too"
            }
            Self::Reached => {
                "fetched by waxseal itself, before, during and after: we would have heard"
            }
        }
    }

    /// Whether the link leaves our hands by way of the service.
    #[must_use]
    pub const fn is_shown(self) -> bool {
        matches!(
            self,
            Self::Sent | Self::Drafted | Self::Pasted | Self::Received | Self::Opened
        )
    }

    /// Whether the link is sent to the recipient.
    #[must_use]
    pub const fn is_sent(self) -> bool {
        matches!(self, Self::Sent | Self::Received | Self::Opened)
    }

    /// The phase that puts the link where the arm wants it: from there on a visit can be its effect.
    #[must_use]
    pub const fn exposing(self) -> Option<Phase> {
        match self {
            Self::Drafted | Self::Pasted => Some(Phase::Compose),
            Self::Sent => Some(Phase::Send),
            Self::Received => Some(Phase::Receive),
            Self::Opened => Some(Phase::Follow),
            Self::Unsent | Self::Reached | Self::Visited => None,
        }
    }
}

named! {
    /// What the doors of our own browsers do with a link.
    Doorway {
        /// They note who comes, and refuse.
        Sealed = "sealed",
        /// They note who comes, and serve.
        Open = "open",
    }
}

named! {
    /// How a link is dressed, and what is behind it: the table in [`crate::canary`] says it of each. The place in this
    /// list is the number in a token: new forms go to its end.
    Form {
        /// A plain page over HTTP.
        Http = "http",
        /// A page over HTTP whose query holds a second token where a one-time secret would be.
        QuerySecret = "query-secret",
        /// The plain page over HTTPS, at the same host and port.
        Https = "https",
        /// The link is an image.
        Image = "image",
        /// Moved for good, to a page with a token of its own.
        Redirect301 = "redirect-301",
        /// Found elsewhere.
        Redirect302 = "redirect-302",
        /// Elsewhere for now, to be asked for by the same method.
        Redirect307 = "redirect-307",
        /// A page that leads on by its markup.
        RedirectMeta = "redirect-meta",
        /// A page that leads on by its script.
        RedirectScript = "redirect-script",
        /// More than any preview needs.
        Large = "large",
        /// A page whose script asks for a token that stands nowhere in it.
        Script = "script",
        /// Where `robots.txt` allows programs to go.
        RobotsAllowed = "robots-allowed",
        /// Where `robots.txt` forbids programs to go.
        RobotsDenied = "robots-denied",
        /// Nothing there, said with a body.
        NotFound = "not-found",
        /// A page that comes piece by piece.
        Slow = "slow",
        /// A document with a link in it.
        Pdf = "pdf",
        /// A link with a made-up user and password in front of its host.
        Credentials = "credentials",
    }
}

named! {
    /// The parts of a scenario, always in this order.
    Phase {
        /// Both accounts: signed in, or found to be.
        Login = "login",
        /// Sender: the conversation is on the screen.
        Open = "open",
        /// Sender: the link is in the composer.
        Compose = "compose",
        /// Sender: the one step that cannot be taken back.
        Send = "send",
        /// Sender: proof that the message left.
        Confirm = "confirm",
        /// Recipient: proof that the exact link arrived.
        Receive = "receive",
        /// Recipient: the link is followed.
        Follow = "follow",
    }
}

named! {
    /// One of our own identities on the service.
    Account {
        /// Writes the messages.
        Sender = "sender",
        /// Gets the messages.
        Recipient = "recipient",
    }
}

named! {
    /// What of a link or its page a token stands for. Everything but `link` is a child of the link. The
    /// place in this list is the number in a token: new parts go to its end.
    Part {
        /// The link itself.
        Link = "link",
        /// The image its page shows.
        Image = "image",
        /// The style sheet its page asks for.
        Style = "style",
        /// The secret in the link's query, or its password.
        Secret = "secret",
        /// The label in front of the zone, in the link's host.
        Host = "host",
        /// Where the link leads on: by a redirect, or by a link inside a document.
        Hop = "hop",
        /// What only a script of its page could ask for.
        Script = "script",
    }
}

named! {
    /// Who fetches a `reached` canary: each of our own ways in is proven by a canary of its own.
    Via {
        /// waxseal itself, at the public door.
        Auditor = "auditor",
        /// The sender's browser: must be heard at its own door, and there only.
        Sender = "sender",
        /// The recipient's browser: likewise.
        Recipient = "recipient",
    }
}

/// A run, drawn at random. Written as eight hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u32);

impl RunId {
    /// Reads eight hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 8)
            .then(|| u32::from_str_radix(text, 16).ok())
            .flatten()
            .map(Self)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RunId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl schemars::JsonSchema for RunId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RunId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{8}$" })
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("a run id is eight hexadecimal digits"))
    }
}

/// A trial's number within its run, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrialId(pub u32);

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One play of one scenario in one arm, with one fresh link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Its number, and the number in its tokens.
    pub id: TrialId,
    /// Which variant of the scenario.
    pub variant: String,
    /// The condition.
    pub arm: Arm,
    /// The dress.
    pub form: Form,
    /// Who fetches it; only for [`Arm::Reached`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// What the doors of our browsers do with this link; none in records from before it was a matter of each trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doorway: Option<Doorway>,
}

/// What a token says: everything a collector needs to answer it without a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenId {
    /// The run it was minted for.
    pub run: RunId,
    /// The trial.
    pub trial: TrialId,
    /// The trial's arm.
    pub arm: Arm,
    /// The trial's form.
    pub form: Form,
    /// What of the link it stands for.
    pub part: Part,
}
