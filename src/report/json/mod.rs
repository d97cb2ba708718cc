//! JSON reports. Each format has types of its own that never change once published; inner types may.

pub mod calibration_v1;
pub mod v1;

use serde::Serialize;

use super::View;
use crate::model::{Baselines, Calibration, Comparison, History};

/// A run in format 1, as text. Everything beyond plain ASCII is escaped, so that a report holds no control character of
/// a visitor's, wherever it is shown.
///
/// # Errors
/// None that is known: the format's types are plain.
pub fn format_1(view: &View<'_>) -> serde_json::Result<String> {
    to_ascii(&v1::report(view))
}

/// A calibration in format 1, as text. Escaped likewise.
///
/// # Errors
/// None that is known: the format's types are plain.
pub fn calibration_1(found: &Calibration) -> serde_json::Result<String> {
    to_ascii(&calibration_v1::report(found))
}

/// Runs side by side in format 1, as text. Escaped likewise. Its types are those of [`crate::model`], because baselines that
/// are kept in files are made of them too: their written form changes with [`crate::model::SUMMARY_FORMAT`] only.
///
/// # Errors
/// None that is known: the format's types are plain.
pub fn comparisons_1(told: &[Comparison]) -> serde_json::Result<String> {
    to_ascii(&told)
}

/// A service over time in format 1, as text. Escaped likewise.
///
/// # Errors
/// None that is known: the format's types are plain.
pub fn history_1(told: &History) -> serde_json::Result<String> {
    to_ascii(told)
}

/// Baselines in format 1, as the text of their file. Escaped likewise.
///
/// # Errors
/// None that is known: the format's types are plain.
pub fn baselines_1(baselines: &Baselines) -> serde_json::Result<String> {
    to_ascii(baselines)
}

/// The JSON Schemas (draft 2020-12) of comparisons, of a history and of baselines, each with the name of its format.
#[must_use]
pub fn schemas_of_change() -> [(&'static str, serde_json::Value); 3] {
    let named = |name, schema: schemars::Schema| {
        let mut schema = schema;
        schema.insert("$id".to_owned(), format!("urn:waxseal:{name}:1").into());
        (name, schema.to_value())
    };
    [
        named("comparisons", schemars::schema_for!(Vec<Comparison>)),
        named("history", schemars::schema_for!(History)),
        named("baselines", schemars::schema_for!(Baselines)),
    ]
}

fn to_ascii(report: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string_pretty(report)?;
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | ' '..='~' => ascii.push(c),
            // Only inside strings; beyond the basic plane JSON takes a pair (RFC 8259, section 7).
            c => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    Ok(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_read_back_the_same() {
        let text = "a\u{9b}\u{202e}\u{7f}\u{1f980}é\n\"";
        let ascii = to_ascii(&text).unwrap();
        assert!(
            ascii.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{ascii}"
        );
        assert_eq!(serde_json::from_str::<String>(&ascii).unwrap(), text);
    }
}
