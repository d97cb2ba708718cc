use std::io::{self, Write};

/// Writes to the standard output stream. A reader that has gone away (`| head`) has had what it wanted, and is no reason
/// to lose a report or an exit status.
pub(super) fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// The same for what is wrong, on the standard error stream.
pub(super) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
