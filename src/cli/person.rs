use std::io::BufRead;
use std::thread;

use super::out::complain;
use crate::audit::{People, Question};
use crate::diagnostic::printable;

/// The longest instruction that is shown; a link is part of it.
const INSTRUCTION: usize = 2000;

/// People at the terminal: they are asked on the standard error stream, and answer with a line each.
pub(super) fn people() -> People {
    let (people, mut asked) = People::new();
    // Reading a line cannot be interrupted, so it has a thread of its own, which ends with the program.
    thread::spawn(move || {
        let mut lines = std::io::stdin().lock().lines();
        while let Some(question) = asked.blocking_recv() {
            if answer(question, &mut lines).is_none() {
                break;
            }
        }
    });
    people
}

/// Asks one; none when nobody is there to answer.
fn answer(
    question: Question,
    lines: &mut impl Iterator<Item = std::io::Result<String>>,
) -> Option<()> {
    let text = printable(&question.text, INSTRUCTION);
    complain(&format!(
        "\n{}: {text}\n  Enter when it is done, n if it cannot be: ",
        question.account
    ));
    let line = lines.next()?.ok()?;
    let no = matches!(line.trim().to_lowercase().as_str(), "n" | "no");
    // Whoever asked may have been stopped meanwhile.
    let _ = question.answer.send(!no);
    Some(())
}
