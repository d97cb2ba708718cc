//! Who plays an account's steps: a browser, or a person who is told what to do and says when it is done.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::audit::person::{People, Quiet};
use crate::browser::{
    Course, Fault, Fill, Links, Played, Scene, Seen, Session, Setting, StepError, Veil,
};
use crate::canary::Link;
use crate::model::{Account, Timestamp};
use crate::scenario::{Step, Target, Verb};

/// Acts for one account.
pub(super) enum Hands {
    /// A browser.
    Browser(Box<Session>),
    /// A person.
    Person(Person),
}

/// Somebody who has the account's app in front of them.
pub(super) struct Person {
    people: People,
    account: Account,
}

impl Hands {
    pub(super) const fn person(people: People, account: Account) -> Self {
        Self::Person(Person { people, account })
    }

    /// Browser and driver, as they name themselves.
    pub(super) fn named(&self) -> String {
        match self {
            Self::Browser(session) => {
                let versions = session.versions();
                let both = [versions.browser.as_str(), versions.driver.as_str()].join(", ");
                both.trim_end_matches(", ").to_owned()
            }
            Self::Person(_) => "by hand".to_owned(),
        }
    }

    pub(super) async fn play(
        &self,
        step: &Step,
        fill: &mut Fill,
        setting: &Setting<'_>,
    ) -> Result<Played, StepError> {
        match self {
            Self::Browser(session) => session.play(step, fill, setting).await,
            Self::Person(person) => person.play(step, fill).await,
        }
    }

    pub(super) async fn sees(
        &self,
        target: &Target,
        fill: &Fill,
        setting: &Setting<'_>,
    ) -> Result<bool, Fault> {
        match self {
            Self::Browser(session) => session.sees(target, fill, setting).await,
            Self::Person(_) => Ok(false),
        }
    }

    /// Takes a draft away; `from` is where a browser finds it.
    pub(super) async fn clear(
        &self,
        from: Option<&Target>,
        fill: &Fill,
        setting: &Setting<'_>,
    ) -> Result<(), Fault> {
        match (self, from) {
            (Self::Browser(session), Some(from)) => session.clear(from, fill, setting).await,
            (Self::Browser(_), None) => Err(Fault::lasting("nothing says where the draft is")),
            (Self::Person(person), _) => {
                let text = "take the link out of the message box again, without sending it";
                person.asked(text).await
            }
        }
    }

    pub(super) async fn links(&self, link: &Link) -> Result<Links, Fault> {
        match self {
            Self::Browser(session) => session.links(link).await,
            // What a person saw is in their answer.
            Self::Person(_) => Ok(Links::default()),
        }
    }

    pub(super) async fn leave(&self, limit: Duration) -> Result<(), Fault> {
        match self {
            Self::Browser(session) => session.leave(limit).await,
            Self::Person(person) => {
                let text = "close the app (or switch the device off): nothing may be shown there until you are asked";
                person.asked(text).await
            }
        }
    }

    pub(super) async fn visit(&self, url: &str, limit: Duration) -> Result<(), Fault> {
        match self {
            Self::Browser(session) => session.visit(url, limit).await,
            Self::Person(_) => Err(no_browser()),
        }
    }

    pub(super) async fn visit_aside(&self, url: &str, limit: Duration) -> Result<(), Fault> {
        match self {
            Self::Browser(session) => session.visit_aside(url, limit).await,
            Self::Person(_) => Err(no_browser()),
        }
    }

    /// Where a browser is, if not on the scenario's hosts.
    pub(super) async fn strayed(
        &self,
        hosts: &[String],
        fill: &Fill,
    ) -> Result<Option<String>, Fault> {
        match self {
            Self::Browser(session) => session.strayed(hosts, fill).await,
            Self::Person(_) => Ok(None),
        }
    }

    /// What the page looks like; none where there is no page.
    pub(super) async fn scene(&self, veil: &Veil) -> Option<Scene> {
        match self {
            Self::Browser(session) => Some(session.scene(veil).await),
            Self::Person(_) => None,
        }
    }

    /// Has the driver hand over what it noted of its pages.
    pub(super) async fn listen(&self) {
        if let Self::Browser(session) = self {
            session.listen().await;
        }
    }

    pub(super) fn take_seen(&self) -> BTreeMap<String, Seen> {
        match self {
            Self::Browser(session) => session.take_seen(),
            Self::Person(_) => BTreeMap::new(),
        }
    }
}

/// No plan has it so.
fn no_browser() -> Fault {
    Fault::lasting("a person opens no link of ours")
}

impl Person {
    /// From when the person was told until they said that it was done: somewhere in between it was.
    async fn play(&self, step: &Step, fill: &Fill) -> Result<Played, StepError> {
        let from = Timestamp::now();
        let done = match &step.verb {
            Verb::Manual { message, .. } => match fill.render(message) {
                Ok(text) => self.asked(&text).await,
                Err(fault) => Err(fault),
            },
            Verb::Hold(span) => {
                tokio::time::sleep(*span).await;
                Ok(())
            }
            _ => Ok(()),
        };
        let to = Timestamp::now();
        let course = match done {
            Ok(()) => Course::Done,
            Err(fault) if step.optional && !fault.is_gone() => Course::Excused(fault.to_string()),
            // Whatever they say: they had the link, and may have done it.
            Err(fault) => return Err(StepError::new(step, fault, Some(from))),
        };
        Ok(Played { course, from, to })
    }

    async fn asked(&self, text: &str) -> Result<(), Fault> {
        match self.people.ask(self.account, text).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::lasting("the person says that it did not work")),
            Err(Quiet) => Err(Fault::gone("nobody answers at the terminal")),
        }
    }
}
