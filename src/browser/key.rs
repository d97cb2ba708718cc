//! Keys by the names of `KeyboardEvent.key`.

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};

/// Shift, as WebDriver writes it.
pub(super) const SHIFT: char = '\u{e008}';
/// Enter.
pub(super) const ENTER: char = '\u{e007}';

/// Lets go of every modifier in Element Send Keys; geckodriver does so only where the modifier comes a second time.
pub(super) const RELEASE: char = '\u{e000}';

/// One key after the other, each down and up again. A line break is Shift+Enter: a bare Enter would send the message.
pub(super) fn one_by_one(text: &str) -> KeyActions {
    let pressed = |key: char| [KeyAction::Down { value: key }, KeyAction::Up { value: key }];
    let keys = text.chars().flat_map(|key| match key {
        '\n' => vec![
            KeyAction::Down { value: SHIFT },
            KeyAction::Down { value: ENTER },
            KeyAction::Up { value: ENTER },
            KeyAction::Up { value: SHIFT },
        ],
        key => pressed(key).to_vec(),
    });
    keys.fold(KeyActions::new("keyboard".to_owned()), |actions, action| {
        actions.then(action)
    })
}

/// All keys down in order, and up in the reverse.
pub(super) fn chord(keys: &[char]) -> KeyActions {
    let down = keys.iter().map(|&value| KeyAction::Down { value });
    let up = keys.iter().rev().map(|&value| KeyAction::Up { value });
    down.chain(up)
        .fold(KeyActions::new("keyboard".to_owned()), |actions, action| {
            actions.then(action)
        })
}
