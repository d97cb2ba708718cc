//! What the provider does with what is written, as its manners say. Nothing of it keeps anybody who writes waiting.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::Url;

use super::chat::Chat;
use super::link::{links, mangled, wrapped};
use super::persona::{Delivery, Links, Manners, Moment, Visit, Visitor, manners};
use super::server::{PracticeError, Setting};
use super::tunnel::Tunnel;
use super::visit::Visiting;
use super::world::{Renderer, Resolver};
use crate::model::Persona;

/// The chance of [`Links::ThreeInTen`].
const CHANCE: f64 = 0.3;
/// How long a browser may take over one page.
const RENDERING: Duration = Duration::from_secs(30);
/// How many links it remembers to have seen.
const REMEMBERED: usize = 10_000;
/// How many visits may go on or wait: what comes on top of that is let go.
const MOST: usize = 256;

/// The provider of the practice messenger.
#[derive(Debug)]
pub(super) struct Provider {
    manners: Manners,
    late: Duration,
    ledger: Mutex<Ledger>,
    tasks: Mutex<JoinSet<()>>,
    means: Arc<Means>,
}

/// What visits are made with.
#[derive(Debug)]
struct Means {
    visiting: Visiting,
    browser: Option<Browser>,
    chat: Arc<Chat>,
}

/// A browser that comes from the provider's address.
#[derive(Debug)]
struct Browser {
    renderer: Renderer,
    tunnel: Tunnel,
    /// One page at a time: a browser takes a whole processor.
    turn: Semaphore,
}

/// What it remembers of the links it has seen.
#[derive(Debug)]
struct Ledger {
    seen: BTreeSet<String>,
    over_tls: u32,
    dice: ChaCha8Rng,
}

impl Provider {
    pub(super) async fn new(setting: &Setting, chat: Arc<Chat>) -> Result<Self, PracticeError> {
        let manners = manners(setting.persona);
        let browser = match manners.visit {
            Some((_, Visit::Render)) => Some(Browser::new(setting).await?),
            _ => None,
        };
        let names = setting.names.as_ref();
        Ok(Self {
            manners,
            late: setting.late,
            ledger: Mutex::new(Ledger {
                seen: BTreeSet::new(),
                over_tls: 0,
                dice: ChaCha8Rng::seed_from_u64(setting.seed),
            }),
            tasks: Mutex::default(),
            means: Arc::new(Means {
                visiting: Visiting::new(manners.visitor, manners.agent, names)?,
                browser,
                chat,
            }),
        })
    }

    /// Whether it wants to know what is being written.
    pub(super) fn reads_drafts(&self) -> bool {
        matches!(self.manners.visit, Some((Moment::Typed, _)))
    }

    pub(super) const fn manners(&self) -> Manners {
        self.manners
    }

    /// What of a text arrives at the recipient; `home` is the messenger's own address.
    pub(super) fn delivers(&self, text: &str, home: &str) -> Option<String> {
        match self.manners.delivery {
            Delivery::AsWritten => Some(text.to_owned()),
            Delivery::Wrapped => Some(wrapped(text, home)),
            Delivery::Mangled => Some(mangled(text)),
            Delivery::Dropped => links(text).is_empty().then(|| text.to_owned()),
        }
    }

    /// Something is being written.
    pub(super) fn typed(&self, text: &str) {
        self.turn_to(Moment::Typed, 0, text);
    }

    /// A message was sent; `text` is what the provider has made of it.
    pub(super) fn sent(&self, message: u32, text: &str) {
        self.turn_to(Moment::Sent, message, text);
        self.turn_to(Moment::Late, message, text);
    }

    /// A message is on the recipient's screen for the first time.
    pub(super) fn shown(&self, message: u32, text: &str) {
        self.turn_to(Moment::Shown, message, text);
    }

    /// Somebody else in the provider's network asked for a name: its resolver may repeat that too.
    pub(super) fn also_asked(&self, host: &str) {
        if self.manners.visitor == Visitor::Resolver
            && let Ok(link) = Url::parse(&format!("http://{host}/"))
        {
            self.visit(Duration::ZERO, Visit::LookUp, 0, link);
        }
    }

    fn turn_to(&self, now: Moment, message: u32, text: &str) {
        let Some((moment, visit)) = self.manners.visit else {
            return;
        };
        let delay = match moment {
            Moment::Late => self.late,
            _ => Duration::ZERO,
        };
        for link in links(text).into_iter().filter(|_| moment == now) {
            if self.ledger().takes(self.manners.links, &link) {
                self.visit(delay, visit, message, link);
            }
        }
    }

    /// Calls everybody back.
    pub(super) fn stop(&self) {
        self.tasks().abort_all();
    }

    /// Whether somebody is on the way to a link.
    pub(super) fn is_busy(&self) -> bool {
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        !tasks.is_empty()
    }

    fn visit(&self, delay: Duration, visit: Visit, message: u32, link: Url) {
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= MOST {
            return tracing::warn!("too many visits are going on; one is not made");
        }
        let means = Arc::clone(&self.means);
        tasks.spawn(async move {
            tokio::time::sleep(delay).await;
            means.visit(visit, message, &link).await;
        });
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Whether a link is one to care about. Each is decided upon once, when it is first seen.
    fn takes(&mut self, which: Links, link: &Url) -> bool {
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        if !self.seen.insert(link.as_str().to_owned()) {
            return false;
        }
        match which {
            Links::All => true,
            Links::EverySecondOverTls if link.scheme() == "https" => {
                self.over_tls += 1;
                self.over_tls % 2 == 1
            }
            Links::EverySecondOverTls => false,
            Links::ThreeInTen => self.dice.random_bool(CHANCE),
        }
    }
}

impl Means {
    async fn visit(&self, visit: Visit, message: u32, link: &Url) {
        let host = link.host_str().unwrap_or_default();
        match visit {
            Visit::LookUp => self.visiting.look_up(host).await,
            Visit::Head => self.visiting.head(link).await,
            Visit::Page => _ = self.visiting.page(link).await,
            Visit::Part => self.visiting.part(link).await,
            Visit::HeadThenPage => {
                self.visiting.head(link).await;
                self.visiting.page(link).await;
            }
            Visit::Card => {
                if let Some(card) = self.visiting.card(link).await {
                    self.chat.show_card(message, card);
                }
            }
            Visit::Render => {
                if let Some(browser) = &self.browser {
                    browser.open(link).await;
                }
            }
        }
    }
}

impl Browser {
    async fn new(setting: &Setting) -> Result<Self, PracticeError> {
        let renderer = setting
            .renderer
            .clone()
            .ok_or(PracticeError::NoBrowser(Persona::ScriptRenderer))?;
        let address = Visitor::Provider.address();
        let resolver = Resolver::from(address, setting.names.as_ref());
        Ok(Self {
            renderer,
            tunnel: Tunnel::open(address, resolver)
                .await
                .map_err(PracticeError::Tunnel)?,
            turn: Semaphore::new(1),
        })
    }

    async fn open(&self, link: &Url) {
        let Ok(_turn) = self.turn.acquire().await else {
            return;
        };
        let rendered = tokio::time::timeout(RENDERING, self.render(link)).await;
        match rendered {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the provider's browser did not open a page"),
            Err(_) => tracing::warn!("the provider's browser took too long over a page"),
        }
    }

    async fn render(&self, link: &Url) -> std::io::Result<()> {
        let mut command = self.renderer.command(self.tunnel.address, link.as_str())?;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut browser = command.spawn()?;
        // Held until then, and let go of whatever happens: it ends when its standard input does.
        let hold = browser.stdin.take();
        browser.wait().await?;
        drop(hold);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(seed: u64) -> Ledger {
        Ledger {
            seen: BTreeSet::new(),
            over_tls: 0,
            dice: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    fn taken(ledger: &mut Ledger, which: Links, links: &[&str]) -> Vec<bool> {
        let links = links.iter().map(|link| Url::parse(link).unwrap());
        links.map(|link| ledger.takes(which, &link)).collect()
    }

    #[test]
    fn two_of_four_as_in_2013() {
        let links = [
            "https://a/1",
            "http://a/2",
            "https://a/3",
            "https://a/4",
            "https://a/1",
        ];
        let taken = taken(&mut ledger(1), Links::EverySecondOverTls, &links);
        assert_eq!(taken, [true, false, false, true, false]);
    }

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let links: Vec<String> = (0..1000).map(|n| format!("http://a/{n}")).collect();
        let links: Vec<&str> = links.iter().map(String::as_str).collect();
        let of = |seed| taken(&mut ledger(seed), Links::ThreeInTen, &links);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        let hits = of(7).into_iter().filter(|taken| *taken).count();
        assert!((250..350).contains(&hits), "{hits}");
    }
}
