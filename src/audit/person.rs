use tokio::sync::{mpsc, oneshot};

use crate::model::Account;

/// What a person is asked to do.
#[derive(Debug)]
pub struct Question {
    /// With whose app.
    pub account: Account,
    /// What to do. A link of ours may stand in it.
    pub text: String,
    /// Where to say whether it is done.
    pub answer: oneshot::Sender<bool>,
}

/// Persons who act where no browser can. Whoever asks at the terminal is at the other end.
#[derive(Debug, Clone)]
pub struct People(mpsc::UnboundedSender<Question>);

/// Nobody answers any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quiet;

impl People {
    /// People, and where what they are asked arrives.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Question>) {
        let (asking, asked) = mpsc::unbounded_channel();
        (Self(asking), asked)
    }

    /// Asks for something to be done, and waits as long as it takes; whether it was.
    pub(super) async fn ask(&self, account: Account, text: &str) -> Result<bool, Quiet> {
        let (answer, answered) = oneshot::channel();
        let question = Question {
            account,
            text: text.to_owned(),
            answer,
        };
        self.0.send(question).map_err(|_| Quiet)?;
        answered.await.map_err(|_| Quiet)
    }
}
