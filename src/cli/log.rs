//! What is logged, and how. Logs are shipped to others and kept, so nothing goes in that opens something: no secret, and
//! no whole token. A live canary in somebody's log system is a link that a stranger may open.

use std::io::{self, Write};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::settings::{LogFormat, LogLevel};
use crate::canary::without_tokens;
use crate::diagnostic::printable;

/// What is asked of the log.
#[derive(Debug, Default)]
pub(super) struct Wish {
    /// How often `-v` was given; it counts before everything else.
    pub(super) verbose: u8,
    pub(super) format: LogFormat,
    /// None: what `RUST_LOG` says, or what is usual for the verb.
    pub(super) level: Option<LogLevel>,
    pub(super) usual: &'static str,
    pub(super) colour: bool,
    /// Texts that may not appear, whatever they stand in.
    pub(super) secrets: Vec<String>,
}

/// Starts to log, to the standard error stream.
pub(super) fn start(wish: &Wish) {
    let filter = filter(wish.verbose, wish.level, wish.usual);
    let to = Careful {
        lines: wish.format == LogFormat::Text,
        colour: wish.colour,
        secrets: wish.secrets.clone().into(),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(to)
        .with_ansi(wish.colour && wish.format == LogFormat::Text);
    // Only a second subscriber could fail here, and there is none.
    let _ = match wish.format {
        LogFormat::Text => subscriber.finish().try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).finish().try_init(),
    };
}

fn filter(verbose: u8, level: Option<LogLevel>, usual: &str) -> EnvFilter {
    let asked = match verbose {
        0 => level.map(LogLevel::name),
        1 => Some("info"),
        2 => Some("debug"),
        _ => Some("trace"),
    };
    let ours = |level: &str| EnvFilter::new(format!("waxseal={level}"));
    match asked {
        Some(level) => ours(level),
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| ours(usual)),
    }
}

/// Writes one event after the other, without what may not be in them.
#[derive(Debug, Clone)]
struct Careful {
    /// Whether an event is one line of text; else it is JSON, which escapes for itself.
    lines: bool,
    colour: bool,
    secrets: Arc<[String]>,
}

impl<'w> MakeWriter<'w> for Careful {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

impl Write for Careful {
    /// The subscriber writes each event whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = self.clean(&String::from_utf8_lossy(event));
        io::stderr().lock().write_all(text.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl Careful {
    fn clean(&self, event: &str) -> String {
        let mut text = event.strip_suffix('\n').unwrap_or(event).to_owned();
        for secret in self.secrets.iter() {
            text = text.replace(secret.as_str(), "[secret]");
        }
        let mut text = without_tokens(&text);
        if self.lines {
            text = one_line(&text, self.colour);
        }
        text + "\n"
    }
}

/// Nothing of what came from the network can forge a line or move a cursor. Colours are the subscriber's own: it escapes
/// those of others.
fn one_line(text: &str, colour: bool) -> String {
    let harmless = |part: &str| printable(part, usize::MAX);
    match colour {
        false => harmless(text),
        true => text
            .split('\u{1b}')
            .map(harmless)
            .collect::<Vec<_>>()
            .join("\u{1b}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "abcdefghijklmnop234567abcdefghijklmnop234567abcdefghijkl";

    fn careful(lines: bool) -> Careful {
        Careful {
            lines,
            colour: false,
            secrets: vec!["s3cr3t/with+signs".to_owned()].into(),
        }
    }

    #[test]
    fn neither_a_token_nor_a_secret_is_written() {
        for lines in [true, false] {
            let text = format!("GET /{TOKEN}?x HTTP bearer s3cr3t/with+signs, \\n{TOKEN}");
            let clean = careful(lines).clean(&text);
            assert!(
                !clean.contains(TOKEN) && !clean.contains(&TOKEN[8..24]),
                "{clean}"
            );
            assert!(!clean.contains("s3cr3t"), "{clean}");
            assert!(
                clean.contains("GET /abcdef…?x HTTP bearer [secret]"),
                "{clean}"
            );
        }
        let upper = careful(true).clean(&TOKEN.to_uppercase());
        assert_eq!(upper, "ABCDEF…\n");
        let no_digit = careful(true).clean(&"q".repeat(32));
        assert_eq!(no_digit, "qqqqqq…\n");
    }

    #[test]
    fn what_a_program_says_is_left_as_it_is() {
        let usual = "2026-11-24T21:00:00.123456Z  INFO waxseal::audit::alone: ClientHelloPayload 198.51.100.7:80 run 5f3a0000\n";
        assert_eq!(careful(true).clean(usual), usual);
    }

    #[test]
    fn an_event_stays_one_line() {
        let clean = careful(true).clean("a\nERROR forged \u{1b}[2J\u{202e}\n");
        assert_eq!(clean, "a␊ERROR forged ␛[2J\u{fffd}\n");
    }
}
