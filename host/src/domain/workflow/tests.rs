//! Documents: what is refused and where, and that no text makes the parser fall over.

use proptest::prelude::*;

use super::parse;

const GOOD: &str = "
name: roll-back
on:
  - stage: investigate
  - manual: { allow: [responder] }
if: incident != null && has(incident.labels.flag)
inputs:
  service: { type: string, default: checkout }
timeout: 30m
steps:
  - id: errors
    uses: prometheus/query
    connection: metrics
    with: { query: 'errors{service=\"${{ inputs.service }}\"}' }
    retry: { attempts: 3, initial: 1s, factor: 2, max: 10s }
  - id: gate
    approve: { role: commander, timeout: 15m, on_timeout: reject, notify: none }
  - id: rollback
    uses: unleash/disable-flag
    connection: flags
    with: { flag: '${{ incident.labels.flag }}' }
    needs: [gate]
    timeout: 10s
    on_error: continue
";

/// Each fault as `line:column path: message`.
fn faults(source: &str) -> Vec<String> {
    parse(source).expect_err("has faults").iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_document_is_read() {
    let workflow = parse(GOOD).expect("is good");
    assert_eq!(workflow.steps.len(), 3);
    assert_eq!(workflow.steps[1].needs, ["errors"], "the step above, when `needs` is not written");
    assert_eq!(workflow.steps[2].needs, ["gate"]);
}

#[test]
fn every_fault_is_told_with_its_place() {
    let source = GOOD
        .replace("stage: investigate", "stage: panic")
        .replace("timeout: 30m", "timeout: soon")
        .replace("needs: [gate]", "needs: [gat]")
        .replace("on_error: continue", "on_error: shrug");
    let faults = faults(&source);
    for (place, word) in [("4:", "panic"), ("9:", "soon"), ("22:", "gat"), ("24:", "shrug")] {
        assert!(
            faults.iter().any(|fault| fault.starts_with(place) && fault.contains(word)),
            "{place} {word}: {faults:#?}"
        );
    }
}

#[test]
fn what_may_be_absent_needs_a_test() {
    let untested = GOOD.replace("if: incident != null && has(incident.labels.flag)\n", "");
    let faults = faults(&untested);
    assert!(faults.iter().any(|fault| fault.contains("manual") && fault.contains("no incident")), "{faults:#?}");
}

#[test]
fn steps_see_only_what_has_certainly_ended() {
    let source = GOOD
        .replace("needs: [gate]", "needs: []")
        .replace("'${{ incident.labels.flag }}'", "'${{ steps.errors.output }}'");
    let faults = faults(&source);
    assert!(faults.iter().any(|fault| fault.contains("errors")), "{faults:#?}");
}

#[test]
fn cycles_are_refused() {
    let source = GOOD.replace("  - id: gate\n", "  - id: gate\n    needs: [rollback]\n");
    assert!(
        faults(&source).iter().any(|fault| fault.contains("cycle") || fault.contains("circle")),
        "{:#?}",
        faults(&source)
    );
}

#[test]
fn later_keys_are_refused_by_name() {
    for key in ["concurrency: { key: x }", "finally: []", "on_failure: []"] {
        let faults = faults(&format!("{GOOD}{key}\n"));
        assert!(faults.iter().any(|fault| fault.contains("not supported by this version")), "{key}: {faults:#?}");
    }
}

#[test]
fn an_approval_nobody_is_told_of_is_refused() {
    let faults = faults(&GOOD.replace(", notify: none", ""));
    assert!(faults.iter().any(|fault| fault.contains("notify")), "{faults:#?}");
}

#[test]
fn bombs_are_refused_and_not_expanded() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (this, last) in ('b'..='j').zip('a'..='i') {
        bomb = format!(
            "{bomb}{this}: &{this} [*{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}]\n"
        );
    }
    assert!(!faults(&bomb).is_empty());
    assert!(!faults(&"[".repeat(100_000)).is_empty());
    assert!(!faults(&"x".repeat(super::MAX_SOURCE + 1)).is_empty());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_fall_over(text in ".{0,400}") {
        _ = parse(&text);
    }

    #[test]
    fn no_damage_to_a_document_makes_the_parser_fall_over(
        at in any::<prop::sample::Index>(),
        cut in 0_usize..40,
        insert in "[\\[\\]{}:,&*!|>'\"%@`#\\-\n\t $a-z0-9.]{0,20}",
    ) {
        let start = at.index(GOOD.len());
        let end = (start + cut).min(GOOD.len());
        _ = parse(&format!("{}{insert}{}", &GOOD[..start], &GOOD[end..]));
    }
}
