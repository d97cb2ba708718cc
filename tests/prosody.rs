//! Prosody and Converse in the laboratory, with real Chromium: two that ask with HEAD, of whom one is the provider.
//!
//! Needs what `ci/setup` installs. Nothing leaves this machine, and the laboratory ends with the test that held it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;

use common::lab::{Audit, Lab, cells};
use serde_json::json;

/// HEAD is not the provider's sign: the recipient's page asks in the same way, and it is the door that tells them apart.
#[test]
fn a_head_of_the_provider_is_told_from_one_of_the_recipients_page() {
    let lab = Lab::up("prosody", "converse", &["heads", "head"], |_| {});
    let chosen = ["--variant", "head", "--variant", "heads"];
    let words = [&chosen[..], &["--window", "3s"]].concat();
    let scenario = Path::new("scenarios/lab/converse.toml");
    let mut audit = Audit::start(&lab, scenario, &words);
    let (status, told) = audit.end();
    assert_eq!(status, Some(0), "{told}");
    let report = audit.report();
    let cell = |arm, variant| cells(&report, arm, variant)[0];
    let said = |arm, variant| {
        let cell = cell(arm, variant);
        (&cell["verdict"], &cell["depth"], &cell["actors"])
    };
    let seen = (&json!("observed"), &json!("probed"), &json!(["provider"]));
    assert_eq!(said("sent", "head"), seen, "{told}");
    let nobody = (&json!("not-observed"), &json!(null), &json!([]));
    assert_eq!(said("received", "head"), nobody, "{told}");
    assert_eq!(said("sent", "heads"), nobody, "{told}");
    let ours = (&json!("not-observed"), &json!(null), &json!(["recipient"]));
    assert_eq!(said("received", "heads"), ours, "{told}");
    for (arm, variant) in [("sent", "head"), ("received", "heads")] {
        let visitor = &cell(arm, variant)["visitors"][0];
        assert_eq!(visitor["methods"], json!(["HEAD"]), "{told}");
    }
}
