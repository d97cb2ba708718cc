//! Rules about everything above the steps: service, hosts, variables, accounts, timeouts.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::IpNet;

use crate::model::{Account, Other};
use crate::scenario::document::Path;
use crate::scenario::mistakes::{Spot, words};
use crate::scenario::raw;
use crate::scenario::template::is_name;
use crate::scenario::types::{
    Accounts, Identity, PRACTICE_URL, Reference, Service, Timeouts, Variable,
};

use super::Checker;

/// Where the service names no attribute for `testid` locators.
const TESTID_ATTR: &str = "data-testid";

/// Where the scenario says nothing else.
const TIMEOUTS: Timeouts = Timeouts {
    step: Duration::from_secs(15),
    page: Duration::from_secs(45),
};

/// The widest network that an operator of phones shares among few enough customers to be called one's own.
const NARROW_4: u8 = 16;
/// The same for IPv6: what a network operator gets.
const NARROW_6: u8 = 32;

impl Checker<'_> {
    pub(super) fn service(&mut self) -> Option<Service> {
        let raw = self.raw;
        let title = raw.title.as_ref();
        let title = title.and_then(|title| self.filled(title, &self.top("title")));
        let service = raw.service.as_ref()?;
        let path = self.top("service");
        let name = service.name.as_ref();
        let name = name.and_then(|name| self.filled(name, &path.key("name")));
        let networks = self.networks(service.networks.as_ref(), &path.key("networks"));
        // An empty agent would be found in every visitor's.
        let agents = service.agents.iter().flatten().enumerate();
        let agents = agents
            .filter_map(|(index, agent)| self.filled(agent, &path.key("agents").index(index)))
            .collect();
        let others = service.others.iter().flatten().enumerate();
        let others = others
            .filter_map(|(index, other)| {
                self.other(other, &networks, &path.key("others").index(index))
            })
            .collect();
        let successor = self.successor(service, &path);
        let terms = service.terms.as_ref();
        let terms = terms.and_then(|terms| self.filled(terms, &path.key("terms")));
        let attr = service.testid_attr.as_ref();
        let attr = attr.and_then(|attr| self.filled(attr, &path.key("testid_attr")));
        Some(Service {
            name: name?,
            title: title?,
            successor,
            terms,
            networks,
            agents,
            known: service.known.clone().unwrap_or_default(),
            others,
            testid_attr: attr.unwrap_or_else(|| TESTID_ATTR.to_owned()),
        })
    }

    fn other(&mut self, raw: &raw::Other, of_service: &[IpNet], path: &Path) -> Option<Other> {
        let name = raw.name.as_ref();
        let name = name.and_then(|name| self.filled(name, &path.key("name")));
        let path = path.key("networks");
        if raw.networks.as_ref().is_some_and(Vec::is_empty) {
            self.empty_list(&path);
        }
        let networks = self.networks(raw.networks.as_ref(), &path);
        self.leaves_the_service_its_networks(raw.networks.as_ref(), of_service, &path);
        Some(Other {
            name: name?,
            networks,
        })
    }

    /// Another's network may be cut out of the service's; around one of the service's it would leave nothing of that.
    fn leaves_the_service_its_networks(
        &mut self,
        texts: Option<&Vec<String>>,
        of_service: &[IpNet],
        path: &Path,
    ) {
        for (index, text) in texts.into_iter().flatten().enumerate() {
            let taken = |network: IpNet| of_service.iter().find(|own| network.contains(*own));
            let Some(own) = text.parse().ok().and_then(taken) else {
                continue;
            };
            let said = words(
                format!("`{text}` is given to another, and holds a network of the service"),
                format!("all of `{own}` is in it"),
                "nobody could be told to be the service there: name a narrower network here, or drop the service's",
            );
            let at = path.index(index);
            self.mistakes
                .error(Spot::Value(&at), "contested-network", said);
        }
    }

    pub(super) fn hosts(&mut self) -> Vec<String> {
        let path = self.top("hosts");
        // A person is led nowhere.
        if self.by_hand() && self.raw.hosts.as_ref().is_some_and(Vec::is_empty) {
            return Vec::new();
        }
        let hosts = self.filled_list(self.raw.hosts.as_ref(), &path);
        for (index, host) in self.raw.hosts.iter().flatten().enumerate() {
            self.host(host, &path.index(index));
        }
        hosts.iter().filter_map(|host| host_name(host)).collect()
    }

    fn host(&mut self, host: &str, path: &Path) {
        if host.trim().is_empty() || host_name(host).is_some() {
            return;
        }
        let help = match url::Url::parse(host)
            .ok()
            .as_ref()
            .and_then(url::Url::host_str)
        {
            Some(name) => format!("did you mean `{name}`?"),
            None => {
                "write the name alone, such as `chat.example.org`: no scheme, port, path or `*`"
                    .to_owned()
            }
        };
        let said = words(
            format!("`{host}` is not a host name"),
            "expected a host name",
            help,
        );
        self.mistakes.error(Spot::Value(path), "bad-host", said);
    }

    pub(super) fn checked(&mut self) -> Option<String> {
        let text = self.raw.checked.as_ref()?;
        let date = text.parse::<jiff::civil::Date>().ok();
        // The parser takes other spellings of a date too; reports and comparisons want one.
        if date.is_some_and(|date| date.to_string() == *text) {
            return Some(text.clone());
        }
        let said = words(
            format!("`{text}` is not a date"),
            "expected a day of the calendar",
            "write the day on which somebody last saw the selectors work, such as `2026-11-23`",
        );
        let path = self.top("checked");
        self.mistakes.error(Spot::Value(&path), "bad-date", said);
        None
    }

    pub(super) fn vars(&mut self) -> BTreeMap<String, Variable> {
        let raw = self.raw;
        let all = raw.vars.iter().flatten();
        all.map(|(name, variable)| (name.clone(), self.variable(name, variable)))
            .collect()
    }

    fn variable(&mut self, name: &str, variable: &raw::Variable) -> Variable {
        let path = self.top("vars").key(name);
        self.name(name, Spot::Key(&path));
        let variants = self.raw.variant.as_deref().unwrap_or_default();
        let everywhere = !variants.is_empty()
            && variants.iter().enumerate().all(|(index, variant)| {
                let vars = variant.vars.as_ref();
                let practice = self.top("variant").index(index).key("practice");
                let started = name == PRACTICE_URL && self.document.has(&practice);
                started || vars.is_some_and(|vars| vars.contains_key(name))
            });
        let given = variable.ask.is_some() || variable.default.is_some() || everywhere;
        if !given && !self.mistakes.touch(&path) {
            let said = words(
                format!("nothing gives `{name}` a value"),
                "has neither `ask` nor `default`",
                "add `ask` (whoever runs this gives it), or `default`, or a value in every variant",
            );
            self.mistakes.error(Spot::Key(&path), "no-value", said);
        }
        Variable {
            ask: variable.ask.clone(),
            example: variable.example.clone(),
            default: variable.default.clone(),
        }
    }

    pub(super) fn accounts(&mut self) -> Option<Accounts> {
        let accounts = self.raw.accounts.as_ref()?;
        let sender = accounts.sender.as_ref();
        let sender = sender.map(|raw| self.identity(Account::Sender, raw));
        let recipient = accounts.recipient.as_ref();
        let recipient = recipient.map(|raw| self.identity(Account::Recipient, raw));
        Some(Accounts {
            sender: sender?,
            recipient: recipient?,
        })
    }

    fn identity(&mut self, account: Account, raw: &raw::Identity) -> Identity {
        let path = account_path(account);
        self.owned(account, raw);
        let user = raw.user.as_ref();
        let user = user.and_then(|user| self.filled(user, &path.key("user")));
        let networks = self.own_networks(raw.networks.as_ref(), &path.key("networks"));
        let secrets = raw.secrets.iter().flatten();
        let secrets = secrets
            .filter_map(|(name, text)| {
                let at = path.key("secrets").key(name);
                self.secret_name(name, &at);
                Some((name.clone(), self.reference(name, text, &path)?))
            })
            .collect();
        Identity {
            user,
            networks,
            secrets,
        }
    }

    /// Networks of our own are small: a wide one would make ourselves out of strangers.
    fn own_networks(&mut self, texts: Option<&Vec<String>>, path: &Path) -> Vec<IpNet> {
        let networks = self.networks(texts, path);
        for (index, text) in texts.into_iter().flatten().enumerate() {
            if text.parse().is_ok_and(is_wide) {
                let said = words(
                    format!("`{text}` is too wide to be all yours"),
                    "expected a network of your own",
                    format!(
                        "whoever comes from there is taken for this account: name the addresses it goes out from, at least \
                         /{NARROW_4} in IPv4 and /{NARROW_6} in IPv6"
                    ),
                );
                let at = path.index(index);
                self.mistakes.error(Spot::Value(&at), "wide-network", said);
            }
        }
        networks
    }

    fn secret_name(&mut self, name: &str, path: &Path) {
        if !is_name(name) {
            let said = words(
                format!("`{name}` cannot name a secret"),
                "expected letters, digits, `_` and `-`, a letter first",
                "choose another name",
            );
            self.mistakes.error(Spot::Key(path), "bad-name", said);
        }
    }

    /// Points at the account and not at the text: that may be the secret itself, and must not be shown.
    fn reference(&mut self, name: &str, text: &str, account: &Path) -> Option<Reference> {
        let read = match text.split_once(':') {
            Some((_, "")) | None => None,
            Some(("env", name)) => Some(Reference::Env(name.to_owned())),
            Some(("file", path)) => Some(Reference::File(path.to_owned())),
            Some(("command", line)) => Some(Reference::Command(line.to_owned())),
            Some(_) => None,
        };
        if read.is_none() {
            let said = words(
                format!("the secret `{name}` is not a reference"),
                "of this account",
                "a secret itself never stands in a scenario: write `env:NAME`, `file:PATH` or `command:LINE`, \
                 and change the secret if it was written here",
            );
            self.mistakes
                .error(Spot::Value(account), "bad-reference", said);
        }
        read
    }

    pub(super) fn timeouts(&mut self) -> Timeouts {
        let Some(raw) = self.raw.timeouts.as_ref() else {
            return TIMEOUTS;
        };
        let path = self.top("timeouts");
        let step = raw.step.as_ref();
        let step = step.and_then(|text| self.some_duration(text, &path.key("step")));
        let page = raw.page.as_ref();
        let page = page.and_then(|text| self.some_duration(text, &path.key("page")));
        Timeouts {
            step: step.unwrap_or(TIMEOUTS.step),
            page: page.unwrap_or(TIMEOUTS.page),
        }
    }
}

/// Where an account stands in the file.
pub(super) fn account_path(account: Account) -> Path {
    Path::top().key("accounts").key(account.name())
}

fn is_wide(network: IpNet) -> bool {
    let narrow = match network {
        IpNet::V4(_) => NARROW_4,
        IpNet::V6(_) => NARROW_6,
    };
    network.prefix_len() < narrow
}

/// A host as a browser writes it; none where it is none.
fn host_name(host: &str) -> Option<String> {
    let odd = host.contains(['*', '/', '@', '?', '#', '\\', '%']) || host.trim() != host;
    if odd {
        return None;
    }
    url::Host::parse(host).ok().map(|host| host.to_string())
}
