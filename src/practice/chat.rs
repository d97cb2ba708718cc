//! The conversation between the two accounts: who is signed in, what was written, and how far each message got.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::preview::{Card, Picture};
use crate::model::Timestamp;

/// More messages than these are not kept: the oldest go.
const MESSAGES: usize = 500;
/// More sign-ins than these are not kept: the oldest go.
const SESSIONS: usize = 64;
/// The longest message, in characters.
pub(super) const LONGEST: usize = 4000;

/// A made-up account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// Its name.
    pub user: &'static str,
    /// Its password: everybody may know it.
    pub password: &'static str,
}

/// The two accounts there are.
pub const ACCOUNTS: [Login; 2] = [
    Login {
        user: "anna",
        password: "practice-makes-perfect",
    },
    Login {
        user: "ben",
        password: "slow-and-steady",
    },
];

/// One of the two, by its place among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User(usize);

impl User {
    pub(super) const fn name(self) -> &'static str {
        ACCOUNTS[self.0 % 2].user
    }

    pub(super) const fn peer(self) -> Self {
        Self((self.0 + 1) % 2)
    }
}

/// How far a message got, as its sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tick {
    Sent,
    Delivered,
    Read,
}

impl Tick {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

/// One message, with what each of the two sees of it.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: u32,
    pub(super) from: User,
    pub(super) at: Timestamp,
    /// As its sender wrote it.
    pub(super) written: String,
    /// As it arrives; none: it does not.
    pub(super) arrives: Option<String>,
    pub(super) tick: Tick,
    pub(super) card: Option<Arc<Card>>,
}

impl Message {
    /// What one of the two sees of it.
    pub(super) fn text_for(&self, user: User) -> Option<&str> {
        match user == self.from {
            true => Some(&self.written),
            false => self.arrives.as_deref(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<Message>,
    next: u32,
    /// By their secrets, with their age.
    sessions: BTreeMap<String, (u64, User)>,
    signed_in: u64,
}

/// The conversation.
#[derive(Debug)]
pub(super) struct Chat {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Chat {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            changed: watch::Sender::new(1),
        }
    }

    /// The number of its latest change, and of those to come.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Signs somebody in under a secret, if the password is right.
    pub(super) fn sign_in(&self, user: &str, password: &str, secret: String) -> bool {
        let found = ACCOUNTS
            .iter()
            .position(|one| one.user == user && one.password == password);
        let Some(place) = found else { return false };
        let mut state = self.state();
        state.signed_in += 1;
        let age = state.signed_in;
        state.sessions.insert(secret, (age, User(place)));
        let limit = u64::try_from(SESSIONS).unwrap_or(u64::MAX);
        state.sessions.retain(|_, (since, _)| *since + limit > age);
        true
    }

    pub(super) fn sign_out(&self, secret: &str) {
        self.state().sessions.remove(secret);
    }

    pub(super) fn signed_in(&self, secret: &str) -> Option<User> {
        self.state().sessions.get(secret).map(|(_, user)| *user)
    }

    /// Adds a message, and returns its number.
    pub(super) fn send(&self, from: User, written: String, arrives: Option<String>) -> u32 {
        let mut state = self.state();
        state.next += 1;
        let id = state.next;
        let message = Message {
            id,
            from,
            at: Timestamp::now(),
            written,
            arrives,
            tick: Tick::Sent,
            card: None,
        };
        state.messages.push(message);
        let excess = state.messages.len().saturating_sub(MESSAGES);
        state.messages.drain(..excess);
        self.tell(state);
        id
    }

    /// What one of the two sees. To look at it is to have it delivered.
    pub(super) fn seen_by(&self, user: User) -> Vec<Message> {
        self.tick(user, u32::MAX, Tick::Delivered);
        let state = self.state();
        let seen = state
            .messages
            .iter()
            .filter(|one| one.text_for(user).is_some());
        seen.cloned().collect()
    }

    /// Notes that everything up to a message was shown to one of the two, and returns what was not before.
    pub(super) fn read_by(&self, user: User, up_to: u32) -> Vec<Message> {
        self.tick(user, up_to, Tick::Read)
    }

    /// Moves what is on its way to `user` on, and returns what moved.
    fn tick(&self, user: User, up_to: u32, tick: Tick) -> Vec<Message> {
        let mut state = self.state();
        let coming = state.messages.iter_mut().filter(|one| {
            one.from != user && one.arrives.is_some() && one.id <= up_to && one.tick < tick
        });
        let moved: Vec<Message> = coming
            .map(|one| {
                one.tick = tick;
                one.clone()
            })
            .collect();
        if !moved.is_empty() {
            self.tell(state);
        }
        moved
    }

    pub(super) fn show_card(&self, id: u32, card: Card) {
        let mut state = self.state();
        if let Some(message) = state.messages.iter_mut().find(|one| one.id == id) {
            message.card = Some(Arc::new(card));
            self.tell(state);
        }
    }

    pub(super) fn picture(&self, id: u32) -> Option<Picture> {
        let state = self.state();
        let card = state
            .messages
            .iter()
            .find(|one| one.id == id)?
            .card
            .clone()?;
        card.image.clone()
    }

    /// Says that something changed, after letting go of it.
    fn tell(&self, state: MutexGuard<'_, State>) {
        drop(state);
        self.changed.send_modify(|number| *number += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: User = User(0);
    const BEN: User = User(1);

    #[test]
    fn ticks_say_how_far_a_message_got() {
        let chat = Chat::new();
        let id = chat.send(ANNA, "hello".into(), Some("hello".into()));
        let tick = || chat.seen_by(ANNA)[0].tick;
        assert_eq!(
            tick(),
            Tick::Sent,
            "to look at one's own message is not to get it"
        );
        chat.seen_by(BEN);
        assert_eq!(tick(), Tick::Delivered);
        assert!(chat.read_by(ANNA, id).is_empty());
        assert_eq!(chat.read_by(BEN, id).len(), 1);
        assert!(
            chat.read_by(BEN, id).is_empty(),
            "it is shown for the first time once"
        );
        assert_eq!(tick(), Tick::Read);
    }

    #[test]
    fn what_does_not_arrive_is_seen_by_its_sender_only() {
        let chat = Chat::new();
        let id = chat.send(ANNA, "hello".into(), None);
        assert!(chat.seen_by(BEN).is_empty() && chat.read_by(BEN, id).is_empty());
        assert_eq!(chat.seen_by(ANNA)[0].tick, Tick::Sent);
    }

    #[test]
    fn only_who_knows_the_password_gets_in() {
        let chat = Chat::new();
        let Login { user, password } = ACCOUNTS[1];
        assert!(
            !chat.sign_in(user, "wrong", "s".into()) && !chat.sign_in("eve", password, "s".into())
        );
        assert_eq!(chat.signed_in("s"), None);
        assert!(chat.sign_in(user, password, "s".into()));
        assert_eq!(chat.signed_in("s"), Some(BEN));
        for number in 0..SESSIONS {
            chat.sign_in(user, password, number.to_string());
        }
        assert_eq!(chat.signed_in("s"), None, "the oldest goes");
        chat.sign_out("1");
        assert_eq!(chat.signed_in("1"), None);
    }
}
