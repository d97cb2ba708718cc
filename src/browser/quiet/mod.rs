//! What keeps a browser quiet, make by make: each entry with its reason. A browser that looks things up by itself is a
//! visitor we would have to explain.

pub(super) mod chromium;
pub(super) mod firefox;

use serde_json::{Map, Value, json};

/// The value of a preference.
enum Preference {
    On,
    Off,
    Number(u8),
    Text(&'static str),
    List(&'static [&'static str]),
}

/// Preferences with their values and their reasons, as drivers take them.
fn as_json(preferences: &[(&str, Preference, &str)]) -> Map<String, Value> {
    let entries = preferences.iter().map(|(name, value, _why)| {
        let value = match value {
            Preference::On => json!(true),
            Preference::Off => json!(false),
            Preference::Number(number) => json!(number),
            Preference::Text(text) => json!(text),
            Preference::List(list) => json!(list),
        };
        ((*name).to_owned(), value)
    });
    entries.collect()
}
