//! What is done when all is sent: the recipient comes back, looks, and follows.

use super::{Gone, Stage, Trouble, not_played};
use crate::model::{Account, Arrival, Doubt, Failure, Phase, Record, Timestamp, Trial};
use crate::plan::Sent;
use crate::store::StoreError;

impl Stage<'_> {
    /// The recipient comes back, and looks for everything that was sent meanwhile. All of it may be on the page at once,
    /// so all of it counts as shown from this instant.
    pub(in crate::audit) async fn arrive(&mut self, sent: Vec<Sent>) -> Result<(), StoreError> {
        let trials = sent.iter().map(|sent| sent.trial.id).collect();
        self.house.intend(Some(Phase::Receive), trials).await?;
        let back = Timestamp::now();
        let came = self.phase(Account::Recipient, Phase::Login, None).await;
        let mut missing = match came {
            Ok(()) => None,
            Err(Trouble::Page(failure, _)) => Some(*failure),
            Err(Trouble::Store(error)) => return Err(error),
        };
        for Sent {
            trial,
            sought,
            since,
        } in sent
        {
            let seen = match &missing {
                Some(earlier) => Err(not_played(&trial, earlier)),
                None if sought => self.look_for(&trial).await?,
                // What was not seen to leave has its failure already.
                None => Ok(false),
            };
            let to = matches!(seen, Ok(true)).then(Timestamp::now);
            let from = since.unwrap_or(back).min(back);
            self.house.shown(&trial, Phase::Receive, from, to).await?;
            match seen {
                Ok(true) => self.notice(&trial, Phase::Receive).await?,
                Ok(false) => {}
                Err((failure, gone)) => {
                    if gone {
                        missing = Some(failure.clone());
                    }
                    self.house.fail(failure).await?;
                }
            }
        }
        self.leave().await;
        Ok(())
    }

    /// Looks for one message at the recipient, and writes down what its link has become.
    async fn look_for(
        &mut self,
        trial: &Trial,
    ) -> Result<Result<bool, (Failure, Gone)>, StoreError> {
        self.recipient.fill.link = Some(self.house.link(trial));
        let played = self
            .phase(Account::Recipient, Phase::Receive, Some(trial))
            .await;
        if let Err(Trouble::Store(error)) = played {
            return Err(error);
        }
        let rewritten = self.note_arrival(trial).await?;
        match played {
            Err(Trouble::Page(mut failure, gone)) => {
                if rewritten && failure.doubt == Doubt::NotDelivered {
                    failure.doubt = Doubt::LinkRewritten;
                }
                Ok(Err((*failure, gone)))
            }
            _ => Ok(Ok(true)),
        }
    }

    /// Whether the link is there, and only as another one.
    async fn note_arrival(&mut self, trial: &Trial) -> Result<bool, StoreError> {
        let link = self.house.link(trial);
        let found = self.recipient.session.links(&link).await;
        let found = found.inspect_err(|fault| tracing::debug!(%fault, "links were not looked for"));
        let Some(found) = found
            .ok()
            .filter(|found| found.intact || !found.others.is_empty())
        else {
            return Ok(false);
        };
        let rewritten = !found.intact;
        let arrival = Arrival {
            trial: trial.id,
            at: Timestamp::now(),
            intact: found.intact,
            others: found.others,
        };
        self.house.append(&Record::Arrival(arrival)).await?;
        Ok(rewritten)
    }

    /// The recipient follows what it has seen.
    pub(in crate::audit) async fn follow(&mut self, seen: Vec<Trial>) -> Result<(), StoreError> {
        for trial in seen {
            self.house
                .intend(Some(Phase::Follow), vec![trial.id])
                .await?;
            self.recipient.fill.link = Some(self.house.link(&trial));
            let from = Timestamp::now();
            let played = match self.phase(Account::Recipient, Phase::Login, None).await {
                Ok(()) => self.seek_and_follow(&trial).await,
                trouble => trouble,
            };
            let to = played.is_ok().then(Timestamp::now);
            self.house.shown(&trial, Phase::Follow, from, to).await?;
            match played {
                Ok(()) => {}
                Err(Trouble::Page(failure, _)) => {
                    let trial = Some(trial.id);
                    self.house.fail(Failure { trial, ..*failure }).await?;
                }
                Err(Trouble::Store(error)) => return Err(error),
            }
            self.leave().await;
        }
        Ok(())
    }

    async fn seek_and_follow(&mut self, trial: &Trial) -> Result<(), Trouble> {
        for phase in [Phase::Receive, Phase::Follow] {
            self.phase(Account::Recipient, phase, Some(trial)).await?;
        }
        Ok(())
    }

    /// The recipient goes away: no page of the service stays open.
    pub(super) async fn leave(&mut self) {
        let page = self.house.scenario.timeouts.page;
        if let Err(fault) = self.recipient.session.leave(page).await {
            tracing::warn!(%fault, "the recipient's browser did not leave the page");
        }
    }
}
