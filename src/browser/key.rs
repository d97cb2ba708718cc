//! Keys by the names of `KeyboardEvent.key`.

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};

/// Shift, as WebDriver writes it.
pub(super) const SHIFT: char = '\u{e008}';
/// Enter.
pub(super) const ENTER: char = '\u{e007}';

/// Lets go of every modifier in Element Send Keys; geckodriver does so only where the modifier comes a second time.
pub(super) const RELEASE: char = '\u{e000}';

/// All keys down in order, and up in the reverse.
pub(super) fn chord(keys: &[char]) -> KeyActions {
    let down = keys.iter().map(|&value| KeyAction::Down { value });
    let up = keys.iter().rev().map(|&value| KeyAction::Up { value });
    down.chain(up)
        .fold(KeyActions::new("keyboard".to_owned()), |actions, action| {
            actions.then(action)
        })
}
