//! Rules about templates: what may stand in braces, and where.

use crate::model::{Account, Phase};
use crate::scenario::document::Path;
use crate::scenario::mistakes::{Spot, Words, words};
use crate::scenario::template::{BUILT_IN, Flaw, cut};
use crate::scenario::types::{Piece, Template};

use super::Checker;
use super::settings::account_path;
use super::values::choice;

/// Where a template stands: that decides what it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In `[loc]`: what depends on the phase is looked at where the alias is used.
    Aliases,
    /// In a dialog that may come up at any time, for both accounts.
    Dialog,
    /// In `[covariates]`: known before a run begins.
    Covariate,
    /// The address of a `goto`.
    Address(Phase),
    /// The text of a `type`: the only place for a secret.
    Typed(Phase),
    /// Anywhere else in a step.
    Step(Phase),
}

impl Place {
    /// Whose browser it is.
    fn acting(self) -> &'static [Account] {
        match self {
            Self::Aliases | Self::Covariate => &[],
            Self::Dialog => &[Account::Sender, Account::Recipient],
            Self::Address(phase) | Self::Typed(phase) | Self::Step(phase) => match phase {
                Phase::Login => &[Account::Sender, Account::Recipient],
                Phase::Open | Phase::Compose | Phase::Send | Phase::Confirm => &[Account::Sender],
                Phase::Receive | Phase::Follow => &[Account::Recipient],
            },
        }
    }

    /// Whether there is a link yet, and it may be used here.
    fn may_hold_canary(self) -> bool {
        match self {
            Self::Aliases => true,
            Self::Dialog | Self::Covariate | Self::Address(_) => false,
            Self::Typed(phase) | Self::Step(phase) => !matches!(phase, Phase::Login | Phase::Open),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Aliases => "`[loc]`".to_owned(),
            Self::Dialog => "`[[dismiss]]`".to_owned(),
            Self::Covariate => "`covariates`".to_owned(),
            Self::Address(_) => "a `goto`".to_owned(),
            Self::Typed(phase) | Self::Step(phase) => format!("`{phase}`"),
        }
    }
}

/// What is wrong with a piece, and the code of it.
type Objection = Option<(&'static str, Words)>;

impl Checker<'_> {
    /// A text with places to fill in, each of which can be filled in here.
    pub(super) fn template(&mut self, text: &str, path: &Path, place: Place) -> Template {
        let (pieces, flaws) = cut(text);
        for (flaw, part) in flaws {
            let said = flaw_words(flaw);
            self.mistakes
                .error(Spot::Part(path, part), "bad-template", said);
        }
        for (piece, part) in &pieces {
            if let Some((code, said)) = self.objection(piece, place) {
                self.mistakes
                    .error(Spot::Part(path, part.clone()), code, said);
            }
        }
        Template(pieces.into_iter().map(|(piece, _)| piece).collect())
    }

    /// The same rules for what an alias holds, where it is used. What is wrong wherever it is used has been said in
    /// `[loc]` already.
    pub(super) fn used_alias(&mut self, alias: &str, path: &Path, place: Place) {
        for piece in self.alias_pieces(alias) {
            let said_before = self.objection(&piece, Place::Aliases).is_some();
            if let Some((code, said)) = self.objection(&piece, place).filter(|_| !said_before) {
                let said = Words {
                    label: format!("`{alias}` holds it; {}", said.label),
                    ..said
                };
                self.mistakes.error(Spot::Value(path), code, said);
            }
        }
    }

    fn objection(&self, piece: &Piece, place: Place) -> Objection {
        match piece {
            Piece::Literal(_) => None,
            Piece::Canary | Piece::CanaryToken if place.may_hold_canary() => None,
            Piece::Canary | Piece::CanaryToken => Some(canary_words(piece, place)),
            Piece::User | Piece::Peer if place == Place::Covariate => Some(account_words()),
            Piece::User => self.user_objection("account.user", place.acting().to_vec()),
            Piece::Peer => self.user_objection("peer.user", others(place.acting())),
            Piece::Secret(name) => match place {
                Place::Typed(_) => self.secret_objection(name, place),
                _ => Some(secret_words(name)),
            },
            Piece::Var(name) => self.variable_objection(name, place),
        }
    }

    fn user_objection(&self, what: &str, accounts: Vec<Account>) -> Objection {
        let nameless = accounts
            .into_iter()
            .find(|account| self.lacks(&account_path(*account), "user"))?;
        let said = words(
            format!("`{{{what}}}` has no value"),
            format!("the {nameless} has no `user`"),
            format!("add `user` to `[accounts.{nameless}]`"),
        );
        Some(("no-user", said))
    }

    fn secret_objection(&self, name: &str, place: Place) -> Objection {
        let secrets = |account: Account| account_path(account).key("secrets");
        let without = place
            .acting()
            .iter()
            .copied()
            .find(|account| self.lacks(&secrets(*account), name))?;
        let secrets = secrets(without);
        let known = self.document.keys(&secrets);
        let said = words(
            format!("the {without} has no secret `{name}`"),
            "not known",
            choice(
                name,
                &known,
                &format!("add `secrets = {{ {name} = \"env:...\" }}` to `[accounts.{without}]`"),
            ),
        );
        Some(("unknown-secret", said))
    }

    /// Whether a table of the accounts is in order and has no such key.
    fn lacks(&self, table: &Path, key: &str) -> bool {
        let accounts = Path::top().key("accounts");
        !self.mistakes.touch(&accounts) && !self.document.has(&table.key(key))
    }

    fn variable_objection(&self, name: &str, place: Place) -> Objection {
        let saved = match place {
            Place::Aliases => self.saves.contains(name),
            Place::Dialog | Place::Covariate => false,
            _ => self.saved.contains(name),
        };
        let vars = self.top("vars");
        if saved || self.document.has(&vars.key(name)) {
            return None;
        }
        if self.saves.contains(name) {
            let said = words(
                format!("`{{{name}}}` has no value in {} yet", place.name()),
                "saved later, or never before this",
                "save it in an earlier step",
            );
            return Some(("saved-later", said));
        }
        let vars = self.document.keys(&vars);
        let known: Vec<_> = vars.into_iter().chain(BUILT_IN).collect();
        let said = words(
            format!("no variable named `{name}`"),
            "neither in `[vars]` nor saved by an earlier step",
            choice(name, &known, ""),
        );
        Some(("unknown-variable", said))
    }
}

fn others(accounts: &[Account]) -> Vec<Account> {
    let other = |account: &Account| match account {
        Account::Sender => Account::Recipient,
        Account::Recipient => Account::Sender,
    };
    accounts.iter().map(other).collect()
}

fn canary_words(piece: &Piece, place: Place) -> (&'static str, Words) {
    let name = match piece {
        Piece::CanaryToken => "canary_token",
        _ => "canary",
    };
    let said = words(
        format!("`{{{name}}}` cannot stand in {}", place.name()),
        "the link must not be out before it is typed",
        "use it from `compose` on, and never as an address of our own",
    );
    ("canary-misplaced", said)
}

fn account_words() -> (&'static str, Words) {
    let said = words(
        "an account's name cannot stand in `covariates`",
        "is another for each account",
        "a covariate is one text for the whole run: write it out, or name a variable",
    );
    ("account-misplaced", said)
}

fn secret_words(name: &str) -> (&'static str, Words) {
    let said = words(
        format!("`{{secret.{name}}}` cannot stand here"),
        "would be written into logs and pages",
        "a secret can only be typed: use it in the text of a `type` step",
    );
    ("secret-misplaced", said)
}

fn flaw_words(flaw: Flaw) -> Words {
    match flaw {
        Flaw::Open => words(
            "this brace is never closed",
            "expected `}`",
            "write `{{` for a brace that is only a brace",
        ),
        Flaw::Close => words(
            "this brace was never opened",
            "expected `{` before",
            "write `}}` for a brace that is only a brace",
        ),
        Flaw::Name => words(
            "this names nothing",
            "expected a name in the braces",
            "write `{canary}`, `{account.user}`, `{secret.NAME}` or a variable's `{NAME}`; `{{` and `}}` for braces",
        ),
    }
}
