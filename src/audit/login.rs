//! Signing in once, where a person may have to help, so that runs find their accounts signed in.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::browser::{
    Driver, DriverError, DriverOptions, Fill, Held, ProfileError, Profiles, Session,
    SessionOptions, Setting as Reading, SignedIn, Whose,
};
use crate::model::{Account, Timestamp};
use crate::scenario::{Scenario, Target};

use super::given::{GivenError, Values, folder_of, secrets};
use super::stage::{LOGGED_IN, alias};
use super::stop::Stop;

/// How long a person may take for what the steps do not do.
const PERSON: Duration = Duration::from_secs(600);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// What signing in needs.
#[derive(Debug)]
pub struct Login {
    /// The scenario.
    pub scenario: Scenario,
    /// Which variant.
    pub variant: String,
    /// The values of its variables.
    pub values: Values,
    /// Who signs in.
    pub account: Account,
    /// How browsers are had.
    pub driver: DriverOptions,
    /// Whether a person can act in it.
    pub headed: bool,
    /// Where profiles are kept.
    pub profiles: Profiles,
}

/// Why nobody is signed in. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No browser.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The profile cannot be kept.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A secret cannot be had.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// The steps did not come to their end, or what shows that somebody is signed in was not seen.
    #[error("sign {whose} in: {reason}")]
    Failed {
        /// Who.
        whose: Whose,
        /// Why, redacted.
        reason: String,
    },
}

/// Signs an account in and keeps its profile. None where it was wished to stop before that.
///
/// # Errors
/// There is no browser, the profile is in use, or nobody was signed in, in time.
pub async fn login(asked: Login, stop: &Stop) -> Result<Option<SignedIn>, LoginError> {
    let held = asked.profiles.make(&asked.whose())?;
    let mut fill = asked.fill().await?;
    let driver = Driver::start(&asked.driver).await?;
    let signed_in = stop.or(asked.sign_in(&driver, &held, &mut fill)).await;
    driver.stop().await;
    // Only a browser that has ended has written all down.
    match signed_in {
        None => Ok(None),
        Some(Err(error)) => Err(error),
        Some(Ok(at)) => {
            held.seen(at)?;
            Ok(held.signed_in()?)
        }
    }
}

impl Login {
    fn whose(&self) -> Whose {
        Whose {
            service: self.scenario.service.name.clone(),
            variant: self.variant.clone(),
            account: self.account,
        }
    }

    async fn fill(&self) -> Result<Fill, GivenError> {
        let identity = self.scenario.accounts.get(self.account);
        let mut fill = Fill::acting(&self.scenario.accounts, self.account);
        fill.vars = self.values.clone();
        fill.secrets = secrets(identity, folder_of(&self.scenario), &self.driver).await?;
        Ok(fill)
    }

    async fn sign_in(
        &self,
        driver: &Driver,
        held: &Held,
        fill: &mut Fill,
    ) -> Result<Timestamp, LoginError> {
        let options = SessionOptions {
            account: self.account,
            profile: Some(held.profile()),
            door: None,
            headed: self.headed,
        };
        let session = driver.open(&options).await?;
        let played = self.play(&session, fill).await;
        let at = Timestamp::now();
        session.close().await;
        played.map(|()| at).map_err(|reason| LoginError::Failed {
            whose: self.whose(),
            reason,
        })
    }

    /// What the steps leave undone, a person may do.
    async fn play(&self, session: &Session, fill: &mut Fill) -> Result<(), String> {
        let reading = Reading::from(&self.scenario);
        let marker = alias(&self.scenario, LOGGED_IN);
        for step in &self.scenario.script.login {
            let Err(error) = session.play(step, fill, &reading).await else {
                continue;
            };
            let Some(marker) = marker.as_ref().filter(|_| self.headed && !error.is_gone()) else {
                return Err(error.to_string());
            };
            tracing::warn!(account = %self.account, "sign in by hand: {error}");
            return self.wait(session, fill, marker, PERSON).await;
        }
        match &marker {
            Some(marker) => {
                let limit = self.scenario.timeouts.page;
                self.wait(session, fill, marker, limit).await
            }
            None => Ok(()),
        }
    }

    async fn wait(
        &self,
        session: &Session,
        fill: &Fill,
        marker: &Target,
        limit: Duration,
    ) -> Result<(), String> {
        let reading = Reading::from(&self.scenario);
        let until = Instant::now() + limit;
        loop {
            match session.sees(marker, fill, &reading).await {
                Ok(true) => return Ok(()),
                Err(fault) if fault.is_gone() => return Err(fault.to_string()),
                _ if Instant::now() >= until => {
                    return Err(format!(
                        "`{LOGGED_IN}` was not seen within {} s",
                        limit.as_secs()
                    ));
                }
                _ => sleep(LOOK).await,
            }
        }
    }
}
