//! Rules for whoever drives a service that others use as well: accounts of one's own, and messages to them only.

use crate::model::Account;
use crate::scenario::mistakes::{Spot, words};
use crate::scenario::raw;
use crate::scenario::types::{Count, Locator, Piece, Script, Step, Target, Template, Verb, Wait};

use super::Checker;
use super::settings::account_path;

/// How a variable is called that says who the recipient is.
const PEER: &str = "peer";

impl Checker<'_> {
    /// Whether anything of the service is not on this machine. What persons drive is never.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.by_hand() || self.hosts.iter().any(|host| !is_loopback(host))
    }

    /// Links are sent from and to accounts of one's own, and whoever runs a scenario has said so.
    pub(super) fn owned(&mut self, account: Account, raw: &raw::Identity) {
        let path = account_path(account);
        let at = path.key("own");
        if !self.is_elsewhere() || raw.own == Some(true) || self.mistakes.touch(&at) {
            return;
        }
        let (spot, label) = match raw.own {
            Some(_) => (Spot::Value(&at), "expected `true`"),
            None => (Spot::Value(&path), "has no `own = true`"),
        };
        let said = words(
            format!("nobody says that the {account} is an account of yours"),
            label,
            "links are sent from and to your own accounts only: write `own = true` if it is one",
        );
        self.mistakes.error(spot, "not-own", said);
    }

    /// On a real service it is seen whose conversation is on the screen before anything is typed into it.
    pub(super) fn recipient(&mut self, script: &Script) {
        let service = self.raw.service.as_ref();
        let is_real = service.is_some_and(|service| service.status.is_some());
        let typed = script.compose.iter().position(is_typed);
        let before = script.compose.iter().take(typed.unwrap_or(0));
        let named = script
            .open
            .iter()
            .chain(before)
            .any(|step| self.names_the_recipient(step));
        let parts = ["open", "compose", "loc"].map(|key| self.top(key));
        let torn = parts.iter().any(|part| self.mistakes.touch(part));
        if !is_real || typed.is_none() || named || torn {
            return;
        }
        let said = words(
            "nothing here makes sure who the recipient is",
            "anybody's conversation would do",
            "add a `wait` for something that shows the recipient's name, whose `has_text` or selector holds `{peer.user}` or a \
             variable that begins with `peer`, without `optional`, `if` or `unless`",
        );
        let at = [&parts[0], &parts[1]]
            .into_iter()
            .find(|part| self.document.has(part));
        let at = at.unwrap_or(&parts[1]);
        self.mistakes
            .error(Spot::Value(at), "unnamed-recipient", said);
    }

    /// Whether a step can only be passed where the recipient's name is seen.
    fn names_the_recipient(&self, step: &Step) -> bool {
        if step.optional || step.guard.is_some() {
            return false;
        }
        match &step.verb {
            // By hand it is a person who looks.
            Verb::Manual {
                message,
                until: None,
            } => holds_peer(message),
            Verb::Wait(Wait::Element {
                target,
                count,
                text,
            }) => {
                let absent = matches!(count, Some(Count::Exactly(0) | Count::AtLeast(0)));
                !absent && (self.shows_peer(target) || text.as_ref().is_some_and(holds_peer))
            }
            _ => false,
        }
    }

    /// Whether every alternative is found only where the recipient is named.
    fn shows_peer(&self, target: &Target) -> bool {
        let aliased = target
            .alias
            .as_ref()
            .and_then(|alias| self.locators.get(alias));
        let alternatives: &[Locator] = aliased.map_or(&target.alternatives, Vec::as_slice);
        let shows = |one: &Locator| {
            let mut texts = one.by.templates().into_iter().chain(&one.has_text);
            texts.any(holds_peer)
        };
        !alternatives.is_empty() && alternatives.iter().all(shows)
    }
}

fn is_typed(step: &Step) -> bool {
    step.mark.as_deref() == Some("typed")
}

fn holds_peer(template: &Template) -> bool {
    template.0.iter().any(|piece| match piece {
        Piece::Peer => true,
        Piece::Var(name) => name.starts_with(PEER),
        _ => false,
    })
}

/// Whether a host, as browsers write it, is this machine whoever asks.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    match address {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_several_names() {
        for host in [
            "127.0.0.1",
            "127.8.8.8",
            "[::1]",
            "localhost",
            "a.localhost",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "192.168.0.1",
            "localhost.example",
            "[::]",
            "0.0.0.0",
            "127.example",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
