//! Hits as the collector writes them, of visitors that are made up.

use std::net::{IpAddr, SocketAddr};

use crate::model::{
    Bytes, Class, Depth, Door, Form, Hello, Hit, HitKind, Match, Part, Place, Query, Recognition,
    Request, Timestamp, TokenId, Transport,
};

use super::visitor::Manner;

/// How large every page is.
pub(super) const PAGE: u64 = 900;

/// Somebody who asks for something.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) at: Timestamp,
    pub(super) door: Door,
    pub(super) address: IpAddr,
    pub(super) resolver: IpAddr,
    /// Of the connection; no other has it.
    pub(super) port: u16,
    pub(super) agent: String,
    /// The link's token.
    pub(super) token: TokenId,
    /// Its host has one too.
    pub(super) zoned: bool,
}

/// A hit, and how many bytes were handed over for it.
pub(super) type Asked = (Hit, Option<u64>);

impl Asker {
    /// Everything that a visit of this depth leaves.
    pub(super) fn visit(&self, depth: Depth) -> Vec<Asked> {
        let mut all = Vec::new();
        if self.zoned && self.door == Door::Public {
            all.push(self.look_up());
        }
        if depth > Depth::Resolved {
            all.extend(self.hello(self.zoned));
        }
        match depth {
            Depth::Resolved => {}
            Depth::Connected => all.push(self.ask("GET", "/robots.txt", Vec::new(), Some(20))),
            Depth::Probed => all.push(self.part("HEAD", Part::Link, Some(0))),
            Depth::Read => all.push(self.part("GET", Part::Link, Some(PAGE))),
            Depth::Loaded => all.extend(self.page_and(Part::Image)),
            Depth::Executed => all.extend(self.page_and(Part::Script)),
        }
        all
    }

    /// What somebody leaves who has the link, or was brought by it, and does not ask for it.
    pub(super) fn visit_oddly(&self, manner: Manner) -> Vec<Asked> {
        match manner {
            Manner::Plain => Vec::new(),
            Manner::Mangled => vec![self.has_the_link(Place::Path, Class::Mutated)],
            Manner::Referring => vec![self.has_the_link(Place::Referer, Class::Intact)],
            Manner::Otherwise => vec![self.without_token("GET")],
            Manner::HelloOnly => {
                let look_up = self.zoned.then(|| self.look_up());
                look_up.into_iter().chain(self.hello(self.zoned)).collect()
            }
        }
    }

    /// One request for a part of what is behind the link.
    pub(super) fn part(&self, method: &str, part: Part, took: Option<u64>) -> Asked {
        let token = TokenId { part, ..self.token };
        let path = found(Place::Path, Class::Intact, token);
        self.ask(method, "/t", vec![path], took)
    }

    /// A request in which nothing of ours is.
    pub(super) fn without_token(&self, method: &str) -> Asked {
        let bare = Self {
            zoned: false,
            ..self.clone()
        };
        bare.ask(method, "/", Vec::new(), Some(20))
    }

    /// The first message of a TLS client, where the link has any to do with it.
    pub(super) fn hello(&self, names_host: bool) -> Option<Asked> {
        let host = names_host.then(|| self.host(Place::Sni));
        let hello = HitKind::Hello(Hello {
            raw: Bytes::default(),
            server_name: None,
            protocols: Vec::new(),
            version: 0x0303,
            versions: Vec::new(),
            ciphers: Vec::new(),
            extensions: Vec::new(),
            groups: Vec::new(),
            signatures: Vec::new(),
            ja4: "t12i000000_000000000000_000000000000".to_owned(),
        });
        let is_tls = self.token.form == Form::Https;
        is_tls.then(|| {
            (
                self.hit(self.address, hello, host.into_iter().collect()),
                None,
            )
        })
    }

    /// Only the name is asked for.
    pub(super) fn look_up(&self) -> Asked {
        let query = HitKind::Dns(Query {
            transport: Transport::Udp,
            id: self.port,
            flags: 0x0100,
            name: "token.canary.example.".to_owned(),
            class: 1,
            type_code: 1,
            type_name: "A".to_owned(),
            edns: None,
            reply: None,
        });
        (
            self.hit(self.resolver, query, vec![self.host(Place::Host)]),
            None,
        )
    }

    fn page_and(&self, part: Part) -> [Asked; 2] {
        [Part::Link, part].map(|part| self.part("GET", part, Some(PAGE)))
    }

    fn has_the_link(&self, place: Place, class: Class) -> Asked {
        let bare = Self {
            zoned: false,
            ..self.clone()
        };
        bare.ask("GET", "/x", vec![found(place, class, self.token)], Some(20))
    }

    fn ask(&self, method: &str, target: &str, tokens: Vec<Match>, took: Option<u64>) -> Asked {
        let host = self.zoned.then(|| self.host(Place::Host));
        let request = HitKind::Http(Request {
            method: method.to_owned(),
            target: Bytes::from(target.as_bytes()),
            version: "HTTP/1.1".to_owned(),
            tls: self.token.form == Form::Https,
            opening: None,
            forwarded: None,
            headers: vec![("User-Agent".to_owned(), Bytes::from(self.agent.as_bytes()))],
        });
        let tokens = host.into_iter().chain(tokens).collect();
        (self.hit(self.address, request, tokens), took)
    }

    fn host(&self, place: Place) -> Match {
        let part = Part::Host;
        found(place, Class::Intact, TokenId { part, ..self.token })
    }

    fn hit(&self, address: IpAddr, kind: HitKind, matches: Vec<Match>) -> Hit {
        Hit {
            received: self.at,
            door: self.door,
            peer: SocketAddr::new(address, self.port),
            kind,
            recognition: Recognition { matches },
        }
    }
}

const fn found(place: Place, class: Class, token: TokenId) -> Match {
    Match {
        place,
        class,
        token: Some(token),
    }
}
