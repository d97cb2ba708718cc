//! From the file as it is written to values that mean something.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path as FilePath, PathBuf};

use ipnet::IpNet;

use super::given::{Admin, Certificates};
use super::raw;
use super::secret::{Reference, painted_over};
use crate::canary::Zone;
use crate::cli::args;
use crate::collector::{Acme, Pair};
use crate::diagnostic::{Diagnostic, Severity, Source, counted, render};
use crate::scenario::{Document, Mistakes, Path, Spot, check, with_syntax, words};

/// The largest file that is read, in bytes: what is larger is something else.
const LARGEST: usize = 64 << 10;

/// What a file says. What it leaves out is empty.
#[derive(Debug, Default)]
pub(in super::super) struct Written {
    pub(super) listen: Vec<SocketAddr>,
    pub(super) public: Option<String>,
    pub(super) store: Option<PathBuf>,
    pub(super) proxies: Vec<IpNet>,
    pub(super) zone: Option<Zone>,
    pub(super) dns_listen: Vec<SocketAddr>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) certificates: Option<Certificates>,
    pub(super) admin: Option<Admin>,
    pub(super) log: raw::Log,
}

/// Reads a file of settings; its paths begin in its own folder.
///
/// # Errors
/// Every mistake in it, ready to be shown. No secret that somebody wrote straight into it is in the text.
pub(in super::super) fn parse(source: &Source, colour: bool) -> Result<Written, String> {
    let shown = |mistakes: &[Diagnostic]| {
        let painted = Source {
            name: source.name.clone(),
            text: painted_over(&source.text),
        };
        let count = counted(mistakes.len(), "mistake");
        let all = render(&painted, mistakes, colour);
        format!("{all}nothing was started: {count} in the settings\n")
    };
    if source.text.len() > LARGEST {
        return Err(format!(
            "waxseal: failed to read settings from {}: it has more than {LARGEST} bytes; check that this is the file you mean\n",
            source.name
        ));
    }
    let (document, syntax) = Document::parse(&source.text);
    let mut mistakes = Mistakes::new(&document);
    let clean = check(&raw::json_schema(), &document, &mut mistakes);
    if !syntax.is_empty() {
        return Err(shown(&with_syntax(
            &document,
            syntax,
            mistakes.into_sorted(),
        )));
    }
    let raw: raw::Serve = serde_json::from_value(clean).map_err(|error| {
        format!("waxseal: failed to read settings: {error}; please report it\n")
    })?;
    let folder = FilePath::new(&source.name)
        .parent()
        .unwrap_or_else(|| FilePath::new(""));
    let mut reader = Reader { folder, mistakes };
    let written = reader.written(raw);
    let mistakes = reader.mistakes.into_sorted();
    match mistakes.iter().any(|one| one.severity == Severity::Error) {
        true => Err(shown(&mistakes)),
        false => Ok(written),
    }
}

struct Reader<'r> {
    folder: &'r FilePath,
    mistakes: Mistakes<'r>,
}

impl Reader<'_> {
    fn written(&mut self, raw: raw::Serve) -> Written {
        let top = Path::top();
        let listen = self.sockets(raw.listen, &top.key("listen"));
        let proxies = self.each(raw.proxies, &top.key("proxies"), network);
        let public = self.one(raw.public, &top.key("public"), public);
        let dns = raw.dns.map(|dns| self.dns(dns)).unwrap_or_default();
        Written {
            listen,
            public,
            store: raw.store.map(|path| self.folder.join(path)),
            proxies,
            zone: dns.0,
            dns_listen: dns.1,
            addresses: dns.2,
            certificates: raw.tls.and_then(|tls| self.tls(tls)),
            admin: raw.admin.and_then(|admin| self.admin(admin)),
            log: raw.log.unwrap_or_default(),
        }
    }

    fn dns(&mut self, raw: raw::Dns) -> (Option<Zone>, Vec<SocketAddr>, Vec<IpAddr>) {
        let at = Path::top().key("dns");
        (
            self.one(raw.zone, &at.key("zone"), zone),
            self.sockets(raw.listen, &at.key("listen")),
            self.each(raw.addresses, &at.key("addresses"), address),
        )
    }

    fn tls(&mut self, raw: raw::Tls) -> Option<Certificates> {
        let at = Path::top().key("tls");
        let own = raw.certificate.unwrap_or_default();
        let has_others = raw.lab_authority.is_some() || !own.is_empty();
        if let (Some(_), false) = (&raw.lab_authority, own.is_empty()) {
            let said = words(
                "a lab authority and certificates of your own cannot both be shown",
                "one of the two",
                "keep `lab_authority`, or the `certificate` tables",
            );
            self.mistakes.error(
                Spot::Key(&at.key("lab_authority")),
                "two-certificates",
                said,
            );
            return None;
        }
        if let Some(acme) = raw.acme {
            return self.acme(acme, &at.key("acme"), has_others);
        }
        if let Some(folder) = raw.lab_authority {
            return Some(Certificates::Lab(self.folder.join(folder)));
        }
        let mut pairs = own.into_iter().filter_map(|one| {
            let (chain, key) = (self.folder.join(one.chain?), self.folder.join(one.key?));
            Some(Pair { chain, key })
        });
        let first = pairs.next()?;
        Some(Certificates::Own(first, pairs.collect()))
    }

    fn acme(&mut self, raw: raw::Acme, at: &Path, has_others: bool) -> Option<Certificates> {
        if has_others {
            let said = words(
                "what an ACME authority issues and other certificates cannot both be shown",
                "one of the two",
                "keep the `acme` table, or the others",
            );
            self.mistakes.error(Spot::Key(at), "two-certificates", said);
            return None;
        }
        let directory = self.one(raw.directory, &at.key("directory"), directory);
        let contacts = self.each(raw.contacts, &at.key("contacts"), contact);
        let authorities = self.each(raw.caa, &at.key("caa"), authority);
        Some(Certificates::Acme(Acme {
            directory: directory?,
            contacts,
            root: raw.root.map(|path| self.folder.join(path)),
            // Left empty it is beside the store, which may be named elsewhere.
            folder: raw
                .folder
                .map(|path| self.folder.join(path))
                .unwrap_or_default(),
            authorities,
        }))
    }

    fn admin(&mut self, raw: raw::Admin) -> Option<Admin> {
        let at = Path::top().key("admin");
        let listen = self.one(raw.listen, &at.key("listen"), socket);
        let plant = self.reference(raw.plant_secret, &at.key("plant_secret"));
        let read = self.reference(raw.read_secret, &at.key("read_secret"));
        Some(Admin {
            listen: listen?,
            plant: plant?,
            read: read?,
        })
    }

    fn reference(&mut self, raw: Option<String>, path: &Path) -> Option<Reference> {
        let found = Reference::parse(&raw?, self.folder);
        if found.is_none() {
            let said = words(
                format!("`{path}` is not where a secret is"),
                "expected `env:NAME` or `file:PATH`",
                "put the secret into a file that only its owner may read; if it was written here, draw a new one",
            );
            self.mistakes
                .error(Spot::Value(path), "bad-reference", said);
        }
        found
    }

    /// Addresses of one key: none twice, and none that takes what another is to have.
    fn sockets(&mut self, raw: Option<Vec<String>>, path: &Path) -> Vec<SocketAddr> {
        let found = self.each(raw, path, socket);
        for (index, one) in found.iter().enumerate() {
            let before = &found[..index];
            if let Some(other) = before.iter().find(|other| clash(**other, *one)) {
                let said = words(
                    format!("`{one}` takes what `{other}` has"),
                    "listened on already",
                    "keep one of the two; `[::]` listens for IPv4 as well",
                );
                self.mistakes
                    .error(Spot::Value(&path.index(index)), "duplicate", said);
            }
        }
        found
    }

    fn each<T>(
        &mut self,
        raw: Option<Vec<String>>,
        path: &Path,
        read: fn(&str) -> Result<T, Wanted>,
    ) -> Vec<T> {
        let all = raw.unwrap_or_default().into_iter().enumerate();
        all.filter_map(|(index, text)| self.one(Some(text), &path.index(index), read))
            .collect()
    }

    fn one<T>(
        &mut self,
        raw: Option<String>,
        path: &Path,
        read: fn(&str) -> Result<T, Wanted>,
    ) -> Option<T> {
        let text = raw?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(wanted) => {
                let said = words(
                    format!("`{text}` is no {}", wanted.noun),
                    format!("expected {}", wanted.like),
                    wanted.help,
                );
                self.mistakes.error(Spot::Value(path), wanted.code, said);
                None
            }
        }
    }
}

/// What a value should have been.
struct Wanted {
    code: &'static str,
    noun: &'static str,
    like: &'static str,
    help: &'static str,
}

fn socket(text: &str) -> Result<SocketAddr, Wanted> {
    text.parse().map_err(|_| Wanted {
        code: "bad-listen",
        noun: "address with a port",
        like: "one such as `198.51.100.7:80` or `[2001:db8::7]:80`",
        help: "an IPv6 address stands in brackets, and a name is none: write the address it leads to",
    })
}

fn address(text: &str) -> Result<IpAddr, Wanted> {
    text.parse().map_err(|_| Wanted {
        code: "bad-ip",
        noun: "IP address",
        like: "one such as `198.51.100.7` or `2001:db8::7`",
        help: "write it without a port and without brackets",
    })
}

fn network(text: &str) -> Result<IpNet, Wanted> {
    text.parse().map_err(|_| Wanted {
        code: "bad-network",
        noun: "network",
        like: "one such as `192.0.2.0/24` or `2001:db8::/32`",
        help: "one address alone is `192.0.2.7/32`",
    })
}

fn zone(text: &str) -> Result<Zone, Wanted> {
    Zone::parse(text).ok_or(Wanted {
        code: "bad-zone",
        noun: "zone",
        like: "a host name such as `canary.example`",
        help: "there must be room for a token in front of it",
    })
}

fn directory(text: &str) -> Result<String, Wanted> {
    args::directory(text).map_err(|_| Wanted {
        code: "bad-directory",
        noun: "directory of an ACME authority",
        like: "an address over https",
        help: "such as `https://acme-v02.api.letsencrypt.org/directory`",
    })
}

fn contact(text: &str) -> Result<String, Wanted> {
    args::contact(text).map_err(|_| Wanted {
        code: "bad-contact",
        noun: "address to write to",
        like: "one such as `mailto:somebody@example.org`",
        help: "write `mailto:` in front of it",
    })
}

fn authority(text: &str) -> Result<String, Wanted> {
    args::caa(text).map_err(|_| Wanted {
        code: "bad-caa",
        noun: "name of an authority",
        like: "its domain name",
        help: "such as `letsencrypt.org`; its documentation says which",
    })
}

fn public(text: &str) -> Result<String, Wanted> {
    super::given::public(text).ok_or(Wanted {
        code: "bad-public",
        noun: "address for links",
        like: "one such as `http://198.51.100.7:8080`",
        help: "write `http://`, a host and at most a port, without a closing slash",
    })
}

/// Whether one listener would keep the other from listening. The system lets `[::]` listen for IPv4 as well.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = |at: SocketAddr| at.ip().is_unspecified();
    one.port() != 0
        && one.port() == other.port()
        && (one == other || (everywhere(one) && everywhere(other)))
}
