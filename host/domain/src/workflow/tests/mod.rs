//! Documents: what is refused and where, and that no text makes the parser fall over.

use proptest::prelude::*;

use super::parse;

mod faults;
mod full;
mod schema;

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
fn the_ends_of_a_run_are_read_and_their_faults_told() {
    let ends = "on_failure:
  - id: page
    uses: webhook/send
    connection: hooks
    with: { path: '/x', body: '${{ run.failure }} ${{ steps.gate.status }}' }
finally:
  - id: clean
    sleep: 5s
";
    let workflow = parse(&format!("{GOOD}{ends}")).expect("is good");
    let places: Vec<&str> = workflow.steps.iter().map(|step| step.section.as_str()).collect();
    assert_eq!(places, ["steps", "steps", "steps", "on_failure", "finally"]);
    assert_eq!(workflow.steps[3].needs, Vec::<String>::new(), "a section's first step has none before it");
    for (from, to, wanted) in [
        ("sleep: 5s", "sleep: soon", "\"soon\" is no duration"),
        ("sleep: 5s", "sleep: 31d", "is out of bounds"),
        ("sleep: 5s", "sleep: { for: 5s }", "`until` is missing"),
        ("sleep: 5s", "sleep: { until: '${{ steps.gate.when }}' }", "steps.gate has `output` and `status`"),
        ("sleep: 5s", "sleep: 5s\n    uses: a/b", "one of `uses`, `run`, `approve`, `sleep` or `wait_for`"),
        ("sleep: 5s", "wait_for: done", "`finally` waits for nobody"),
        ("timeout: 10s", "wait_for: done", "one of `uses`, `run`, `approve`, `sleep` or `wait_for`"),
        (
            "approve: { role: commander, timeout: 15m, on_timeout: reject, notify: none }",
            "wait_for: It's",
            "is no signal",
        ),
        (
            "approve: { role: commander, timeout: 15m, on_timeout: reject, notify: none }",
            "wait_for: { timeout: 5m }",
            "`signal` is missing",
        ),
        ("sleep: 5s", "sleep: 5s\n    deadline: 1m", "a step with `sleep` has no `deadline`"),
        ("sleep: 5s", "approve: { notify: none }", "`finally` waits for nobody"),
        ("sleep: 5s", "sleep: 5s\n    needs: [gate]", "step gate stands in `steps`, not in `finally`"),
        ("id: clean", "id: gate", "there are two steps \"gate\""),
        ("run.failure", "run.reason", "run has no reason"),
        ("timeout: 10s", "retry_if: error.kind == 1", "error has no kind"),
        ("timeout: 10s", "retry_if: item == 1", "item is not in scope here"),
        ("timeout: 10s", "deadline: 0s", "is out of bounds"),
        ("stage: investigate", "left: nowhere", "\"nowhere\" is no stage"),
        ("stage: investigate", "severity: up", "one of raised, lowered, changed is wanted"),
        ("stage: investigate", "role: [x]", "a text is wanted, not a list"),
        ("stage: investigate", "run_finished: { status: running }", "\"running\" is not known"),
        ("stage: investigate", "run_finished: { flow: x }", "flow"),
        ("stage: investigate", "tick: 1", "is wanted in each trigger"),
        ("timeout: 10s", "foreach: [1, 2]", "a text is wanted, not a list"),
        ("timeout: 10s", "foreach: items", "items is not in scope here"),
        ("timeout: 10s", "max_parallel: 2", "`max_parallel` belongs to `foreach`"),
        ("timeout: 10s", "foreach: inputs.all\n    max_parallel: 0", "a whole number from 1 to 100 is wanted"),
        ("{ flag: '${{ incident.labels.flag }}' }", "{ flag: '${{ item }}' }", "item is not in scope here"),
        ("sleep: 5s", "sleep: 5s\n    foreach: inputs.all", "a step with `sleep` has no `foreach`"),
        ("incident.labels.flag }}'", "run.outcome }}'", "run.outcome is known in `on_failure` and `finally` only"),
        ("finally:\n  - id: clean\n    sleep: 5s\n", "finally: []\n", "1 to 200 steps are wanted"),
    ] {
        let source = format!("{GOOD}{ends}").replace(from, to);
        let faults = faults(&source);
        assert!(faults.iter().any(|fault| fault.contains(wanted)), "{to}: {faults:#?}");
    }
}

#[test]
fn keys_of_other_documents_are_refused_with_their_place() {
    for (key, place) in [("cron: '* * * * *'", "in a trigger under `on`"), ("workflow: other", "`kind: schedule`")] {
        let faults = faults(&format!("{GOOD}{key}\n"));
        assert!(faults.iter().any(|fault| fault.contains(place)), "{faults:#?}");
    }
}

#[test]
fn what_keeps_runs_apart_and_ties_them_together_is_read_and_its_faults_told() {
    let more = "
concurrency: { key: '${{ inputs.service }}', policy: skip }
undo: true
";
    let source = format!("{GOOD}{more}").replace("  - manual:", "  - called: {}\n  - signal: go\n  - manual:");
    let source = source.replace("  - id: errors\n", "  - { id: first, run: other, with: { a: 1 } }\n  - id: errors\n");
    let workflow = parse(&source).expect("is good");
    assert!(workflow.is_callable() && workflow.skips() && workflow.undo);
    for (from, to, wanted) in [
        ("policy: skip", "policy: drop", "\"drop\" is not known: one of queue, skip, cancel-running is wanted"),
        ("key: '${{ inputs.service }}'", "key: [a]", "concurrency.key: a text is wanted, not a list"),
        ("key: '${{ inputs.service }}', ", "", "concurrency: `key` is missing"),
        ("key: '${{ inputs.service }}'", "key: '${{ steps.gate.status }}'", "steps is not in scope here"),
        ("key: '${{ inputs.service }}'", "key: '${{ inputs.team }}'", "has no input \"team\""),
        ("undo: true", "undo: always", "undo: true or false is wanted, not a text"),
        ("called: {}", "called: { by: x }", "`by` is not known here"),
        ("called: {}", "called: yes", "on[1].called: an object is wanted, not a text"),
        ("signal: go", "signal: Go!", "\"Go!\" is no signal: a word in snake_case is wanted"),
        ("stage: investigate", "becomes: incident.sev == 'sev1'", "incident has no sev: "),
        ("stage: investigate", "becomes: inputs.service == 'a'", "inputs is not in scope here: only incident is"),
        ("stage: investigate", "becomes: [a]", "on[0].becomes: a text is wanted, not a list"),
        ("run: other,", "run: [a],", "steps[0].run: a text is wanted, not a list"),
        ("run: other,", "run: other, connection: c,", "a step with `run` has no `connection`"),
        ("run: other,", "run: other, timeout: 3s,", "a step with `run` has no `timeout`"),
        ("with: { a: 1 }", "with: 5", "steps[0].with: an object is wanted, not a number"),
        ("role: commander,", "role: commander, quorum: 0,", "a whole number from 1 to 10 is wanted"),
        ("role: commander,", "people: [], ", "1 to 20 handles are wanted"),
        ("role: commander,", "people: [ada], quorum: 2,", "2 approvals cannot come from 1 people"),
    ] {
        let faults = faults(&source.replace(from, to));
        assert!(faults.iter().any(|fault| fault.contains(wanted)), "{to}: {faults:#?}");
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
