//! **Diagnostics** (floor 0). A mistake in somebody's file: what, where, and what to do about it.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A file as the user named it, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as it was typed.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// Line of a byte offset, counted from 1.
    #[must_use]
    pub fn line(&self, offset: usize) -> u32 {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing runs.
    Error,
    /// It runs, and may not mean what its author thinks.
    Warning,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// A short stable name, such as `unknown-arm`.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// Byte range in the source.
    pub span: Range<usize>,
    /// What stands under the caret.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

/// The most mistakes shown of one file. Who has more has one cause, or another kind of file.
const SHOWN: usize = 100;

/// The longest text shown, in characters. It may quote the file, and the file may be anything.
const LONGEST: usize = 400;

/// Renders the mistakes of several files, and the line that says that nothing was run because of them. Warnings alone
/// stop nothing, and then there is no such line.
#[must_use]
pub fn render_all(files: &[(&Source, &[Diagnostic])], colour: bool) -> String {
    let mut out: String = files
        .iter()
        .map(|(source, diagnostics)| render(source, diagnostics, colour))
        .collect();
    let errors: Vec<_> = files
        .iter()
        .map(|(_, diagnostics)| count_errors(diagnostics))
        .filter(|&errors| errors > 0)
        .collect();
    if !errors.is_empty() {
        let mistakes = counted(errors.iter().sum(), "mistake");
        let scenarios = counted(errors.len(), "scenario");
        let _ = writeln!(out, "nothing was run: {mistakes} in {scenarios}");
    }
    out
}

fn count_errors(diagnostics: &[Diagnostic]) -> usize {
    let all = diagnostics.iter();
    all.filter(|one| one.severity == Severity::Error).count()
}

/// A count with its noun.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Renders mistakes as compilers do, with the line and a caret.
///
/// The file, its name and what is quoted from it are hostile: nothing of them reaches a terminal as a command.
#[must_use]
pub fn render(source: &Source, diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN) {
        let _ = writeln!(out, "{}\n", render_one(&renderer, source, diagnostic));
    }
    if diagnostics.len() > SHOWN {
        let more = diagnostics.len() - SHOWN;
        let _ = writeln!(out, "... and {more} more that are not shown\n");
    }
    out
}

fn render_one(renderer: &Renderer, source: &Source, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let excerpt = Excerpt::of(source, &diagnostic.span);
    let snippet = Snippet::source(excerpt.line)
        .line_start(excerpt.number)
        .path(harmless(&source.name))
        .annotation(
            AnnotationKind::Primary
                .span(excerpt.span)
                .label(harmless(&diagnostic.label)),
        );
    let group = level
        .primary_title(harmless(&diagnostic.message))
        .id(diagnostic.code)
        .element(snippet);
    let group: Group<'_> = match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(harmless(help))),
        None => group,
    };
    renderer.render(&[group])
}

/// The line on which a span begins, made harmless, and as much of the span as is on it.
struct Excerpt {
    number: usize,
    line: String,
    span: Range<usize>,
}

impl Excerpt {
    fn of(source: &Source, span: &Range<usize>) -> Self {
        let text = &source.text;
        let start = boundary(text, span.start);
        let end = boundary(text, span.end.max(start));
        let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let stop = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let (before, rest) = (&text[begin..start], &text[start..stop]);
        let (marked, after) = rest.split_at(rest.len().min(end - start));
        let before: String = before.chars().map(harmless_char).collect();
        let marked = harmless(marked.trim_end_matches('\r'));
        let after = harmless(after.trim_end_matches('\r'));
        Self {
            number: text[..start].matches('\n').count() + 1,
            span: before.len()..before.len() + marked.len(),
            line: before + &marked + &after,
        }
    }
}

/// The nearest place at or before this one where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

fn harmless(text: &str) -> String {
    printable(text, LONGEST)
}

/// Somebody else's text, fit for one line of a terminal or a report: cut to `limit` characters, with nothing in it that
/// could move the cursor, forge a line, hide, or turn the writing direction. One character for each, so that columns
/// stay true.
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    let mut shown: String = text.chars().take(limit).map(harmless_char).collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

/// Control characters become their pictures; what turns the direction of text or is not seen becomes U+FFFD.
fn harmless_char(c: char) -> char {
    match c {
        '\t' => c,
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        _ => c,
    }
}

/// The known word nearest to what was typed, if any is near enough to be meant.
#[must_use]
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The time it takes grows with the length, and nothing this long is a slip of the finger.
    if typed.len() > LONGEST {
        return None;
    }
    known
        .into_iter()
        .map(|word| {
            (
                strsim::damerau_levenshtein(&typed.to_lowercase(), &word.to_lowercase()),
                word,
            )
        })
        .filter(|(distance, word)| *distance <= 1.max(word.len() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let arms = ["sent", "drafted", "unsent", "reached"];
        assert_eq!(did_you_mean("draft", arms), Some("drafted"));
        assert_eq!(did_you_mean("Sent", arms), Some("sent"));
        assert_eq!(did_you_mean("carrot", arms), None);
    }

    fn mistake(span: Range<usize>, message: &str) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: "test",
            message: message.into(),
            span,
            label: "here".into(),
            help: Some("mend it".into()),
        }
    }

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        let hostile = "\u{1b}[2J\u{9b}31m\u{202e}\u{8}\r\u{200b}";
        let source = Source {
            name: format!("x{hostile}"),
            text: format!("a = 1\nb = \"{hostile}ü\" # {hostile}\r\nc = 2"),
        };
        let mut one = mistake(10..12, &format!("{hostile}\nerror: fake"));
        one.label = hostile.into();
        one.help = Some(hostile.into());
        let shown = render(&source, &[one], false);
        let raw: Vec<_> = shown
            .chars()
            .filter(|&c| c != '\n' && c != harmless_char(c))
            .collect();
        assert!(raw.is_empty(), "{raw:?} in {shown}");
        assert!(!shown.lines().any(|line| line.starts_with("error: fake")));
    }

    #[test]
    fn columns_stay_true_and_any_span_is_taken() {
        let source = Source {
            name: "x".into(),
            text: "ü\u{1b} = \"é\"\nlast".into(),
        };
        let shown = render(&source, &[mistake(6..10, "m")], false);
        assert!(shown.contains("--> x:1:6\n"), "{shown}");
        let end = source.text.len() + 5;
        for span in (0..end).flat_map(|start| (0..end).map(move |stop| start..stop)) {
            let _ = render(&source, &[mistake(span, "m")], false);
        }
        let nothing = Source {
            name: "x".into(),
            text: String::new(),
        };
        let _ = render(&nothing, &[mistake(0..0, "m")], false);
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let source = Source {
            name: "x".into(),
            text: "a".repeat(100_000),
        };
        let many: Vec<_> = (0..250).map(|at| mistake(at..at + 90_000, "m")).collect();
        let shown = render_all(&[(&source, &many)], false);
        assert!(shown.len() < 200_000, "{}", shown.len());
        assert!(shown.ends_with(
            "\n... and 150 more that are not shown\n\nnothing was run: 250 mistakes in 1 scenario\n"
        ));
    }

    #[test]
    fn hostile_text_stays_on_one_short_line() {
        assert_eq!(
            printable("a\nb\u{1b}[31m\u{202e}c\u{9b}", 80),
            "a␊b␛[31m\u{fffd}c\u{fffd}"
        );
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable("abc", 3), "abc");
    }

    #[test]
    fn lines_are_counted_from_one() {
        let source = Source {
            name: "x".into(),
            text: "a\nb\nc".into(),
        };
        assert_eq!([source.line(0), source.line(2), source.line(4)], [1, 2, 3]);
    }
}
