//! The browsers that tests drive.

use std::path::{Path, PathBuf};

use waxseal::browser::{DriverOptions, Make};

/// A driver of this make that is kept by the waxseal under test.
pub fn driver_options(make: Make) -> DriverOptions {
    DriverOptions {
        make,
        geckodriver: geckodriver(),
        keeper: Some(PathBuf::from(env!("CARGO_BIN_EXE_waxseal"))),
        ..DriverOptions::default()
    }
}

/// The geckodriver that `ci/setup firefox` built, where it did; none: one that is looked for.
pub fn geckodriver() -> Option<PathBuf> {
    let lab = std::env::var_os("WAXSEAL_LAB").map(PathBuf::from);
    let lab = lab.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab"));
    let built = lab.join("gecko/bin/geckodriver");
    built.is_file().then_some(built)
}
