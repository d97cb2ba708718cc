//! Reports of a run that could not be played: nothing can be said, and that is what they say. Never success, and never an
//! empty file.

use maud::html as markup;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::diagnostic::printable;
use crate::model::Outcome;

use super::html::page;
use super::junit::{document, xml};
use super::markdown::{code, mark};

/// The longest message that is shown.
const CHARS: usize = 800;

const HEADING: &str = "waxseal could not run";

/// As a web page.
#[must_use]
pub fn html(message: &str) -> String {
    let body = markup! {
        h1 { (HEADING) }
        p { "Nothing was judged, so nothing can be said. It failed to " code { (printable(message, CHARS)) } }
    };
    page(HEADING, &[], None, &body)
}

/// As JUnit XML: one case, which is an error.
///
/// # Errors
/// None that is known: the document is made in memory.
pub fn junit(message: &str) -> Result<String, SerializeError> {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("could-not-run");
    status.set_message(xml(&printable(message, CHARS)));
    let mut case = TestCase::new("run", status);
    case.set_classname("waxseal");
    let mut suite = TestSuite::new("waxseal");
    suite.add_test_case(case);
    let mut report = Report::new("waxseal");
    report.add_test_suite(suite);
    document(&report)
}

/// As Markdown.
#[must_use]
pub fn markdown(message: &str) -> String {
    let mark = mark(Outcome::Inconclusive);
    format!("## {mark} {HEADING}\n\nIt failed to {}\n", code(message))
}
