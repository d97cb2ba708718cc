//! Plays one step: guard, action, patience, and what is said when it fails.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use tokio::time::sleep;

use super::Session;
use super::fault::Fault;
use super::locator::{Eye, Found, list, name};
use super::template::{Fill, shown};
use super::text::plain;
use crate::diagnostic::printable;
use crate::model::{StepRef, Timestamp, display_duration};
use crate::scenario::{
    Count, Dismiss, Guard, Locator, Scenario, Step, Target, Template, Timeouts, Verb, Wait,
    is_on_hosts,
};

/// How long to wait between two looks.
const POLL: Duration = Duration::from_millis(75);
/// How often to look for dialogs while waiting: each rule costs a round trip.
const DISMISS_EVERY: Duration = Duration::from_millis(250);
/// How long a page may be unreadable (it is being replaced) before a guard gives up on it.
const UNREADABLE: Duration = Duration::from_secs(3);
/// How long a person may take, where the step does not say.
const PERSON: Duration = Duration::from_secs(600);
/// How much text of a page goes into a message.
const QUOTE: usize = 80;
/// How long a message may be.
const MESSAGE: usize = 700;

const READY: &str = include_str!("page/ready.js");
const READ: &str = include_str!("page/read.js");

/// What steps need of their scenario.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Locator aliases, by name.
    pub locators: &'a BTreeMap<String, Vec<Locator>>,
    /// Dialogs that may come up at any time.
    pub dismiss: &'a [Dismiss],
    /// How long steps may take.
    pub timeouts: Timeouts,
    /// Host names that a `goto` may lead to.
    pub hosts: &'a [String],
    /// The attribute that `testid` locators look at.
    pub testid_attr: &'a str,
}

impl<'a> From<&'a Scenario> for Setting<'a> {
    fn from(scenario: &'a Scenario) -> Self {
        Self {
            locators: &scenario.locators,
            dismiss: &scenario.dismiss,
            timeouts: scenario.timeouts,
            hosts: &scenario.hosts,
            testid_attr: &scenario.service.testid_attr,
        }
    }
}

/// A step that was played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// What became of it.
    pub course: Course,
    /// Just before anything of it could reach the page: after the waiting, before the click or the first key.
    pub from: Timestamp,
    /// Just after it.
    pub to: Timestamp,
}

/// What became of a step that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// It was done.
    Done,
    /// Its guard said not to, or what a person should do was done already.
    Skipped,
    /// It failed, and is optional; why, redacted.
    Excused(String),
}

/// Why a step failed; one line, redacted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (line {}): {fault}", at.line)]
pub struct StepError {
    /// Which step.
    pub at: StepRef,
    /// What it was about to do, such as ``click `submit` ``.
    pub what: String,
    /// What went wrong.
    pub fault: Fault,
    /// The instant before the first input that may have reached the page; none when none can have.
    pub acted: Option<Timestamp>,
}

impl StepError {
    /// A step that failed.
    #[must_use]
    pub fn new(step: &Step, fault: Fault, acted: Option<Timestamp>) -> Self {
        Self {
            at: StepRef {
                verb: step.verb.name().to_owned(),
                line: step.line,
            },
            what: describe(&step.verb),
            fault,
            acted,
        }
    }

    /// Whether the browser or its driver is gone, rather than the page not being as expected.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.fault.is_gone()
    }
}

/// What one attempt came to.
enum Attained {
    Done,
    Skipped,
    Saved(String),
}

impl Session {
    /// Plays a step.
    ///
    /// # Errors
    ///
    /// When it cannot be done in its time and is not optional, or the browser is gone.
    pub async fn play(
        &self,
        step: &Step,
        fill: &mut Fill,
        setting: &Setting<'_>,
    ) -> Result<Played, StepError> {
        let began = Timestamp::now();
        let mut acted = None;
        let mut tries = 0;
        let attained = loop {
            let mut attempt = Attempt::new(self.eye(fill, setting), step, acted);
            let attained = attempt.play(step).await;
            acted = attempt.acted;
            match attained {
                Err(fault) if tries < step.retry && may_repeat(step, &fault, acted) => {
                    tries += 1;
                    tracing::debug!(
                        line = step.line,
                        tries,
                        "step is tried again: {}",
                        fill.cover(&fault.message)
                    );
                    sleep(POLL).await;
                }
                attained => break attained,
            }
        };
        let course = match attained {
            Ok(attained) => settle(step, attained, fill),
            Err(fault) => excuse(step, fault, fill, acted)?,
        };
        tracing::debug!(account = %self.account(), verb = step.verb.name(), line = step.line, ?course, "step");
        Ok(Played {
            course,
            from: acted.unwrap_or(began),
            to: Timestamp::now(),
        })
    }

    /// One immediate look: whether there is such an element.
    ///
    /// # Errors
    ///
    /// When the page cannot be looked at.
    pub async fn sees(
        &self,
        target: &Target,
        fill: &Fill,
        setting: &Setting<'_>,
    ) -> Result<bool, Fault> {
        let found = self.eye(fill, setting).find_readable(target).await;
        found
            .map(|found| found.count > 0)
            .map_err(|fault| redacted(fault, fill))
    }

    /// Empties an element, such as the composer after a draft, and makes sure that it is empty.
    ///
    /// # Errors
    ///
    /// When it is not there, or does not become empty.
    pub async fn clear(
        &self,
        target: &Target,
        fill: &Fill,
        setting: &Setting<'_>,
    ) -> Result<(), Fault> {
        let mut attempt = Attempt::within(self.eye(fill, setting), setting.timeouts.step);
        attempt
            .clear(target)
            .await
            .map_err(|fault| redacted(fault, fill))
    }

    const fn eye<'a>(&'a self, fill: &'a Fill, setting: &'a Setting<'a>) -> Eye<'a> {
        Eye {
            session: self,
            fill,
            setting,
        }
    }
}

/// A step with an effect is never done twice: once anything may have reached the page, it is over.
fn may_repeat(step: &Step, fault: &Fault, acted: Option<Timestamp>) -> bool {
    !fault.is_gone() && (!step.effect || acted.is_none())
}

fn settle(step: &Step, attained: Attained, fill: &mut Fill) -> Course {
    match attained {
        Attained::Done => Course::Done,
        Attained::Skipped => Course::Skipped,
        Attained::Saved(value) => {
            if let Verb::Save { name, .. } = &step.verb {
                fill.vars.insert(name.clone(), value);
            }
            Course::Done
        }
    }
}

fn excuse(
    step: &Step,
    fault: Fault,
    fill: &Fill,
    acted: Option<Timestamp>,
) -> Result<Course, StepError> {
    let mut fault = redacted(fault, fill);
    if step.effect && acted.is_some() {
        fault
            .message
            .push_str("; it may have been done, so it is not tried again");
    } else if step.optional && !fault.is_gone() {
        return Ok(Course::Excused(fault.message));
    }
    Err(StepError::new(step, fault, acted))
}

fn redacted(fault: Fault, fill: &Fill) -> Fault {
    let message = printable(&fill.cover(&fault.message), MESSAGE);
    Fault { message, ..fault }
}

fn describe(verb: &Verb) -> String {
    match verb {
        Verb::Goto { url, .. } => format!("go to `{}`", shown(url)),
        Verb::Click(target) => format!("click {}", name(target)),
        Verb::Type(text) => format!("type into {}", name(&text.into)),
        Verb::Press(keys) => format!("press {}", keys.join("+")),
        Verb::Wait(Wait::Url(pattern)) => format!(
            "wait for an address like `{}`",
            printable(pattern.as_str(), QUOTE)
        ),
        Verb::Wait(Wait::Element {
            target,
            count: Some(Count::Exactly(0)),
            ..
        }) => {
            format!("wait until {} is gone", name(target))
        }
        Verb::Wait(Wait::Element { target, .. }) => format!("wait for {}", name(target)),
        Verb::Hold(_) => "hold".to_owned(),
        Verb::Manual {
            until: Some(until), ..
        } => format!("wait for a person until {}", name(until)),
        Verb::Manual { until: None, .. } => "ask a person".to_owned(),
        Verb::Mark => "mark".to_owned(),
        Verb::Save {
            name: variable,
            from,
            ..
        } => format!("save `{variable}` from {}", name(from)),
    }
}

/// One attempt at a step, with the time it has.
pub(super) struct Attempt<'a> {
    pub(super) eye: Eye<'a>,
    limit: Duration,
    deadline: Instant,
    next_dismissal: Instant,
    /// The instant before the first input, over all attempts.
    pub(super) acted: Option<Timestamp>,
    /// Whether an earlier attempt acted: then what stands in a field may be our own.
    pub(super) repeated: bool,
}

impl<'a> Attempt<'a> {
    fn new(eye: Eye<'a>, step: &Step, acted: Option<Timestamp>) -> Self {
        let usual = match step.verb {
            Verb::Goto { .. } => eye.setting.timeouts.page,
            Verb::Manual { .. } => PERSON,
            _ => eye.setting.timeouts.step,
        };
        let attempt = Self::within(eye, step.timeout.unwrap_or(usual));
        Self {
            acted,
            repeated: acted.is_some(),
            ..attempt
        }
    }

    fn within(eye: Eye<'a>, limit: Duration) -> Self {
        let now = Instant::now();
        Self {
            eye,
            limit,
            deadline: now + limit,
            next_dismissal: now,
            acted: None,
            repeated: false,
        }
    }

    async fn play(&mut self, step: &Step) -> Result<Attained, Fault> {
        self.dismiss().await?;
        if let Some(guard) = &step.guard
            && !self.applies(guard).await?
        {
            return Ok(Attained::Skipped);
        }
        // Looking for the guard was not the step's own time.
        self.deadline = Instant::now() + self.limit;
        match &step.verb {
            Verb::Goto { url, fresh } => self.goto(url, *fresh).await?,
            Verb::Click(target) => self.click(target, step.effect).await?,
            Verb::Type(text) => self.type_text(text).await?,
            Verb::Press(keys) => self.press(keys).await?,
            Verb::Wait(wait) => self.wait(wait).await?,
            Verb::Hold(span) => sleep(*span).await,
            Verb::Manual { message, until } => {
                return self.manual(message, until.as_ref()).await;
            }
            Verb::Mark => {}
            Verb::Save { from, attr, .. } => {
                return self.save(from, attr.as_deref()).await.map(Attained::Saved);
            }
        }
        Ok(Attained::Done)
    }

    /// Notes that from now on something may have reached the page.
    pub(super) fn acting(&mut self) {
        self.acted.get_or_insert_with(Timestamp::now);
    }

    /// After a failed look: waits a little for the next; or fails, when the fault is none that passes, or time is up.
    pub(super) async fn again(&mut self, fault: Fault) -> Result<(), Fault> {
        if !fault.is_passing() {
            return Err(fault);
        }
        if Instant::now() >= self.deadline {
            return Err(self.given_up(&fault).await);
        }
        sleep(POLL).await;
        self.dismiss().await
    }

    async fn given_up(&self, fault: &Fault) -> Fault {
        let session = self.eye.session;
        let place = match session.ask(session.client().current_url()).await {
            Ok(url) => format!(" at {}", printable(&self.eye.fill.cover(url.as_str()), 200)),
            Err(_) => String::new(),
        };
        Fault::passing(format!(
            "{}; gave up after {}{place}",
            fault.message,
            display_duration(self.limit)
        ))
    }

    /// Clicks away the dialogs that the scenario knows. That one does not go away is found out by the step itself.
    async fn dismiss(&mut self) -> Result<(), Fault> {
        if self.eye.setting.dismiss.is_empty() || Instant::now() < self.next_dismissal {
            return Ok(());
        }
        self.next_dismissal = Instant::now() + DISMISS_EVERY;
        for rule in self.eye.setting.dismiss {
            match self.dismiss_one(rule).await {
                Err(fault) if !fault.is_passing() => return Err(fault),
                Err(fault) => {
                    tracing::debug!("a dialog stays: {}", self.eye.fill.cover(&fault.message))
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    async fn dismiss_one(&self, rule: &Dismiss) -> Result<(), Fault> {
        if self.eye.find(&rule.when).await?.count == 0 {
            return Ok(());
        }
        let element = self.ready(&rule.click, false).await?;
        self.eye.session.ask(element.click()).await?;
        tracing::debug!(rule = name(&rule.when), "dialog dismissed");
        Ok(())
    }

    async fn applies(&self, guard: &Guard) -> Result<bool, Fault> {
        let until = Instant::now() + guard.probe;
        loop {
            let there = self.eye.find_readable(&guard.target).await?.count > 0;
            if there || Instant::now() >= until {
                return Ok(there == guard.present);
            }
            sleep(POLL).await;
        }
    }

    async fn goto(&mut self, url: &Template, fresh: bool) -> Result<(), Fault> {
        let url = self.eye.fill.render(url)?;
        self.allowed(&url)?;
        self.acting();
        if fresh {
            self.eye.session.go("about:blank", self.limit).await?;
        }
        self.eye.session.go(&url, self.limit).await
    }

    /// What is filled in must not lead elsewhere than the scenario's author said.
    fn allowed(&self, url: &str) -> Result<(), Fault> {
        match is_on_hosts(url, self.eye.setting.hosts) {
            true => Ok(()),
            false => Err(Fault::lasting(format!(
                "`{}` is no page on the scenario's `hosts`",
                printable(url, 200)
            ))),
        }
    }

    async fn wait(&mut self, wait: &Wait) -> Result<(), Fault> {
        loop {
            let seen = match wait {
                Wait::Url(pattern) => self.at(pattern).await,
                Wait::Element {
                    target,
                    count,
                    text,
                } => self.there(target, *count, text.as_ref()).await,
            };
            match seen {
                Ok(()) => return Ok(()),
                Err(fault) => self.again(fault).await?,
            }
        }
    }

    async fn at(&self, pattern: &regex::Regex) -> Result<(), Fault> {
        let session = self.eye.session;
        let url = session.ask(session.client().current_url()).await?;
        match pattern.is_match(url.as_str()) {
            true => Ok(()),
            false => Err(Fault::passing("the address is another")),
        }
    }

    async fn there(
        &self,
        target: &Target,
        count: Option<Count>,
        text: Option<&Template>,
    ) -> Result<(), Fault> {
        let found = self.eye.find(target).await?;
        let (matching, quote) = match text {
            Some(text) => self.with_text(&found, text).await?,
            None => (found.count, String::new()),
        };
        let enough = match count {
            Some(Count::Exactly(wanted)) => u32::try_from(matching) == Ok(wanted),
            Some(Count::AtLeast(wanted)) => {
                u32::try_from(matching).is_ok_and(|matching| matching >= wanted)
            }
            None => matching > 0,
        };
        match (enough, found.count) {
            (true, _) => Ok(()),
            (false, 0) => Err(self.unmatched(target)),
            (false, _) if !quote.is_empty() => {
                Err(Fault::passing(format!("its text was `{quote}`")))
            }
            (false, seen) => Err(Fault::passing(format!(
                "there were {seen} ({})",
                list(target, self.eye.setting)
            ))),
        }
    }

    /// How many of the found have this text; and the text of the first that has another.
    async fn with_text(&self, found: &Found, text: &Template) -> Result<(usize, String), Fault> {
        let wanted = plain(&self.eye.fill.render(text)?);
        let mut matching = 0;
        let mut other = String::new();
        for element in &found.elements {
            let held = plain(&self.read(element).await?);
            if held == wanted {
                matching += 1;
            } else if other.is_empty() {
                other = printable(&self.eye.fill.cover(&held), QUOTE);
            }
        }
        Ok((matching, other))
    }

    async fn manual(
        &mut self,
        message: &Template,
        until: Option<&Target>,
    ) -> Result<Attained, Fault> {
        let message = self.eye.fill.render(message)?;
        let until = until.ok_or_else(|| Fault::lasting("this is done without a browser"))?;
        if self.eye.find_readable(until).await?.count > 0 {
            return Ok(Attained::Skipped);
        }
        if !self.eye.session.is_headed() {
            return Err(Fault::lasting(format!(
                "a person has to act in a browser with a window: {}",
                printable(&message, 200)
            )));
        }
        tracing::warn!(account = %self.eye.session.account(), "{}", printable(&message, 200));
        self.wait(&Wait::Element {
            target: until.clone(),
            count: None,
            text: None,
        })
        .await?;
        Ok(Attained::Done)
    }

    /// The first match, if it can be acted on now.
    pub(super) async fn ready(&self, target: &Target, typing: bool) -> Result<Element, Fault> {
        let found = self.eye.find(target).await?;
        let element = found
            .elements
            .into_iter()
            .next()
            .ok_or_else(|| self.unmatched(target))?;
        let args = vec![argument(&element)?, typing.into()];
        let answer = self.eye.session.run(READY, args).await?;
        match answer.as_str() {
            Some("") => Ok(element),
            Some(why) => Err(Fault::passing(format!("it was {}", printable(why, QUOTE)))),
            None => Err(Fault::passing("the page did not say whether it is ready")),
        }
    }

    pub(super) async fn read(&self, element: &Element) -> Result<String, Fault> {
        let answer = self.eye.session.run(READ, vec![argument(element)?]).await?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    }

    pub(super) fn unmatched(&self, target: &Target) -> Fault {
        Fault::passing(format!(
            "nothing matched ({})",
            list(target, self.eye.setting)
        ))
    }
}

impl Eye<'_> {
    /// One look at a page that may just be being replaced: an unreadable page must not read as an empty one.
    async fn find_readable(&self, target: &Target) -> Result<Found, Fault> {
        let until = Instant::now() + UNREADABLE;
        loop {
            match self.find(target).await {
                Err(fault) if fault.is_passing() && Instant::now() < until => sleep(POLL).await,
                found => return found,
            }
        }
    }
}

/// An element as the argument of a script.
pub(super) fn argument(element: &Element) -> Result<serde_json::Value, Fault> {
    serde_json::to_value(element).map_err(|error| Fault::lasting(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever plays two accounts at once moves these futures between threads; that they can is seen at compile time.
    #[test]
    fn playing_can_be_spawned() {
        fn is_send<T: Send>(_: &T) {}
        let _check = |session: &Session, step: &Step, fill: &mut Fill, setting: &Setting<'_>| {
            is_send(&session.play(step, fill, setting));
        };
    }
}
