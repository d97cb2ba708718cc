use std::net::{IpAddr, Ipv4Addr};

use crate::model::{Account, Actor, Arm, Depth, Doubt, Persona, Phase};

/// When the provider turns to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It stands in the composer.
    Typed,
    /// Its message was sent.
    Sent,
    /// Its message is on the recipient's screen.
    Shown,
    /// Some time after it was sent: as long as the server is set to wait.
    Late,
}

/// What is done about a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// Its host is looked up.
    LookUp,
    /// HEAD.
    Head,
    /// GET.
    Page,
    /// GET, and then its image; what they hold is shown as a card.
    Card,
    /// GET of the first KiB, then a GET of everything that is broken off.
    Part,
    /// HEAD, then GET.
    HeadThenPage,
    /// A browser opens it.
    Render,
}

/// Who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// The provider itself.
    Provider,
    /// Another company.
    ThirdParty,
    /// A resolver.
    Resolver,
}

impl Visitor {
    /// Where it comes from.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        let last = match self {
            Self::Provider => 2,
            Self::ThirdParty => 3,
            Self::Resolver => 4,
        };
        IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
    }
}

/// Which links it cares about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// All.
    All,
    /// Of those over https every second one, beginning with the first.
    EverySecondOverTls,
    /// Each with a chance of three in ten.
    ThreeInTen,
}

/// What becomes of a message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives as it was written.
    AsWritten,
    /// Its links arrive as links to the messenger, which lead on.
    Wrapped,
    /// Its links arrive with one character changed.
    Mangled,
    /// One with a link does not arrive.
    Dropped,
}

/// What a persona does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manners {
    /// When somebody comes, and what for; none: nobody does.
    pub visit: Option<(Moment, Visit)>,
    /// Who comes.
    pub visitor: Visitor,
    /// For which links.
    pub links: Links,
    /// What becomes of a message on its way.
    pub delivery: Delivery,
    /// Whose page fetches links by itself.
    pub page_of: Option<Account>,
    /// What the visitor calls itself; none: it does not say.
    pub agent: Option<&'static str>,
}

impl Manners {
    const SILENT: Self = Self {
        visit: None,
        visitor: Visitor::Provider,
        links: Links::All,
        delivery: Delivery::AsWritten,
        page_of: None,
        agent: Some("PracticeChat/1.0 (link preview)"),
    };

    const fn visiting(moment: Moment, visit: Visit) -> Self {
        Self {
            visit: Some((moment, visit)),
            ..Self::SILENT
        }
    }
}

/// The one table of personas.
#[must_use]
#[rustfmt::skip]
pub const fn manners(persona: Persona) -> Manners {
    use Moment::{Late, Sent, Shown, Typed};
    const SILENT: Manners = Manners::SILENT;
    match persona {
        Persona::Silent               => SILENT,
        Persona::Previewer            => Manners::visiting(Sent, Visit::Card),
        Persona::Skype2013            => Manners { links: Links::EverySecondOverTls, agent: None,
                                                   ..Manners::visiting(Late, Visit::Head) },
        Persona::DraftReader          => Manners::visiting(Typed, Visit::Page),
        Persona::ViewTriggered        => Manners::visiting(Shown, Visit::Page),
        Persona::ScriptRenderer       => Manners::visiting(Sent, Visit::Render),
        Persona::PartReader           => Manners::visiting(Sent, Visit::Part),
        Persona::HeadThenGet          => Manners::visiting(Sent, Visit::HeadThenPage),
        Persona::DnsOnly              => Manners::visiting(Sent, Visit::LookUp),
        Persona::SenderSidePreview    => Manners { page_of: Some(Account::Sender), ..SILENT },
        Persona::RecipientSidePreview => Manners { page_of: Some(Account::Recipient), ..SILENT },
        Persona::Wrapper              => Manners { delivery: Delivery::Wrapped, ..SILENT },
        Persona::Mangler              => Manners { delivery: Delivery::Mangled, ..Manners::visiting(Sent, Visit::Page) },
        Persona::Blocker              => Manners { delivery: Delivery::Dropped, ..SILENT },
        Persona::LateScanner          => Manners::visiting(Late, Visit::Page),
        Persona::Flaky30              => Manners { links: Links::ThreeInTen, ..Manners::visiting(Sent, Visit::Page) },
        Persona::ThirdPartyLeak       => Manners { visitor: Visitor::ThirdParty, agent: Some("LinkScan/3.1"),
                                                   ..Manners::visiting(Sent, Visit::Page) },
        Persona::EchoingResolver      => Manners { visitor: Visitor::Resolver, ..Manners::visiting(Sent, Visit::LookUp) },
    }
}

/// What an audit that errs nowhere finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// Who comes; none: nobody.
    pub actor: Option<Actor>,
    /// The phase that the visit follows.
    pub phase: Option<Phase>,
    /// How far it goes, at links of the form that the persona needs.
    pub depth: Option<Depth>,
    /// Why less, or nothing, can be said, however well it is measured.
    pub doubt: Option<Doubt>,
}

impl Truth {
    /// Who comes for the links of an arm, because of what is done in it, and how far; none: nobody.
    #[must_use]
    pub fn of(self, arm: Arm) -> Option<(Actor, Depth)> {
        let phase = match arm {
            Arm::Drafted | Arm::Pasted => Some(Phase::Compose),
            Arm::Sent => Some(Phase::Send),
            Arm::Received => Some(Phase::Receive),
            Arm::Opened => Some(Phase::Follow),
            Arm::Unsent | Arm::Visited | Arm::Reached => None,
        };
        self.actor
            .zip(self.depth)
            .filter(|_| phase.is_some() && phase == self.phase)
    }
}

/// The truth about a persona: nothing of it is written down twice, it follows from the manners.
#[must_use]
pub const fn truth(persona: Persona) -> Truth {
    let manners = manners(persona);
    let (phase, depth) = match (manners.visit, manners.page_of) {
        // It comes for a link that is none of ours, to a host that is.
        (Some((moment, _)), _) if matches!(manners.delivery, Delivery::Mangled) => {
            (Some(phase(moment)), Some(Depth::Connected))
        }
        (Some((moment, visit)), _) => (Some(phase(moment)), Some(depth(visit))),
        (None, Some(Account::Sender)) => (Some(Phase::Send), Some(Depth::Read)),
        (None, Some(Account::Recipient)) => (Some(Phase::Receive), Some(Depth::Read)),
        (None, None) => (None, None),
    };
    Truth {
        actor: actor(manners),
        phase,
        depth,
        doubt: doubt(manners),
    }
}

const fn actor(manners: Manners) -> Option<Actor> {
    match (manners.visit, manners.visitor, manners.page_of) {
        (Some(_), Visitor::Provider, _) => Some(Actor::Provider),
        (Some(_), Visitor::ThirdParty, _) => Some(Actor::ThirdParty),
        (Some(_), Visitor::Resolver, _) => Some(Actor::Unknown),
        (None, _, Some(Account::Sender)) => Some(Actor::Sender),
        (None, _, Some(Account::Recipient)) => Some(Actor::Recipient),
        (None, _, None) => None,
    }
}

const fn phase(moment: Moment) -> Phase {
    match moment {
        Moment::Typed => Phase::Compose,
        Moment::Sent | Moment::Late => Phase::Send,
        Moment::Shown => Phase::Receive,
    }
}

const fn depth(visit: Visit) -> Depth {
    match visit {
        Visit::LookUp => Depth::Resolved,
        Visit::Head => Depth::Probed,
        Visit::Page | Visit::Part | Visit::HeadThenPage => Depth::Read,
        Visit::Card => Depth::Loaded,
        Visit::Render => Depth::Executed,
    }
}

/// A message that did not arrive, or arrived as another, and names that are asked for whoever had them.
const fn doubt(manners: Manners) -> Option<Doubt> {
    match (manners.delivery, manners.visitor) {
        (Delivery::Dropped, _) => Some(Doubt::NotDelivered),
        (Delivery::Wrapped | Delivery::Mangled, _) => Some(Doubt::LinkRewritten),
        (Delivery::AsWritten, Visitor::Resolver) => Some(Doubt::NoiseInControl),
        (Delivery::AsWritten, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_follows_from_the_manners() {
        let silent = truth(Persona::Silent);
        assert_eq!(
            (silent.actor, silent.depth, silent.doubt),
            (None, None, None)
        );
        let skype = truth(Persona::Skype2013);
        assert_eq!(skype.depth, Some(Depth::Probed), "HEAD reads nothing");
        let drafts = truth(Persona::DraftReader);
        assert_eq!(drafts.phase, Some(Phase::Compose));
        assert_eq!(drafts.of(Arm::Sent), None, "it came before");
        assert_eq!(drafts.of(Arm::Pasted), Some((Actor::Provider, Depth::Read)));
        assert_eq!(truth(Persona::SenderSidePreview).actor, Some(Actor::Sender));
        assert_eq!(
            truth(Persona::ThirdPartyLeak).actor,
            Some(Actor::ThirdParty)
        );
        assert_eq!(
            truth(Persona::EchoingResolver).doubt,
            Some(Doubt::NoiseInControl)
        );
    }

    #[test]
    fn everybody_comes_from_an_address_of_their_own() {
        let all = [Visitor::Provider, Visitor::ThirdParty, Visitor::Resolver];
        let addresses: std::collections::BTreeSet<_> = all.map(Visitor::address).into();
        assert_eq!(addresses.len(), 3);
        assert!(addresses.iter().all(IpAddr::is_loopback));
        assert!(
            !addresses.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)),
            "browsers have that one"
        );
    }
}
