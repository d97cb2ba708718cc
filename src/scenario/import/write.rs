//! The scenario as text, with what is still to be filled in.

use std::fmt::Write as _;

use super::act::Act;
use super::phases::Parts;
use super::selector::Place;
use crate::diagnostic::printable;

/// The longest comment that is taken over.
const COMMENT: usize = 200;

/// A scenario that is valid as it stands, and complete once what is marked FILL IN is filled in.
pub(super) fn scenario(title: &str, parts: &Parts, today: jiff::civil::Date) -> String {
    let mut writer = Writer::new(parts);
    writer.head(title, today);
    writer.accounts();
    writer.experiment();
    writer.locators();
    writer.login();
    writer.open();
    writer.compose();
    writer.send();
    writer.ask_to_fill_in();
    writer.out
}

/// A TOML string in one line: JSON's escapes are TOML's too, but that TOML wants one more.
pub(super) fn quoted(text: &str) -> String {
    let plain = !text.contains(['\'', '\\']) && !text.contains(char::is_control);
    if plain && text.contains('"') {
        return format!("'{text}'");
    }
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

/// A text in which braces are only braces.
pub(super) fn braced(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

struct Writer<'p> {
    parts: &'p Parts,
    /// Where passwords were typed, in order: the first is `password`, the next `password-2`.
    secrets: Vec<&'p Place>,
    out: String,
}

impl<'p> Writer<'p> {
    fn new(parts: &'p Parts) -> Self {
        let mut secrets: Vec<&Place> = Vec::new();
        for act in parts
            .login
            .iter()
            .chain(&parts.open)
            .chain(&parts.before_sending)
            .chain(&parts.rest)
        {
            if let Act::Type(place, _) = act
                && place.is_secret
                && !secrets.contains(&place)
            {
                secrets.push(place);
            }
        }
        Self {
            parts,
            secrets,
            out: String::new(),
        }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn head(&mut self, title: &str, today: jiff::civil::Date) {
        let title = printable(title, COMMENT);
        let title = if title.trim().is_empty() {
            "Recording".to_owned()
        } else {
            title
        };
        self.line("#:schema ../schema/scenario.v1.json");
        self.line(
            "# Made of a recording: look over every part, and fill in what is marked FILL IN.",
        );
        self.line("schema  = 1");
        self.line(&format!("title   = {}", quoted(&title)));
        let hosts = self.hosts();
        self.line(&format!("hosts   = [{}]", hosts.join(", ")));
        self.line(&format!("checked = \"{today}\""));
        self.line(&format!(
            "source  = [\"recorded with Chromium's Recorder, imported on {today}\"]\n"
        ));
        self.line("# FILL IN: networks and agents that it fetches with, or `known`, where waxseal knows them.");
        self.line(&format!("[service]\nname = {}\n", quoted(&slug(&title))));
    }

    /// The hosts of every page that was opened.
    fn hosts(&self) -> Vec<String> {
        let parts = self.parts;
        let acts = parts
            .login
            .iter()
            .chain(&parts.open)
            .chain(&parts.before_sending);
        let mut hosts: Vec<String> = Vec::new();
        for act in acts {
            let Act::Goto(address) = act else { continue };
            let host = url::Url::parse(address)
                .ok()
                .and_then(|url| url.host_str().map(quoted));
            hosts.extend(host.filter(|host| !hosts.contains(host)));
        }
        if hosts.is_empty() {
            hosts.push("\"fill-in.example.org\"".to_owned());
        }
        hosts
    }

    fn accounts(&mut self) {
        self.line("# Both accounts play `login`: what it types must be there for both.");
        let user = self.parts.user.clone();
        for (account, user) in [
            ("sender", user.clone()),
            ("recipient", user.map(|_| "FILL IN".to_owned())),
        ] {
            self.line(&format!("[accounts.{account}]"));
            self.line("own = true # FILL IN: only if it is an account of yours");
            if let Some(user) = user {
                self.line(&format!("user = {}", quoted(&user)));
            }
            let variable = |name: &str| {
                format!("env:{account}_{name}")
                    .replace('-', "_")
                    .to_uppercase()
                    .replace("ENV:", "env:")
            };
            let secrets: Vec<String> = (0..self.secrets.len())
                .map(|nth| format!("{} = \"{}\"", secret_name(nth), variable(&secret_name(nth))))
                .collect();
            if !secrets.is_empty() {
                self.line(&format!("secrets = {{ {} }}", secrets.join(", ")));
            }
            self.line("");
        }
    }

    fn experiment(&mut self) {
        self.line("[experiment]");
        if self.parts.composer.is_some() {
            self.line("# FILL IN: add \"sent\" and \"received\" once `confirm` and `receive` are written (at the end).");
            self.line("arms   = [\"drafted\", \"pasted\", \"unsent\", \"visited\", \"reached\"]");
        } else {
            self.line("# FILL IN: no text in the recording can be the message; add arms once the phases are written.");
            self.line("arms   = [\"unsent\", \"visited\", \"reached\"]");
        }
        self.line("forms  = [\"http\"]\ntrials = 3\nwindow = \"5m\"\ndraft  = \"10s\"\n");
    }

    fn locators(&mut self) {
        self.line("[loc]");
        match &self.parts.password {
            Some(place) => self.line(&format!("logged_out = {}", target(place))),
            None => self.line("# FILL IN: logged_out = something that is only there when an account is not signed in"),
        }
        if let Some(place) = &self.parts.composer {
            self.line(&format!("composer = {}", target(place)));
        }
        self.line("");
    }

    fn login(&mut self) {
        self.line("# login: both accounts sign in, or are found to be signed in: it is played again when the recipient comes back.");
        let parts = self.parts;
        let guarded = parts.password.is_some();
        let mut first = true;
        for act in &parts.login {
            let guard = guarded && !matches!(act, Act::Goto(_));
            let mut lines = Vec::new();
            if guard && act.is_played() {
                lines.push("if = \"logged_out\"".to_owned());
                if std::mem::take(&mut first) {
                    lines.push("probe = \"5s\"".to_owned());
                }
            }
            self.act("login", act, &lines);
        }
        self.line("# FILL IN: wait for something that is only there when an account is signed in, with `else = \"session-lost\"`.\n");
    }

    fn open(&mut self) {
        let parts = self.parts;
        self.line("# open: the sender brings the conversation to the screen.");
        self.line("# FILL IN: wait for what shows that it is the right one, such as the recipient's name in its header.");
        for act in &parts.open {
            self.act("open", act, &[]);
        }
        if parts.composer.is_some() {
            self.line("[[open.steps]]\nwait = \"composer\"\n");
        }
    }

    fn compose(&mut self) {
        let parts = self.parts;
        if parts.composer.is_none() {
            return self.line(
                "# FILL IN: compose: the step that types {canary}, with `mark = \"typed\"`.\n",
            );
        }
        self.line("# compose: the sender puts the link into the composer.");
        let text = quoted(&parts.message);
        self.line(&format!("[[compose.steps]]\ntype = {text}\ninto = \"composer\"\nvia  = \"paste\"\nmark = \"typed\"\n"));
        for act in &parts.before_sending {
            self.act("compose", act, &[]);
        }
    }

    fn send(&mut self) {
        let parts = self.parts;
        self.line("# send: the one step that cannot be taken back.");
        let effect = ["effect = true".to_owned(), "mark = \"sent\"".to_owned()];
        match &parts.send {
            Some(act) => self.act("send", act, &effect),
            None => self.line("# FILL IN: the click or key that sends, with `effect = true` and `mark = \"sent\"`.\n"),
        }
    }

    /// What no recording can know: written as comments, so that nothing is taken for a proof that is none.
    fn ask_to_fill_in(&mut self) {
        let mut rest = std::mem::take(&mut self.out);
        for act in &self.parts.rest {
            self.act("confirm", act, &[]);
        }
        let recorded = std::mem::take(&mut self.out);
        rest.push_str("# confirm: FILL IN what shows at the sender that the message left: a mark of the server, not a bubble drawn at once.\n");
        rest.push_str("# [[confirm.steps]]\n# wait = { css = \"FILL IN\", has_text = \"{canary_token}\" }\n# mark = \"confirmed\"\n");
        for line in recorded.lines().filter(|line| !line.is_empty()) {
            let _ = writeln!(rest, "# {line}");
        }
        rest.push_str("\n# receive: FILL IN how the recipient comes to the conversation, and what shows the message there.\n");
        rest.push_str("# [[receive.steps]]\n# wait = { css = \"FILL IN\", has_text = \"{canary_token}\" }\n# mark = \"received\"\n");
        self.out = rest;
    }

    /// One step, with more lines where it plays.
    fn act(&mut self, phase: &str, act: &Act, more: &[String]) {
        let mut lines = match act {
            Act::Note(text) => return self.line(&format!("# NOTE: {}", printable(text, COMMENT))),
            Act::Goto(address) => vec![format!("goto = {}", quoted(&braced(address)))],
            Act::Click(place) => vec![format!("click = {}", target(place))],
            Act::Type(place, text) => self.typed(place, text),
            Act::Press(chord) => vec![format!("press = {}", quoted(chord))],
            Act::Wait(place, count) => {
                let count = count.iter().map(|count| format!("count = \"{count}\""));
                std::iter::once(format!("wait = {}", target(place)))
                    .chain(count)
                    .collect()
            }
        };
        lines.extend_from_slice(more);
        let step = format!("[[{phase}.steps]]\n{}\n", lines.join("\n"));
        self.line(&step);
    }

    fn typed(&self, place: &Place, text: &str) -> Vec<String> {
        let secret = self.secrets.iter().position(|known| *known == place);
        let text = match secret {
            Some(nth) => format!("{{secret.{}}}", secret_name(nth)),
            None if self.parts.user.as_deref() == Some(text) => "{account.user}".to_owned(),
            None => braced(text),
        };
        vec![
            format!("type = {}", quoted(&text)),
            format!("into = {}", target(place)),
            "clear = true".to_owned(),
        ]
    }
}

fn secret_name(nth: usize) -> String {
    match nth {
        0 => "password".to_owned(),
        nth => format!("password-{}", nth + 1),
    }
}

/// One locator, or several in order.
fn target(place: &Place) -> String {
    match place.locators.as_slice() {
        [only] => format!("{{ {only} }}"),
        several => {
            let lines: Vec<String> = several
                .iter()
                .map(|one| format!("    {{ {one} }},\n"))
                .collect();
            format!("[\n{}]", lines.concat())
        }
    }
}

/// A short name out of a title.
fn slug(title: &str) -> String {
    let plain = title
        .to_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric(), " ");
    let slug = plain.split_whitespace().collect::<Vec<_>>().join("-");
    if slug.is_empty() {
        "recording".to_owned()
    } else {
        slug
    }
}
