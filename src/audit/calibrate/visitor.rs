use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use super::course::Came;
use crate::model::{Account, Depth, Flaw, Form, Part};

/// Why somebody comes to links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The service under audit.
    Provider,
    /// Somebody to whom the service hands links on, from an address of their own.
    Stranger,
    /// Somebody who follows whatever our own programs open: a resolver that echoes, a network that looks after its users.
    Follower,
    /// Somebody who has the links from us: then no canary proves anything.
    Leak,
}

impl Who {
    /// Whether they come because of what was done with the link at the service.
    pub(super) const fn is_effect(self) -> bool {
        matches!(self, Self::Provider | Self::Stranger)
    }
}

/// What may bring a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A token was made.
    Minted,
    /// The link was typed.
    Typed,
    /// The link was pasted.
    Pasted,
    /// The message was sent.
    Sent,
    /// The recipient was shown it.
    Shown,
    /// The recipient followed it.
    Followed,
    /// waxseal fetched it.
    Fetched,
    /// A browser of ours opened it.
    Opened,
}

/// How a visitor asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// For the link.
    Plain,
    /// With an error in it.
    Mangled,
    /// For something else, and says that it comes from the link.
    Referring,
    /// Without any token: by an address that the link was made into.
    Otherwise,
    /// It begins TLS, and does not like our certificate.
    HelloOnly,
}

impl Manner {
    /// What of it stands against silence, where it is no visit. In a zone the first message of TLS names the link.
    pub(super) const fn flaw(self, zoned: bool) -> Option<Flaw> {
        match self {
            Self::Plain => None,
            Self::Mangled | Self::Referring | Self::Otherwise => Some(Flaw::HeardOf),
            Self::HelloOnly if zoned => None,
            Self::HelloOnly => Some(Flaw::HelloOnly),
        }
    }
}

/// What a visitor does.
#[derive(Debug, Clone)]
pub(super) struct Habit {
    pub(super) cause: Cause,
    /// With which chance, each time.
    pub(super) rate: f64,
    /// How long after, in milliseconds; each as likely.
    pub(super) delay: RangeInclusive<i64>,
    pub(super) depth: Depth,
    pub(super) manner: Manner,
    /// Only with links of this form.
    pub(super) form: Option<Form>,
}

impl Habit {
    /// Whether it makes a visit to the link.
    pub(super) const fn names_the_link(&self, zoned: bool) -> bool {
        self.manner.flaw(zoned).is_none()
    }
}

/// Somebody who is not us.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) who: Who,
    pub(super) address: IpAddr,
    /// From where names are looked up.
    pub(super) resolver: IpAddr,
    pub(super) agent: &'static str,
    pub(super) habits: Vec<Habit>,
}

/// One of our own browsers that fetches what is shown to it, at its own door.
#[derive(Debug, Clone)]
pub(super) struct Preview {
    pub(super) account: Account,
    pub(super) cause: Cause,
    pub(super) rate: f64,
    pub(super) part: Part,
}

/// How the provider is known to the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownBy {
    /// By networks, and it comes from there.
    Network,
    /// By its agent alone.
    Agent,
    /// By networks, and it comes from elsewhere.
    Nothing,
}

impl KnownBy {
    pub(super) const fn address(self) -> IpAddr {
        match self {
            Self::Network => of_provider(7),
            Self::Agent | Self::Nothing => stranger(7),
        }
    }

    /// Whether a visit says that it was the provider. Neither a look-up nor a first message of TLS has an agent.
    pub(super) fn tells(self, came: &Came, resolver: IpAddr) -> bool {
        match self {
            Self::Network => came.depth > Depth::Resolved || resolver == of_provider(53),
            Self::Agent => came.depth > Depth::Resolved && !came.is_hello,
            Self::Nothing => false,
        }
    }
}

/// An address in the provider's network (RFC 5737).
pub(super) const fn of_provider(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))
}

/// One outside.
pub(super) const fn stranger(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// Our own.
pub(super) const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));
