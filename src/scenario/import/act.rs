//! What was done on the page, in a scenario's words.

use super::recording::{Recorded, Recording, Selector, What};
use super::selector::Place;
use crate::scenario::key;

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// A page was opened.
    Goto(String),
    /// An element was clicked.
    Click(Place),
    /// Text was put into an element.
    Type(Place, String),
    /// A key was pressed, or several together.
    Press(String),
    /// Something was waited for: how many of it, where that was said.
    Wait(Place, Option<String>),
    /// What a scenario has no word for: one line.
    Note(String),
}

impl Act {
    /// Whether it does something to a page.
    pub(super) const fn is_played(&self) -> bool {
        matches!(
            self,
            Self::Goto(_) | Self::Click(_) | Self::Type(..) | Self::Press(_)
        )
    }
}

/// Everything that was done, in order. Keys that were pressed one by one are put together to what they wrote.
pub(super) fn acts(recording: &Recording) -> Vec<Act> {
    let mut reader = Reader::default();
    for step in &recording.steps {
        reader.step(step);
    }
    reader.acts
}

#[derive(Default)]
struct Reader {
    acts: Vec<Act>,
    /// Keys that are down.
    held: Vec<String>,
    /// Where keys go: what was clicked or typed into last.
    focus: Option<Place>,
}

/// Keys that do nothing alone.
const MODIFIERS: [&str; 4] = ["Shift", "Control", "Alt", "Meta"];

impl Reader {
    fn step(&mut self, step: &Recorded) {
        if let Some(why) = elsewhere(step) {
            return self.note(&format!(
                "{} {why}: waxseal looks only into the page itself",
                name(&step.what)
            ));
        }
        match &step.what {
            What::Navigate { url } if url.starts_with("http") => {
                self.acts.push(Act::Goto(url.clone()))
            }
            What::Navigate { .. } | What::Other => {}
            What::Click { selectors, button } => {
                let secondary = button.as_deref().is_some_and(|button| button != "primary");
                if secondary {
                    self.note("a click with another than the first button");
                } else {
                    self.click(selectors);
                }
            }
            What::DoubleClick { selectors } => {
                self.note("this was a double click");
                self.click(selectors);
            }
            What::Change { selectors, value } => self.change(selectors, value),
            What::KeyDown { key } => self.key_down(key),
            What::KeyUp { key } => self.held.retain(|held| held != key),
            What::WaitForElement {
                selectors,
                operator,
                count,
                visible,
            } => self.wait(selectors, operator.as_deref(), *count, *visible),
            What::WaitForExpression { expression } => {
                self.note(&format!("waited for a script's answer: {expression}"));
            }
            What::CustomStep { name } => self.note(&format!("a custom step: {name}")),
        }
    }

    fn note(&mut self, text: &str) {
        self.acts.push(Act::Note(
            text.split_whitespace().collect::<Vec<_>>().join(" "),
        ));
    }

    /// The element, if any of its selectors means something here.
    fn place(&mut self, selectors: &[Selector]) -> Option<Place> {
        let place = Place::of(selectors);
        if place.locators.is_empty() {
            self.note("an element that was found in no way that waxseal knows");
            return None;
        }
        self.focus = Some(place.clone());
        Some(place)
    }

    fn click(&mut self, selectors: &[Selector]) {
        if let Some(place) = self.place(selectors) {
            self.acts.push(Act::Click(place));
        }
    }

    /// A field that is filled in bit by bit is told of more than once; the last word holds it all.
    fn change(&mut self, selectors: &[Selector], value: &str) {
        let Some(place) = self.place(selectors) else {
            return;
        };
        if let Some(Act::Type(before, text)) = self.acts.last_mut()
            && *before == place
        {
            value.clone_into(text);
            return;
        }
        self.acts.push(Act::Type(place, value.to_owned()));
    }

    fn key_down(&mut self, name: &str) {
        let with_others = self.held.iter().any(|held| held != "Shift");
        let writes = name.chars().count() == 1 && !with_others;
        if writes && let Some(focus) = self.focus.clone() {
            return self.write(focus, name);
        }
        if MODIFIERS.contains(&name) {
            self.held.push(name.to_owned());
        } else if key(name).is_none() {
            self.note(&format!("a key that waxseal does not know: {name}"));
        } else {
            let chord: Vec<&str> = self.held.iter().map(String::as_str).chain([name]).collect();
            self.acts.push(Act::Press(chord.join("+")));
        }
    }

    /// One more character where the last one went.
    fn write(&mut self, focus: Place, character: &str) {
        if let Some(Act::Type(before, text)) = self.acts.last_mut()
            && *before == focus
        {
            return text.push_str(character);
        }
        self.acts.push(Act::Type(focus, character.to_owned()));
    }

    fn wait(
        &mut self,
        selectors: &[Selector],
        operator: Option<&str>,
        count: Option<u32>,
        visible: Option<bool>,
    ) {
        let count = match (operator, count, visible) {
            (_, _, Some(false)) => Some("0".to_owned()),
            (None | Some(">="), None | Some(1), _) => None,
            (None | Some(">="), Some(count), _) => Some(format!(">={count}")),
            (Some("=="), count, _) => Some(count.unwrap_or(1).to_string()),
            _ => return self.note("waited until there were at most so many of an element"),
        };
        let focus = self.focus.take();
        if let Some(place) = self.place(selectors) {
            self.acts.push(Act::Wait(place, count));
        }
        self.focus = focus;
    }
}

/// Why a step is out of reach, where it is.
fn elsewhere(step: &Recorded) -> Option<&'static str> {
    let aside = step
        .target
        .as_deref()
        .is_some_and(|target| target != "main");
    match (step.frame.is_empty(), aside) {
        (false, _) => Some("in a frame"),
        (true, true) => Some("in another window"),
        (true, false) => None,
    }
}

const fn name(what: &What) -> &'static str {
    match what {
        What::Navigate { .. } => "a page that was opened",
        What::Click { .. } | What::DoubleClick { .. } => "a click",
        What::Change { .. } => "a text that was typed",
        What::KeyDown { .. } | What::KeyUp { .. } => "a key",
        What::WaitForElement { .. } | What::WaitForExpression { .. } => "a wait",
        What::CustomStep { .. } | What::Other => "a step",
    }
}
