//! Whether a scenario still finds its way: both accounts are signed in, the sender walks to the composer, nothing is typed
//! there and nothing sent, and every alias is looked for.

use std::collections::BTreeMap;
use std::path::Path;

use super::Finding;
use crate::audit::conduct::AuditError;
use crate::audit::given::{Values, secrets};
use crate::audit::rehearse::{address_of, practice_for};
use crate::audit::stage::sighting;
use crate::browser::{self, Driver, DriverOptions, Fill, Session, SessionOptions};
use crate::model::{Account, Phase, Sighting};
use crate::scenario::{PRACTICE_URL, Piece, Scenario, Step, Target, Variant, Verb};

/// A scenario that is walked through, in one of its variants.
#[derive(Debug)]
pub struct Walk {
    /// The scenario.
    pub scenario: Scenario,
    /// The variant.
    pub variant: Variant,
    /// The values of its variables.
    pub values: Values,
    /// How browsers are had.
    pub driver: DriverOptions,
    /// Whether they show a window.
    pub headed: bool,
}

/// What was found so far.
#[derive(Default)]
struct Walked {
    findings: Vec<Finding>,
    seen: BTreeMap<String, Sighting>,
}

impl Walk {
    /// Walks, and says how each alias was found. Nothing is typed but what signs in, and nothing is sent.
    ///
    /// # Errors
    /// There is no browser, a secret cannot be had, or a practice messenger does not start.
    pub async fn look(mut self) -> Result<Vec<Finding>, AuditError> {
        let practice = match self.variant.practice {
            Some(persona) => Some(practice_for(persona, &self.driver, 1, None).await?),
            None => None,
        };
        if let Some(practice) = &practice {
            self.values
                .insert(PRACTICE_URL.to_owned(), address_of(practice));
        }
        let walked = self.walk().await;
        if let Some(practice) = practice {
            practice.stop().await;
        }
        Ok(self.told(walked?))
    }

    async fn walk(&self) -> Result<Walked, AuditError> {
        let driver = Driver::start(&self.driver).await?;
        let mut walked = Walked::default();
        let ways: [(Account, &[Phase]); 2] = [
            (Account::Sender, &[Phase::Login, Phase::Open]),
            (Account::Recipient, &[Phase::Login]),
        ];
        for (account, phases) in ways {
            if let Err(error) = self.with(account, phases, &driver, &mut walked).await {
                driver.stop().await;
                return Err(error);
            }
        }
        driver.stop().await;
        Ok(walked)
    }

    /// One account: its phases as far as they go, then a look at everything.
    async fn with(
        &self,
        account: Account,
        phases: &[Phase],
        driver: &Driver,
        walked: &mut Walked,
    ) -> Result<(), AuditError> {
        let mut fill = self.fill(account).await?;
        let options = SessionOptions {
            account,
            profile: None,
            door: None,
            headed: self.headed,
        };
        let session = driver.open(&options).await?;
        for &phase in phases {
            let stopped = self.phase(&session, phase, &mut fill).await;
            self.collect(&session, account, phase, walked);
            if let Some(stopped) = stopped {
                walked.findings.push(stumbled(account, phase, stopped));
                break;
            }
            self.look_for_all(&session, &fill).await;
            self.collect(&session, account, phase, walked);
        }
        session.close().await;
        Ok(())
    }

    async fn fill(&self, account: Account) -> Result<Fill, AuditError> {
        let accounts = &self.scenario.accounts;
        let folder = Path::new(&self.scenario.source.name).parent();
        let folder = folder.unwrap_or_else(|| Path::new(""));
        let mut fill = Fill::acting(accounts, account);
        fill.vars = self.values.clone();
        fill.secrets = secrets(accounts.get(account), folder, &self.driver).await?;
        Ok(fill)
    }

    /// Plays a phase; what stopped it, if anything did.
    async fn phase(&self, session: &Session, phase: Phase, fill: &mut Fill) -> Option<String> {
        let setting = browser::Setting::from(&self.scenario);
        for step in self.scenario.script.phase(phase) {
            if let Err(error) = session.play(step, fill, &setting).await {
                return Some(error.to_string());
            }
        }
        None
    }

    /// One look for each alias that can be there before there is a message. The session remembers what it found.
    async fn look_for_all(&self, session: &Session, fill: &Fill) {
        let setting = browser::Setting::from(&self.scenario);
        for (alias, alternatives) in &self.scenario.locators {
            if self.comes_with_a_message(alias) {
                continue;
            }
            let target = Target {
                alias: Some(alias.clone()),
                alternatives: alternatives.clone(),
            };
            if let Err(fault) = session.sees(&target, fill, &setting).await {
                tracing::debug!(%fault, alias, "not looked for");
            }
        }
    }

    fn collect(&self, session: &Session, account: Account, phase: Phase, walked: &mut Walked) {
        for (alias, seen) in session.take_seen() {
            let name = &self.variant.name;
            let sighting = sighting(name, account, phase, alias.clone(), seen);
            // The worse of two looks is told: on one of the two pages something has changed.
            let known = walked.seen.get(&alias).map(|known| known.alternative);
            if known.is_none_or(|known| known < sighting.alternative) {
                walked.seen.insert(alias, sighting);
            }
        }
    }

    /// Whether only a message with our link can be found by it.
    fn comes_with_a_message(&self, alias: &str) -> bool {
        let mut alternatives = self.scenario.locators.get(alias).into_iter().flatten();
        alternatives.all(|locator| {
            let texts = locator.by.templates().into_iter().chain(&locator.has_text);
            let mut pieces = texts.flat_map(|text| text.pieces());
            let holds = pieces.any(|piece| matches!(piece, Piece::Canary | Piece::CanaryToken));
            let mut around = locator.leads_through();
            // No alias is within itself: that is a mistake in the scenario.
            holds || around.any(|around| self.comes_with_a_message(around))
        })
    }

    /// What was found, in the order of the aliases' names, behind what stopped the walk.
    fn told(&self, walked: Walked) -> Vec<Finding> {
        let stopped = !walked.findings.is_empty();
        let mut findings = walked.findings;
        for (alias, alternatives) in &self.scenario.locators {
            let what = format!("`{alias}`");
            findings.push(match walked.seen.get(alias) {
                Some(seen) => found(what, seen),
                None if self.comes_with_a_message(alias) => {
                    Finding::fine(what, "comes with a message")
                }
                None => self.unseen(what, alias, alternatives.len(), stopped),
            });
        }
        findings
    }

    fn unseen(&self, what: String, alias: &str, of: usize, stopped: bool) -> Finding {
        let none = format!("none of its {of} alternatives found anything");
        if stopped {
            let advice = "mend what stopped the walk, and look again";
            return Finding::unsure(what, format!("{none}, as far as the walk went"), advice);
        }
        if self.targets(Phase::Compose).any(|used| used == alias) {
            return Finding::wrong(
                what,
                none,
                "nothing can be typed: look at the page, and add an alternative",
            );
        }
        if self.targets(Phase::Send).any(|used| used == alias) {
            let advice = "it may only be there once something is typed, which is not done here";
            return Finding::unsure(what, none, advice);
        }
        Finding::fine(
            what,
            "not there, and nothing needs it before a message is typed",
        )
    }

    /// The aliases that the steps of a phase act on.
    fn targets(&self, phase: Phase) -> impl Iterator<Item = &str> {
        let steps = self.scenario.script.phase(phase).iter();
        steps.filter_map(|step| acted_on(step)?.alias.as_deref())
    }
}

fn acted_on(step: &Step) -> Option<&Target> {
    match &step.verb {
        Verb::Click(target) => Some(target),
        Verb::Type(typed) => Some(&typed.into),
        _ => None,
    }
}

fn found(what: String, seen: &Sighting) -> Finding {
    let words = format!("{} ({}, {})", seen.words(), seen.account, seen.phase);
    if seen.has_drifted() {
        let advice = "what stands before it finds nothing any more: take it out, or put it right";
        return Finding::wrong(what, format!("drifted: {words}"), advice);
    }
    Finding::fine(what, words)
}

/// Whether the page has changed or nobody is signed in cannot be told where it is the sign-in that fails.
fn stumbled(account: Account, phase: Phase, why: String) -> Finding {
    let what = format!("{account} at {phase}");
    match phase {
        Phase::Login => Finding::unsure(what, why, "sign in first, or look with --headed"),
        _ => Finding::wrong(
            what,
            why,
            "look at the page with --headed, and mend this step",
        ),
    }
}
