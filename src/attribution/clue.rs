use super::catalogue::Kind;
use crate::model::{Account, Actor, Confidence, Factor, FactorKind};

/// A factor, and what it speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clue {
    pub(super) factor: Factor,
    pub(super) speaks: Speaks,
    /// Who that is, of those who are known.
    pub(super) who: Option<Who>,
}

/// Somebody who is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// A place in the catalogue.
    Listed(usize),
    /// A place among those whom the scenario names.
    Named(usize),
}

/// For whom a factor speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    /// One of our own identities.
    Own(Account),
    /// The service under audit. `alone`: even where nothing else does.
    Provider { alone: bool },
    /// Somebody else who is known. `alone`: even where nothing else does.
    Other { kind: Kind, alone: bool },
    /// Nobody.
    Nobody,
}

impl Clue {
    /// A fact from the scenario, or from the experiment.
    pub(super) const fn new(factor: Factor, speaks: Speaks) -> Self {
        Self {
            factor,
            speaks,
            who: None,
        }
    }

    /// A fact that points at nobody.
    pub(super) const fn note(factor: Factor) -> Self {
        Self::new(factor, Speaks::Nobody)
    }

    pub(super) const fn is_of_provider(&self) -> bool {
        matches!(self.speaks, Speaks::Provider { .. })
    }

    const fn other(&self) -> Option<Who> {
        match self.speaks {
            Speaks::Other { .. } => self.who,
            _ => None,
        }
    }

    /// Whether nobody can have this without the machines of whom it speaks for.
    const fn is_ground(&self) -> bool {
        matches!(
            self.factor.kind,
            FactorKind::Network | FactorKind::Forwarded | FactorKind::Name | FactorKind::Asn
        )
    }

    fn is(&self, kind: FactorKind) -> bool {
        self.factor.kind == kind
    }
}

/// What of our links a visitor had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Trace {
    /// Nothing that looks like one.
    Nothing,
    /// The host alone.
    Host,
    /// More.
    Link,
}

/// Who it was, and how sure that is; the rule stands in the docs of the room.
pub(super) fn decide(clues: &[Clue], trace: Trace) -> (Actor, Option<Confidence>) {
    let own = clues.iter().find_map(|clue| match clue.speaks {
        Speaks::Own(account) => Some(account),
        _ => None,
    });
    if let Some(account) = own {
        return (own_actor(account), Some(Confidence::High));
    }
    if let Some(confidence) = on_ground(clues, Clue::is_of_provider) {
        return (Actor::Provider, Some(confidence));
    }
    let mut ground = clues.iter().filter(|clue| clue.is_ground());
    if let Some(other) = ground.find_map(Clue::other)
        && let Some(confidence) = on_ground(clues, |clue| clue.other() == Some(other))
    {
        return (somebody_else(clues, trace, true), Some(confidence));
    }
    if let Some(confidence) = by_agent(clues) {
        return (Actor::Provider, Some(confidence));
    }
    if clues
        .iter()
        .any(|clue| matches!(clue.speaks, Speaks::Other { alone: true, .. }))
    {
        return (somebody_else(clues, trace, false), Some(Confidence::Low));
    }
    match trace {
        Trace::Nothing => (Actor::Background, None),
        Trace::Host | Trace::Link => (Actor::Unknown, None),
    }
}

const fn own_actor(account: Account) -> Actor {
    match account {
        Account::Sender => Actor::Sender,
        Account::Recipient => Actor::Recipient,
    }
}

/// How sure it is from where somebody came; none where nothing says it.
fn on_ground(clues: &[Clue], of_whom: impl Fn(&Clue) -> bool) -> Option<Confidence> {
    let clues: Vec<&Clue> = clues.iter().filter(|clue| of_whom(clue)).collect();
    if !clues.iter().any(|clue| clue.is_ground()) {
        return None;
    }
    let published = |clue: &&&Clue| clue.is(FactorKind::Network) || clue.is(FactorKind::Forwarded);
    let network = clues.iter().find(published);
    let more =
        network.is_some_and(|network| clues.iter().any(|clue| !clue.is(network.factor.kind)));
    Some(if more {
        Confidence::High
    } else {
        Confidence::Medium
    })
}

/// How sure it is from what the service's agent says, beside its cloud or alone; none where that proves nothing.
fn by_agent(clues: &[Clue]) -> Option<Confidence> {
    let of_provider = || clues.iter().filter(|clue| clue.is_of_provider());
    let cloud = of_provider().any(|clue| clue.is(FactorKind::Cloud));
    let agent = of_provider().any(|clue| clue.is(FactorKind::Agent));
    let alone = of_provider().any(|clue| matches!(clue.speaks, Speaks::Provider { alone: true }));
    match (agent, cloud, alone) {
        (true, true, _) => Some(Confidence::Medium),
        (true, false, true) => Some(Confidence::Low),
        _ => None,
    }
}

/// Whoever has a whole link of ours had it from somebody, even if looking at the whole net is their business.
fn somebody_else(clues: &[Clue], trace: Trace, on_ground: bool) -> Actor {
    let mut kinds = clues.iter().filter_map(|clue| match clue.speaks {
        Speaks::Other { kind, alone } => {
            (if on_ground { clue.is_ground() } else { alone }).then_some(kind)
        }
        _ => None,
    });
    let scans = kinds.all(|kind| kind == Kind::Scanner);
    if scans && trace != Trace::Link {
        Actor::Background
    } else {
        Actor::ThirdParty
    }
}
