//! Playbooks as text: the bundled ones are good, and every fault is told with its place. The published schema accepts what the
//! parser accepts.

use proptest::prelude::*;
use serde_json::Value;

use super::{Playbook, document, document::parse, fit};
use crate::{
    alert::Labels,
    incident::{IncidentKind, Severity},
};

const BUNDLED: [(&str, &str); 4] = [
    ("service-outage", include_str!("../../../../examples/playbooks/service-outage.yaml")),
    ("security-breach", include_str!("../../../../examples/playbooks/security-breach.yaml")),
    ("degraded-performance", include_str!("../../../../examples/playbooks/degraded-performance.yaml")),
    ("drill", include_str!("../../../../examples/playbooks/drill.yaml")),
];

fn bundled() -> Vec<Playbook> {
    BUNDLED
        .iter()
        .map(|(name, source)| {
            let playbook = parse(source).unwrap_or_else(|faults| panic!("{name}: {}", faults[0]));
            assert_eq!(playbook.name, *name);
            playbook
        })
        .collect()
}

fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(document::SCHEMA).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
}

#[test]
fn the_bundled_playbooks_are_good_and_the_schema_takes_them() {
    let schema = schema();
    for (playbook, (name, source)) in bundled().iter().zip(BUNDLED) {
        assert!(playbook.tasks().count() >= 3, "{name} has tasks");
        let value = crate::document::value(source).expect("a document");
        let wrong: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(wrong, [] as [String; 0], "{name}");
    }
}

#[test]
fn each_kind_of_incident_finds_its_playbook() {
    let playbooks = bundled();
    let best = |kind, severity, labels: &[(&str, &str)]| {
        let labels: Labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        fit::best(playbooks.iter(), kind, severity, &labels).map(|playbook| playbook.name.clone())
    };
    let real = IncidentKind::Incident;
    assert_eq!(best(real, Severity::Sev1, &[]).as_deref(), Some("service-outage"));
    assert_eq!(best(real, Severity::Sev4, &[]).as_deref(), Some("degraded-performance"));
    assert_eq!(best(real, Severity::Sev2, &[("symptom", "latency")]).as_deref(), Some("degraded-performance"));
    assert_eq!(best(real, Severity::Sev1, &[("breach", "cards")]).as_deref(), Some("security-breach"));
    assert_eq!(best(IncidentKind::Drill, Severity::Sev1, &[("breach", "cards")]).as_deref(), Some("drill"));
}

/// Each fault of `docs/playbooks.md`: the document, and what is said of it.
#[test]
fn every_documented_fault_is_told_with_its_place() {
    let text = include_str!("../../../../docs/playbooks.md");
    let table = text.split("<!-- faults -->").nth(1).expect("the table of faults");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() >= 20, "there are {} rows", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [document, said] = cells[..] else { panic!("two cells are wanted: {row}") };
        let document = document.trim_matches('`').replace("\\|", "|");
        let source = format!("kind: playbook\nname: p\n{}\n", document.replace(" ⏎ ", "\n"));
        let faults = match parse(&source) {
            Ok(_) => panic!("is good: {source}"),
            Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        };
        assert_eq!(faults, said.trim_matches('`').trim().replace("\\|", "|"), "{source}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(cut in 0_usize..4_000, byte in any::<u8>(), which in 0_usize..4) {
        let mut source = BUNDLED[which].1.as_bytes().to_vec();
        let place = cut % source.len();
        source[place] = byte;
        if let Ok(text) = String::from_utf8(source) {
            // Whatever the parser takes, the schema takes.
            if parse(&text).is_ok() {
                let value = crate::document::value(&text).expect("a document");
                prop_assert!(schema().is_valid(&value), "{}", text);
            }
        }
    }

    #[test]
    fn a_higher_priority_always_wins(priorities in prop::collection::vec(0_u32..=100, 1..8)) {
        let playbooks: Vec<Playbook> = priorities.iter().enumerate().map(|(index, priority)| {
            let source = format!("kind: playbook\nname: p{index}\npriority: {priority}\nmatch: [{{}}]\n");
            parse(&source).expect("a playbook")
        }).collect();
        let best = fit::best(playbooks.iter(), IncidentKind::Incident, Severity::Sev1, &Labels::new());
        prop_assert_eq!(best.map(|best| best.priority), priorities.iter().copied().max());
    }
}
