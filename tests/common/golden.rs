//! Texts that are kept beside the tests and compared letter by letter.

use std::path::{Path, PathBuf};

/// A path of this project.
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether kept texts are to be written anew.
pub fn is_blessing() -> bool {
    std::env::var_os("WAXSEAL_BLESS").is_some()
}

/// Compares with a file, or writes it when `WAXSEAL_BLESS` is set.
pub fn compare(path: &Path, fresh: &str) -> Result<(), String> {
    if is_blessing() {
        std::fs::write(path, fresh).unwrap();
        return Ok(());
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    if kept == fresh {
        return Ok(());
    }
    Err(format!(
        "{} is not what it should be; if this is meant, run the test again with WAXSEAL_BLESS=1\n\
         --- kept\n{kept}\n--- fresh\n{fresh}",
        path.display()
    ))
}

/// As [`compare`], and fails the test.
pub fn assert_golden(path: &str, fresh: &str) {
    if let Err(difference) = compare(&in_repository(path), fresh) {
        panic!("{difference}");
    }
}
