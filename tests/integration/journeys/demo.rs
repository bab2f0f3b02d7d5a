//! The demo, as somebody runs it who has just cloned the repository.

use std::process::Command;

use wardroom_tests::guests::root;

#[test]
fn the_demo_tells_a_whole_incident_and_ends_with_its_retrospective() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(root().join("target/debug/wardroom"))
        .args(["demo", "--yes", "--exit", "--plugins"])
        .arg(root().join("target/plugins"))
        .env("TMPDIR", folder.path())
        .output()
        .expect("the demo runs");
    let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{complaints}");
    let mut rest = said.as_ref();
    for wanted in [
        "[alerting]",
        "ada is away",
        "[triage]",
        "it is known who is hit; give `override`",
        "[investigate]",
        "gate was approved",
        "switched new-checkout off",
        "ruled out: The payment provider",
        "[resolution]",
        "[retrospective]",
        "dan contributed to the retrospective",
        "ticket: opened ticket 1",
        "applied: the change of playbook service-outage",
        "published the retrospective, version 1",
        "entered closed",
        "# Retrospective of INC-1: Checkout fails for one customer in eight",
        "The flag was off a minute after the alert.",
        "/tickets/issue1)",
        "That was a whole incident",
    ] {
        let place = rest.find(wanted).unwrap_or_else(|| panic!("{wanted:?} is missing, or out of order: {said}"));
        rest = &rest[place + wanted.len()..];
    }
    let left: Vec<_> = folder.path().read_dir().expect("is there").collect();
    assert!(left.is_empty(), "the demo leaves nothing behind: {left:?}");
}
