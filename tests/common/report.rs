//! What a JSON report says.

use serde_json::Value;

/// The first cell of an arm.
pub fn cell<'r>(report: &'r Value, arm: &str) -> &'r Value {
    let mut cells = report["cells"].as_array().unwrap().iter();
    cells.find(|cell| cell["arm"] == arm).unwrap()
}

#[track_caller]
pub fn must_have_doubt(cell: &Value, doubt: &str) {
    let doubts = cell["doubts"].as_array().unwrap();
    assert!(doubts.contains(&doubt.into()), "{cell}");
}
