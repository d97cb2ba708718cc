use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Where a secret is. The secret itself never stands in a file of settings, which is shown, copied and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Reference {
    /// In this environment variable.
    Env(String),
    /// In this file.
    File(PathBuf),
}

/// The least characters of a secret: 16 drawn bytes as hexadecimal digits have 32, as base64 22.
const LEAST: usize = 20;

impl Reference {
    /// Reads `env:NAME` or `file:PATH`, a path from `folder` on.
    pub(super) fn parse(text: &str, folder: &Path) -> Option<Self> {
        match text.split_once(':')? {
            ("env", name) if is_variable(name) => Some(Self::Env(name.to_owned())),
            ("file", path) if !path.is_empty() => Some(Self::File(folder.join(path))),
            _ => None,
        }
    }

    /// The same as it is typed: paths begin in the folder one is in.
    pub(in super::super) fn typed(text: &str) -> Result<Self, String> {
        let named = Self::parse(text, Path::new(""));
        named.ok_or_else(|| "a secret is named, not given: env:NAME or file:PATH".to_owned())
    }

    /// The file it is in, if it is in one.
    pub(in super::super) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Env(_) => None,
        }
    }

    /// What is there, as it is. The error says what is wrong, and nothing of it.
    pub(in super::super) fn text(&self) -> Result<String, String> {
        let text = match self {
            Self::Env(name) => std::env::var(name).map_err(|error| match error {
                std::env::VarError::NotPresent => "it is not set".to_owned(),
                std::env::VarError::NotUnicode(_) => "it is not UTF-8 text".to_owned(),
            }),
            Self::File(path) => std::fs::read_to_string(path).map_err(|error| error.to_string()),
        };
        let text = text.map_err(|reason| format!("read the secret in {self}: {reason}"))?;
        let text = text.trim_end_matches(['\r', '\n']);
        match text.is_empty() {
            true => Err(format!("read the secret in {self}: it is empty")),
            false => Ok(text.to_owned()),
        }
    }

    /// The secret itself, long enough to be one. The error says what is wrong, and nothing of the secret.
    pub(in super::super) fn read(&self) -> Result<Secret, String> {
        let secret = self.text()?;
        if secret.chars().count() < LEAST || !secret.chars().all(|c| c.is_ascii_graphic()) {
            return Err(format!(
                "use the secret in {self}: it must be one line of at least {LEAST} ASCII characters without spaces, such as `openssl rand -hex 32` makes"
            ));
        }
        Ok(Secret(secret))
    }
}

/// For people.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

fn is_variable(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A secret, which shows itself to nobody by accident.
#[derive(Clone, PartialEq, Eq)]
pub(in super::super) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// What it is: to compare with, and to keep out of the log.
    pub(in super::super) fn expose(&self) -> &str {
        &self.0
    }
}

/// A key that is about a secret, whatever slip of the finger is in it, and its value up to the end of the string.
static KEYED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let key = r#"[\w."'-]*(?i:secr|token|passw|plant|read_)[\w."'-]*\s*=\s*"#;
    let value = r#""""[\s\S]*?(?:"""|\z)|'''[\s\S]*?(?:'''|\z)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|[^\s,}\]#]+"#;
    Regex::new(&format!("({key})({value})")).ok()
});

/// The text with every secret written straight into it painted over, byte for byte: a mistake is shown with its line, and
/// the line may end in somebody else's log.
pub(super) fn painted_over(text: &str) -> String {
    let Some(keyed) = KEYED.as_ref() else {
        return text.to_owned();
    };
    let painted = keyed.replace_all(text, |found: &Captures<'_>| {
        let (key, value) = (&found[1], &found[2]);
        let inner = value.trim_start_matches(['"', '\'']);
        if inner.starts_with("env:") || inner.starts_with("file:") {
            return found[0].to_owned();
        }
        let quotes = |c: char| matches!(c, '"' | '\'' | '\n');
        let paint = |c: char| match quotes(c) {
            true => c.to_string(),
            false => "*".repeat(c.len_utf8()),
        };
        key.to_owned() + &value.chars().map(paint).collect::<String>()
    });
    painted.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_file_is_painted_over_in_every_shape() {
        for written in [
            "plant_secret = \"hunter2hunter2\"",
            "plant_secrte='hunter2hunter2'",
            "admin = { read_secret = \"hunter2\\\"hunter2\", listen = \"[::1]:1\" }",
            "admin.\"read_secret\" = hunter2hunter2",
            "read_secret = \"\"\"\nhunter2\nhunter2\"\"\"",
            "read_secret = \"hunter2hunter2",
            "TOKEN = \"hünter2hunter2\"",
        ] {
            let painted = painted_over(written);
            assert!(!painted.contains("nter2"), "{painted}");
            assert_eq!(painted.len(), written.len(), "places stay true: {painted}");
            assert_eq!(painted.contains("[::1]:1"), written.contains("[::1]:1"));
        }
        for reference in ["read_secret = \"env:NAME\"", "read_secret = 'file:/x'"] {
            assert_eq!(painted_over(reference), reference);
        }
    }

    #[test]
    fn a_reference_is_a_variable_or_a_file() {
        let parse = |text| Reference::parse(text, Path::new("/etc/waxseal"));
        assert_eq!(parse("env:A_1"), Some(Reference::Env("A_1".into())));
        assert_eq!(
            parse("file:plant"),
            Some(Reference::File("/etc/waxseal/plant".into()))
        );
        for wrong in ["hunter2", "env:", "env:1A", "env:A-B", "file:", "command:x"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_long_enough_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Reference::File(path.clone()).read()
        };
        let long = "0123456789abcdef0123456789abcdef";
        let secret = read(&format!("{long}\n")).unwrap();
        assert_eq!(secret, Secret(long.into()));
        assert!(!format!("{secret:?}").contains("0123"));
        for wrong in [
            "",
            "short",
            &format!("{long} {long}"),
            &format!("{long}\n{long}"),
        ] {
            let error = read(wrong).unwrap_err();
            assert!(
                !error.contains("0123") && !error.contains("short"),
                "{error}"
            );
        }
    }
}
