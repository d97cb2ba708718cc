//! The makes of browser that can be driven, and where their programs are.

use std::env;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::driver::DriverError;

/// A make of browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Make {
    /// Chromium and what is built from it, by way of chromedriver.
    #[default]
    Chromium,
    /// Firefox, by way of geckodriver.
    Firefox,
}

/// A program that is looked for.
struct Program {
    what: &'static str,
    /// What it is called in PATH.
    names: &'static [&'static str],
    /// Where else it may be.
    places: &'static [&'static str],
    /// How to come by it.
    install: &'static str,
}

const CHROMIUM_INSTALL: &str = "Debian: `apt-get install chromium chromium-driver`";

const CHROMIUM: Program = Program {
    what: "a Chromium",
    names: &[
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ],
    places: &[
        "/usr/lib/chromium/chromium",
        "/opt/google/chrome/chrome",
        "/snap/bin/chromium",
    ],
    install: CHROMIUM_INSTALL,
};

const CHROMEDRIVER: Program = Program {
    what: "chromedriver",
    names: &["chromedriver"],
    places: &[
        "/usr/lib/chromium/chromedriver",
        "/usr/lib/chromium-browser/chromedriver",
        "/usr/local/bin/chromedriver",
        "/snap/bin/chromium.chromedriver",
    ],
    install: CHROMIUM_INSTALL,
};

const FIREFOX: Program = Program {
    what: "a Firefox",
    names: &["firefox", "firefox-esr"],
    places: &[
        "/usr/lib/firefox-esr/firefox-esr",
        "/usr/lib/firefox/firefox",
        "/opt/firefox/firefox",
    ],
    install: "Debian: `apt-get install firefox-esr`",
};

const GECKODRIVER: Program = Program {
    what: "geckodriver",
    names: &["geckodriver"],
    places: &["/usr/local/bin/geckodriver", "/snap/bin/geckodriver"],
    install: "`cargo install --locked geckodriver`",
};

impl Make {
    /// The make that a browser's path speaks of.
    #[must_use]
    pub fn of(browser: &Path) -> Self {
        let name = browser.file_name().unwrap_or_default().to_string_lossy();
        match name.to_ascii_lowercase().contains("firefox") {
            true => Self::Firefox,
            false => Self::Chromium,
        }
    }

    /// What its sessions are asked for by.
    pub(super) const fn browser_name(self) -> &'static str {
        match self {
            Self::Chromium => "chrome",
            Self::Firefox => "firefox",
        }
    }

    /// The browser: the given one, or the first that is found.
    pub(super) fn browser(self, given: Option<&Path>) -> Result<PathBuf, DriverError> {
        match self {
            Self::Chromium => CHROMIUM.find(given),
            Self::Firefox => FIREFOX.find(given),
        }
    }

    /// Its driver: the given one, or the first that is found.
    pub(super) fn driver(self, given: Option<&Path>) -> Result<PathBuf, DriverError> {
        match self {
            Self::Chromium => CHROMEDRIVER.find(given),
            Self::Firefox => GECKODRIVER.find(given),
        }
    }

    /// That the browser is not there.
    pub(super) fn missing(self) -> DriverError {
        match self {
            Self::Chromium => CHROMIUM.missing(),
            Self::Firefox => FIREFOX.missing(),
        }
    }
}

impl Program {
    fn find(&self, given: Option<&Path>) -> Result<PathBuf, DriverError> {
        if let Some(path) = given {
            return match is_program(path) {
                true => Ok(path.to_owned()),
                false => Err(DriverError::Missing {
                    what: path.display().to_string(),
                    install: self.install,
                }),
            };
        }
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .flat_map(|directory| self.names.iter().map(move |name| directory.join(name)))
            .chain(self.places.iter().map(PathBuf::from))
            .find(|candidate| is_program(candidate))
            .ok_or_else(|| self.missing())
    }

    fn missing(&self) -> DriverError {
        DriverError::Missing {
            what: self.what.to_owned(),
            install: self.install,
        }
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_says_what_to_install() {
        let program = |names, places| Program {
            names,
            places,
            ..CHROMIUM
        };
        let missing = program(&["no-such-browser"], &["/no/such/browser"])
            .find(None)
            .unwrap_err();
        assert!(missing.is_missing());
        let told = missing.to_string();
        assert!(told.contains("apt-get install chromium chromium-driver"));
        let shell = program(&["sh"], &[]);
        assert!(shell.find(Some(Path::new("/etc/passwd"))).is_err());
        assert!(shell.find(None).is_ok());
    }

    #[test]
    fn a_path_says_which_make_it_is() {
        let make = |path: &str| Make::of(Path::new(path));
        assert_eq!(make("/usr/lib/firefox-esr/firefox-esr"), Make::Firefox);
        assert_eq!(make("/opt/firefox/../chrome/google-chrome"), Make::Chromium);
    }
}
