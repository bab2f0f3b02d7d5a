//! One wrong value for each key of the language, and exactly what is said to it: one fault, its line and column, the part of
//! the document, what is wrong and what would be right.

use super::{parse, tests_full::FULL};

/// A part of the whole document, what stands there instead, and the one fault.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "name: everything",
        "name: Everything",
        "1:7: name: \"Everything\" is no name: 1 to 64 of a-z 0-9 - are wanted, a letter first",
    ),
    ("name: everything\n", "", "1:1: `name` is missing"),
    ("description: Uses every key.", "description: [a]", "2:14: description: a text is wanted, not a list"),
    ("description:", "descripton:", "2:1: `descripton` is not known here: did you mean `description`?"),
    ("  - left: triage\n", "  - triage\n", "5:5: on[1]: an object is wanted, not a text"),
    ("entry: any", "entry: second", "4:29: on[0].entry: \"second\" is not known: one of first, any is wanted"),
    (
        "with: { service: checkout } }\n  - left",
        "with: checkout }\n  - left",
        "4:40: on[0].with: an object is wanted, not a text",
    ),
    ("left: triage", "left: 7", "5:11: on[1].left: a text is wanted, not a number"),
    (
        "left: triage",
        "left: triage\n    entry: any",
        "6:5: on[1]: `entry` is not known here: known are stage, left, severity, role, run_finished, alert, becomes, signal, called, manual, with",
    ),
    (
        "left: triage",
        "left: triage\n    role: commander",
        "5:5: on[1]: one of `stage`, `left`, `severity`, `role`, `becomes`, `alert`, `run_finished`, `signal`, `called` or `manual` is wanted in each trigger",
    ),
    ("severity: raised", "severity: true", "6:15: on[2].severity: a text is wanted, not true or false"),
    ("role: commander\n", "role:\n", "7:9: on[3].role: a text is wanted, not nothing"),
    (
        "becomes: incident.severity == 'sev1'",
        "becomes: '${{ true }}'",
        "8:14: on[4].becomes: an expression stands bare here, without ${{ }}",
    ),
    (
        "alert: { status: firing, labels: { team: payments } }",
        "alert: firing",
        "9:12: on[5].alert: an object is wanted, not a text",
    ),
    (
        "status: firing",
        "status: refire",
        "9:22: on[5].alert.status: \"refire\" is not known: one of firing, resolved, refired is wanted",
    ),
    ("{ team: payments }", "{ team: 7 }", "9:46: on[5].alert.labels.team: a text is wanted, not a number"),
    (
        "run_finished: { workflow: other, status: [failed, timed_out] }",
        "run_finished: other",
        "10:19: on[6].run_finished: an object is wanted, not a text",
    ),
    (
        "workflow: other",
        "workflow: Other",
        "10:31: on[6].run_finished.workflow: \"Other\" is no name: 1 to 64 of a-z 0-9 - are wanted, a letter first",
    ),
    ("[failed, timed_out]", "[]", "10:46: on[6].run_finished.status: at least one status is wanted"),
    (
        "[failed, timed_out]",
        "[failed, late]",
        "10:55: on[6].run_finished.status: \"late\" is not known: one of succeeded, failed, rejected, canceled, timed_out is wanted",
    ),
    ("  - signal: deployed", "  - signal: 7", "11:13: on[7].signal: a text is wanted, not a number"),
    ("called: {}", "called: [other]", "12:13: on[8].called: an object is wanted, not a list"),
    ("manual: { allow: [responder] }", "manual: ada", "13:13: on[9].manual: an object is wanted, not a text"),
    ("allow: [responder]", "allow: responder", "13:22: on[9].manual.allow: a list is wanted, not a text"),
    (
        "allow: [responder]",
        "allow: [root]",
        "13:23: on[9].manual.allow: \"root\" is not known: one of viewer, responder, engineer, admin is wanted",
    ),
    (
        "if: incident != null",
        "if: incident != null && inputs.team == 'a'",
        "14:5: if: the workflow has no input \"team\": declare it under `inputs`",
    ),
    (
        "service: { type: string, default: checkout }",
        "Service: { type: string }\n  service: {}",
        "16:3: inputs.Service: an input's name is a word in snake_case",
    ),
    (
        "service: { type: string, default: checkout }",
        "service: { type: text }",
        "16:12: inputs.service: is no JSON Schema: \"text\" is not valid under any of the schemas listed in the 'anyOf' keyword",
    ),
    (
        "service: { type: string, default: checkout }",
        "service: string",
        "16:12: inputs.service: is no JSON Schema: an object is wanted",
    ),
    (
        "concurrency: { key: '${{ inputs.service }}', policy: skip }",
        "concurrency: service",
        "17:14: concurrency: an object is wanted, not a text",
    ),
    ("key: '${{ inputs.service }}'", "key: 7", "17:21: concurrency.key: a text is wanted, not a number"),
    (
        "policy: skip",
        "policy: cancel",
        "17:54: concurrency.policy: \"cancel\" is not known: one of queue, skip, cancel-running is wanted",
    ),
    ("undo: true", "undo: never", "18:7: undo: true or false is wanted, not a text"),
    ("timeout: 30m", "timeout: 30", "19:10: timeout: a text is wanted, not a number"),
    ("timeout: 30m", "timeout: 60d", "19:10: timeout: 60d is out of bounds: 1s to 30d is wanted"),
    ("  - id: act\n", "  - id: Act\n", "21:9: steps[0].id: \"Act\" is no step id: a word in snake_case is wanted"),
    ("  - id: act\n    uses", "  - uses", "21:5: steps[0]: `id` is missing"),
    (
        "uses: webhook/send\n",
        "uses: webhook/send/now\n",
        "22:11: steps[0].uses: \"webhook/send/now\" names no action: plugin/action is wanted",
    ),
    (
        "connection: hooks\n",
        "connection: { name: hooks }\n",
        "23:17: steps[0].connection: a text is wanted, not an object",
    ),
    (
        "uses: webhook/send\n",
        "uses: wardroom/add-timeline\n",
        "21:5: steps[0].connection: wardroom works without a connection, not hooks",
    ),
    (
        "with: { path: '/${{ item }}' }",
        "with: ['/${{ item }}']",
        "24:11: steps[0].with: an object is wanted, not a list",
    ),
    ("with: { path: '/${{ item }}' }", "with:\n      path: /${{ item", "25:14: steps[0].with.path: `${{` without `}}`"),
    (
        "foreach: '[inputs.service]'",
        "foreach: inputs.services",
        "25:14: act.foreach: the workflow has no input \"services\": declare it under `inputs`",
    ),
    ("max_parallel: 2", "max_parallel: 101", "26:19: steps[0].max_parallel: a whole number from 1 to 100 is wanted"),
    ("needs: []", "needs: gate", "27:12: steps[0].needs: a list is wanted, not a text"),
    ("needs: []", "needs: [7]", "27:13: steps[0].needs: a text is wanted, not a number"),
    (
        "if: incident.severity == 'sev1'\n    retry",
        "if: [a]\n    retry",
        "28:9: steps[0].if: a text is wanted, not a list",
    ),
    (
        "retry: { attempts: 3, initial: 2s, factor: 3, max: 10s }",
        "retry: 3",
        "29:12: steps[0].retry: an object is wanted, not a number",
    ),
    ("attempts: 3", "attempts: 0", "29:24: steps[0].retry.attempts: a whole number from 1 to 100 is wanted"),
    ("initial: 2s", "initial: 2", "29:36: steps[0].retry.initial: a text is wanted, not a number"),
    ("factor: 3", "factor: 11", "29:48: steps[0].retry.factor: a number from 1 to 10 is wanted"),
    ("max: 10s", "max: 25h", "29:56: steps[0].retry.max: 25h is out of bounds: 1ms to 1d is wanted"),
    (
        "retry_if: error.code",
        "retry_if: error.reason",
        "30:15: act.retry_if: error has no reason: it has code, message, details, attempt",
    ),
    ("    timeout: 10s", "    timeout: 11m", "31:14: steps[0].timeout: 11m is out of bounds: 100ms to 10m is wanted"),
    (
        "deadline: 5m",
        "deadline: 5 minutes",
        "32:15: steps[0].deadline: \"5 minutes\" is no duration: 250ms, 10s, 5m, 2h or 1d is wanted",
    ),
    ("on_error: continue", "on_error: true", "33:15: steps[0].on_error: a text is wanted, not true or false"),
    ("run: other", "run: 7", "34:23: steps[1].run: a text is wanted, not a number"),
    ("run: other, with", "run: other, retry: {}, with", "34:37: steps[1].retry: a step with `run` has no `retry`"),
    (
        "approve: { role: commander, people: [ada, grace], quorum: 2, timeout: 15m, on_timeout: approve, notify: none }",
        "approve: commander",
        "36:14: steps[2].approve: an object is wanted, not a text",
    ),
    (
        "role: commander, people",
        "role: [commander], people",
        "36:22: steps[2].approve.role: a text is wanted, not a list",
    ),
    ("people: [ada, grace]", "people: [ada, 7]", "36:47: steps[2].approve.people: a text is wanted, not a number"),
    ("quorum: 2", "quorum: all", "36:63: steps[2].approve.quorum: a whole number from 1 to 10 is wanted"),
    (
        "timeout: 15m",
        "timeout: 500ms",
        "36:75: steps[2].approve.timeout: 500ms is out of bounds: 1s to 30d is wanted",
    ),
    (
        "on_timeout: approve",
        "on_timeout: accept",
        "36:92: steps[2].approve.on_timeout: \"accept\" is not known: one of reject, approve is wanted",
    ),
    ("notify: none", "notify: [ada]", "36:109: steps[2].approve.notify: a text is wanted, not a list"),
    (
        "sleep: 5s }\n  - { id: dawn",
        "sleep: 5 }\n  - { id: dawn",
        "37:23: steps[3].sleep: a text is wanted, not a number",
    ),
    ("until: '2026-01-01T00:00:00Z'", "until: 5", "38:33: steps[4].sleep.until: a text is wanted, not a number"),
    ("wait_for: deployed }", "wait_for: [deployed] }", "39:27: steps[5].wait_for: a text is wanted, not a list"),
    (
        "wait_for: { signal: deployed",
        "wait_for: { signal: 2nd",
        "40:38: steps[6].wait_for: \"2nd\" is no signal: a word in snake_case is wanted",
    ),
    (
        "timeout: 5m } }",
        "timeout: 40d } }",
        "40:57: steps[6].wait_for.timeout: 40d is out of bounds: 1s to 30d is wanted",
    ),
    (
        "  - { id: page, uses: webhook/send, connection: hooks }",
        "  - page",
        "42:5: on_failure[0]: an object is wanted, not a text",
    ),
    (
        "  - { id: clean, sleep: 5s }",
        "  - { id: clean, sleep: 5s, needs: [act] }",
        "44:36: clean.needs: step act stands in `steps`, not in `finally`",
    ),
];

#[test]
fn each_key_tells_its_wrong_value_in_one_fault() {
    let mut other = Vec::new();
    for (from, to, wanted) in FAULTS {
        assert_eq!(FULL.matches(from).count(), 1, "{from} is to be found once in the document");
        let faults = parse(&FULL.replace(from, to)).expect_err(to);
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        if told != [*wanted] {
            other.push(format!("{to}\n  wanted {wanted}\n  told   {}", told.join("\n         ")));
        }
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}
