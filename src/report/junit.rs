use quick_junit::{
    NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestSuite,
};

use crate::diagnostic::printable;
use crate::model::{Outcome, VariantRef};

use super::View;
use super::line::{Line, name_of};
use super::view::FOREIGN_CHARS;

/// A run as JUnit XML: a suite for each variant, a case for each cell, by names that stay the same from run to run. A claim
/// that is not met is a failure, an inconclusive cell an error, and a cell about which nothing is claimed is skipped.
///
/// # Errors
/// None that is known: the document is made in memory.
pub fn junit(view: &View<'_>) -> Result<String, SerializeError> {
    let mut report = Report::new("waxseal");
    for variant in &view.manifest.variants {
        report.add_test_suite(suite(view, variant));
    }
    document(&report)
}

/// The report as a document. The count of skipped cases in its outermost element is an extension, which Jenkins' schema does
/// not allow; that element comes first, and holds nothing of anybody else.
pub(super) fn document(report: &Report) -> Result<String, SerializeError> {
    let extension = format!(" skipped=\"{}\"", report.skipped);
    Ok(report.to_string()?.replacen(&extension, "", 1))
}

fn suite(view: &View<'_>, variant: &VariantRef) -> TestSuite {
    let service = &view.manifest.scenario.service;
    let name = foreign(&format!("{service}/{}", variant.name));
    let class = foreign(&format!("{service}.{}", variant.name));
    let mut suite = TestSuite::new(name);
    let properties = [
        ("run", view.run.to_string()),
        ("started", view.manifest.started.to_string()),
        ("title", view.name_of(variant)),
        ("scenario", view.path()),
        ("version", view.manifest.tool.version.clone()),
    ];
    suite.add_properties(properties.map(|(name, value)| Property::new(name, foreign(&value))));
    for line in view.lines(variant) {
        let mut case = TestCase::new(name_of(line.cell), status(&line));
        case.set_classname(class.clone());
        // Those that are not as claimed say it as the reason why.
        if matches!(line.cell.outcome, Outcome::Pass | Outcome::NotRun) {
            case.set_system_out(xml(&said(&line)));
        }
        suite.add_test_case(case);
    }
    suite.set_system_out(xml(&told(view, variant)));
    suite
}

fn status(line: &Line<'_>) -> TestCaseStatus {
    let (mut status, kind) = match line.cell.outcome {
        Outcome::Pass => return TestCaseStatus::success(),
        Outcome::NotRun => return TestCaseStatus::skipped(),
        Outcome::Fail => (
            TestCaseStatus::non_success(NonSuccessKind::Failure),
            "not-as-claimed",
        ),
        Outcome::Inconclusive => (
            TestCaseStatus::non_success(NonSuccessKind::Error),
            "inconclusive",
        ),
    };
    status.set_type(kind);
    status.set_message(xml(&format!("{} {}", line.words, line.share)));
    status.set_description(xml(&said(line)));
    status
}

/// What is said of a cell, as a terminal has it.
fn said(line: &Line<'_>) -> String {
    let delay = line.delay.as_ref();
    let delay = delay.map(|delay| format!("first after {delay}"));
    let who = line
        .who
        .iter()
        .map(|(actor, deeds)| format!("{actor}  {deeds}"));
    let first = [
        line.words.to_owned(),
        line.share.clone(),
        line.bound.clone(),
    ];
    let first: Vec<String> = first.into_iter().chain(delay).chain(who).collect();
    let lines = std::iter::once(first.join("  ")).chain(line.notes.iter().cloned());
    lines.collect::<Vec<_>>().join("\n")
}

/// What is said of a variant beside its cells.
fn told(view: &View<'_>, variant: &VariantRef) -> String {
    let failures = view.failures_of(variant);
    let failures = failures
        .iter()
        .map(|(what, times)| format!("{times} x  {what}"));
    std::iter::once(view.circumstances(variant).join("   "))
        .chain(view.changed())
        .chain(failures)
        .collect::<Vec<_>>()
        .join("\n")
}

fn foreign(text: &str) -> String {
    xml(&printable(text, FOREIGN_CHARS))
}

/// Two characters that are printable, and that no XML document may hold (XML 1.0, production 2).
pub(super) fn xml(printable: &str) -> String {
    printable.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
