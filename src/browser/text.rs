//! Text as pages have it.

/// What a text field shows, without what editors add to it: no-break spaces, zero-width marks, empty lines.
pub(super) fn plain(text: &str) -> String {
    let shown: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{200b}' | '\u{200c}' | '\u{2060}' | '\u{feff}' | '\r'))
        .map(|c| if c == '\u{a0}' { ' ' } else { c })
        .collect();
    let lines: Vec<&str> = shown
        .split('\n')
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_editor_adds_is_not_text() {
        assert_eq!(plain("one\u{a0}two\n\n\nthree\n\u{200b}"), "one two\nthree");
        assert_eq!(plain("\n\u{feff}"), "");
    }
}
