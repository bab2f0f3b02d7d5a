//! One wrong value for each key of the language, and exactly what is said to it: one fault, its line and column, the part of
//! the document, what is wrong and what would be right.

use super::{super::parse, full::FULL};

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
    ("left: triage", "left: triage\n    entry: any", "6:12: on[1].entry: `entry` belongs to `stage`"),
    (
        "left: triage",
        "left: triage\n    role: commander",
        "5:5: on[1]: one of `stage`, `left`, `severity`, `role`, `becomes`, `alert`, `event`, `timer`, `run_finished`, `schedule_failing`, `signal`, `called`, `manual`, `cron`, `every` or `at` is wanted in each trigger",
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
        "timer: update-due",
        "timer: 'It''s due'",
        "14:12: on[10].timer: \"It's due\" is no name: 1 to 64 of a-z 0-9 - are wanted, a letter first",
    ),
    ("[task.overdue, update.overdue]", "[]", "29:12: on[15].event: at least one event is wanted, such as task.overdue"),
    (
        "[task.overdue, update.overdue]",
        "task.late",
        "29:12: on[15].event: \"task.late\" is not known: one of task.done, task.reopened, task.overdue, update.posted, update.overdue, cause.changed, role.unanswered, deadline.began, deadline.near, deadline.missed, retrospective.opened, retrospective.reminder, retrospective.contributed, retrospective.published, follow_up.added, follow_up.overdue, drill.injected, incident.acknowledged, incident.mitigated, page.requested, incident.merged is wanted",
    ),
    (
        "schedule_failing: { schedule: nightly }",
        "schedule_failing: nightly",
        "15:23: on[11].schedule_failing: an object is wanted, not a text",
    ),
    (
        "schedule: nightly",
        "schedule: sweep.one",
        "15:35: on[11].schedule_failing.schedule: \"sweep.one\" is no schedule: a name such as nightly or sweep.1 is wanted",
    ),
    ("cron: '0 9 * * MON-FRI'", "cron: 9", "16:11: on[12].cron: a text is wanted, not a number"),
    (
        "  - every: 10m",
        "  - every: 10m\n    at: '2026-12-24T18:00:00Z'",
        "27:5: on[13]: one of `cron`, `every` or `at` is wanted, and only one",
    ),
    ("  - every: 10m", "  - every: 10m\n    timezone: UTC", "28:15: on[13].timezone: `timezone` belongs to `cron`"),
    (
        "  - every: 10m",
        "  - every: 10m\n    stage: triage",
        "27:5: on[13]: one of `stage`, `left`, `severity`, `role`, `becomes`, `alert`, `event`, `timer`, `run_finished`, `schedule_failing`, `signal`, `called`, `manual`, `cron`, `every` or `at` is wanted in each trigger",
    ),
    (
        "  - every: 10m",
        "  - every: 10m\n    with: { service: '${{ incident.labels.service }}' }",
        "27:5: on[13].with.service: incident is not in scope here: only trigger is",
    ),
    (
        "  - every: 10m",
        "  - every: 10m\n    with: { service: '${{ trigger.alert.labels.service }}' }",
        "27:5: on[13].with.service: trigger has no alert here: it has type, at, schedule, tick, kind",
    ),
    ("left: triage", "left: triage\n    jitter: 5m", "6:13: on[1].jitter: `jitter` belongs to `cron`, `every` or `at`"),
    (
        "starts: '2026-01-01T00:00:00Z'",
        "starts: tomorrow",
        "18:13: on[12].starts: \"tomorrow\" is no time: one such as 2026-12-24T18:00:00Z or 2026-12-24T18:00:00+01:00 is wanted",
    ),
    (
        "starts: '2026-01-01T00:00:00Z'",
        "starts: '2026-02-30T00:00:00Z'",
        "18:13: on[12].starts: \"2026-02-30T00:00:00Z\" is no time: one such as 2026-12-24T18:00:00Z or 2026-12-24T18:00:00+01:00 is wanted",
    ),
    (
        "ends: '2027-01-01T00:00:00Z'",
        "ends: '2025-01-01T00:00:00Z'",
        "19:11: on[12].ends: 2025-01-01T00:00:00.000Z is not after `starts`, 2026-01-01T00:00:00.000Z",
    ),
    (
        "ends: '2027-01-01T00:00:00Z'",
        "ends: '2027-01-01'",
        "19:11: on[12].ends: \"2027-01-01\" is no time: one such as 2026-12-24T18:00:00Z or 2026-12-24T18:00:00+01:00 is wanted",
    ),
    ("jitter: 30s", "jitter: 2h", "20:13: on[12].jitter: 2h is out of bounds: 0s to 1h is wanted"),
    (
        "overlap: queue",
        "overlap: wait",
        "21:14: on[12].overlap: \"wait\" is not known: one of skip, queue, cancel-running, allow is wanted",
    ),
    (
        "catch_up: { mode: all, window: 2h, most: 5 }",
        "catch_up: newest",
        "22:15: on[12].catch_up: \"newest\" is not known: one of none, latest, all is wanted",
    ),
    (
        "catch_up: { mode: all, window: 2h, most: 5 }",
        "catch_up: { window: 2h }",
        "22:15: on[12].catch_up: `mode` is missing",
    ),
    (
        "catch_up: { mode: all,",
        "catch_up: { mode: latest,",
        "22:49: on[12].catch_up.most: `most` belongs to the mode `all`",
    ),
    ("window: 2h", "window: 31d", "22:36: on[12].catch_up.window: 31d is out of bounds: 1s to 30d is wanted"),
    ("most: 5", "most: 0", "22:46: on[12].catch_up.most: a whole number from 1 to 100 is wanted"),
    (
        "- { from: '2026-12-24T00:00:00Z', until: '2026-12-27T00:00:00Z' }",
        "- weekend",
        "25:9: on[12].blackouts[1]: an object is wanted, not a text",
    ),
    ("for: 63h", "for: 32d", "24:63: on[12].blackouts[0].for: 32d is out of bounds: 1s to 31d is wanted"),
    (" for: 63h,", "", "24:9: on[12].blackouts[0]: `for` is missing: how long the blackout lasts"),
    (
        "for: 63h",
        "until: '2026-12-27T00:00:00Z', for: 63h",
        "24:65: on[12].blackouts[0].until: `until` belongs to `from`",
    ),
    ("then: hold", "then: wait", "24:74: on[12].blackouts[0].then: \"wait\" is not known: one of hold, skip is wanted"),
    ("reason: Weekend", "reason: ''", "24:88: on[12].blackouts[0].reason: 0 characters are here: 1 to 200 are wanted"),
    (
        "{ from: '2026-12-24T00:00:00Z', until: '2026-12-27T00:00:00Z' }",
        "{ then: skip }",
        "25:9: on[12].blackouts[1]: one of `cron` or `from` is wanted in each blackout, and only one",
    ),
    (", until: '2026-12-27T00:00:00Z'", "", "25:9: on[12].blackouts[1]: `until` is missing: when the blackout ends"),
    (
        "until: '2026-12-27T00:00:00Z'",
        "until: '2026-12-23T00:00:00Z'",
        "25:48: on[12].blackouts[1].until: 2026-12-23T00:00:00.000Z is not after `from`, 2026-12-24T00:00:00.000Z",
    ),
    (
        "until: '2026-12-27T00:00:00Z'",
        "until: '2027-02-24T00:00:00Z'",
        "25:48: on[12].blackouts[1].until: the blackout lasts 62d: at most 31d are wanted",
    ),
    (
        "until: '2026-12-27T00:00:00Z'",
        "until: '2026-12-27T00:00:00Z', for: 1d",
        "25:77: on[12].blackouts[1].for: `for` belongs to `cron`",
    ),
    ("warn_after: 5", "warn_after: 101", "26:17: on[12].warn_after: a whole number from 0 to 100 is wanted"),
    ("every: 10m", "every: 500ms", "27:12: on[13].every: 500ms is out of bounds: 1s to 366d is wanted"),
    ("every: 10m", "every: 10m\n    jitter: 10m", "28:13: on[13].jitter: 10m is not less than `every`, 10m"),
    (
        "at: '2026-12-24T18:00:00+01:00'",
        "at: '2026-12-24T18:00:00'",
        "28:9: on[14].at: \"2026-12-24T18:00:00\" is no time: one such as 2026-12-24T18:00:00Z or 2026-12-24T18:00:00+01:00 is wanted",
    ),
    (
        "at: '2026-12-24T18:00:00+01:00'",
        "at: '2026-12-24T18:00:00+01:00'\n    starts: '2026-12-24T17:00:01Z'",
        "28:9: on[14].at: is before `starts`, so it never fires",
    ),
    (
        "at: '2026-12-24T18:00:00+01:00'",
        "at: '2026-12-24T18:00:00+01:00'\n    ends: '2026-12-24T16:59:59Z'",
        "28:9: on[14].at: is after `ends`, so it never fires",
    ),
    (
        "starts: '2026-01-01T00:00:00Z'\n    ends: '2027-01-01T00:00:00Z'",
        "starts: '2026-01-01T00:10:00Z'\n    ends: '2026-01-01T00:50:00Z'",
        "16:11: on[12].cron: never fires between `starts` and `ends`",
    ),
    (
        "undo: true",
        "cron: '0 9 * * *'",
        "34:7: cron: `cron` does not stand here: in a trigger under `on`, or in a schedule, which says `kind: schedule`",
    ),
    (
        "if: incident != null",
        "if: incident != null && inputs.team == 'a'",
        "30:5: if: the workflow has no input \"team\": declare it under `inputs`",
    ),
    (
        "service: { type: string, default: checkout }",
        "Service: { type: string }\n  service: {}",
        "32:3: inputs.Service: an input's name is a word in snake_case",
    ),
    (
        "service: { type: string, default: checkout }",
        "service: { type: text }",
        "32:12: inputs.service: is no JSON Schema: \"text\" is not valid under any of the schemas listed in the 'anyOf' keyword",
    ),
    (
        "service: { type: string, default: checkout }",
        "service: string",
        "32:12: inputs.service: is no JSON Schema: an object is wanted",
    ),
    (
        "concurrency: { key: '${{ inputs.service }}', policy: skip }",
        "concurrency: service",
        "33:14: concurrency: an object is wanted, not a text",
    ),
    ("key: '${{ inputs.service }}'", "key: 7", "33:21: concurrency.key: a text is wanted, not a number"),
    (
        "policy: skip",
        "policy: cancel",
        "33:54: concurrency.policy: \"cancel\" is not known: one of queue, skip, cancel-running is wanted",
    ),
    ("undo: true", "undo: never", "34:7: undo: true or false is wanted, not a text"),
    ("timeout: 30m", "timeout: 30", "35:10: timeout: a text is wanted, not a number"),
    ("timeout: 30m", "timeout: 60d", "35:10: timeout: 60d is out of bounds: 1s to 30d is wanted"),
    ("  - id: act\n", "  - id: Act\n", "37:9: steps[0].id: \"Act\" is no step id: a word in snake_case is wanted"),
    ("  - id: act\n    uses", "  - uses", "37:5: steps[0]: `id` is missing"),
    (
        "uses: webhook/send\n",
        "uses: webhook/send/now\n",
        "38:11: steps[0].uses: \"webhook/send/now\" names no action: plugin/action is wanted",
    ),
    (
        "connection: hooks\n",
        "connection: { name: hooks }\n",
        "39:17: steps[0].connection: a text is wanted, not an object",
    ),
    (
        "uses: webhook/send\n",
        "uses: wardroom/add-timeline\n",
        "37:5: steps[0].connection: wardroom works without a connection, not hooks",
    ),
    (
        "with: { path: '/${{ item }}' }",
        "with: ['/${{ item }}']",
        "40:11: steps[0].with: an object is wanted, not a list",
    ),
    ("with: { path: '/${{ item }}' }", "with:\n      path: /${{ item", "41:14: steps[0].with.path: `${{` without `}}`"),
    (
        "foreach: '[inputs.service]'",
        "foreach: inputs.services",
        "41:14: act.foreach: the workflow has no input \"services\": declare it under `inputs`",
    ),
    ("max_parallel: 2", "max_parallel: 101", "42:19: steps[0].max_parallel: a whole number from 1 to 100 is wanted"),
    ("needs: []", "needs: gate", "43:12: steps[0].needs: a list is wanted, not a text"),
    ("needs: []", "needs: [7]", "43:13: steps[0].needs: a text is wanted, not a number"),
    (
        "if: incident.severity == 'sev1'\n    retry",
        "if: [a]\n    retry",
        "44:9: steps[0].if: a text is wanted, not a list",
    ),
    (
        "retry: { attempts: 3, initial: 2s, factor: 3, max: 10s }",
        "retry: 3",
        "45:12: steps[0].retry: an object is wanted, not a number",
    ),
    ("attempts: 3", "attempts: 0", "45:24: steps[0].retry.attempts: a whole number from 1 to 100 is wanted"),
    ("initial: 2s", "initial: 2", "45:36: steps[0].retry.initial: a text is wanted, not a number"),
    ("factor: 3", "factor: 11", "45:48: steps[0].retry.factor: a number from 1 to 10 is wanted"),
    ("max: 10s", "max: 25h", "45:56: steps[0].retry.max: 25h is out of bounds: 1ms to 1d is wanted"),
    (
        "retry_if: error.code",
        "retry_if: error.reason",
        "46:15: act.retry_if: error has no reason: it has code, message, details, attempt",
    ),
    ("    timeout: 10s", "    timeout: 11m", "47:14: steps[0].timeout: 11m is out of bounds: 100ms to 10m is wanted"),
    (
        "deadline: 5m",
        "deadline: 5 minutes",
        "48:15: steps[0].deadline: \"5 minutes\" is no duration: 250ms, 10s, 5m, 2h or 1d is wanted",
    ),
    ("on_error: continue", "on_error: true", "49:15: steps[0].on_error: a text is wanted, not true or false"),
    ("run: other", "run: 7", "50:23: steps[1].run: a text is wanted, not a number"),
    ("run: other, with", "run: other, retry: {}, with", "50:37: steps[1].retry: a step with `run` has no `retry`"),
    (
        "approve: { role: commander, people: [ada, grace], quorum: 2, timeout: 15m, on_timeout: approve, notify: none }",
        "approve: commander",
        "52:14: steps[2].approve: an object is wanted, not a text",
    ),
    (
        "role: commander, people",
        "role: [commander], people",
        "52:22: steps[2].approve.role: a text is wanted, not a list",
    ),
    ("people: [ada, grace]", "people: [ada, 7]", "52:47: steps[2].approve.people: a text is wanted, not a number"),
    ("quorum: 2", "quorum: all", "52:63: steps[2].approve.quorum: a whole number from 1 to 10 is wanted"),
    ("timeout: 15m", "timeout: 500ms", "52:75: steps[2].approve.timeout: 500ms is out of bounds: 1s to 30d is wanted"),
    (
        "on_timeout: approve",
        "on_timeout: accept",
        "52:92: steps[2].approve.on_timeout: \"accept\" is not known: one of reject, approve is wanted",
    ),
    ("notify: none", "notify: [ada]", "52:109: steps[2].approve.notify: a text is wanted, not a list"),
    (
        "sleep: 5s }\n  - { id: dawn",
        "sleep: 5 }\n  - { id: dawn",
        "53:23: steps[3].sleep: a text is wanted, not a number",
    ),
    ("until: '2026-01-01T00:00:00Z'", "until: 5", "54:33: steps[4].sleep.until: a text is wanted, not a number"),
    ("wait_for: deployed }", "wait_for: [deployed] }", "55:27: steps[5].wait_for: a text is wanted, not a list"),
    (
        "wait_for: { signal: deployed",
        "wait_for: { signal: 2nd",
        "56:38: steps[6].wait_for: \"2nd\" is no signal: a word in snake_case is wanted",
    ),
    (
        "timeout: 5m } }",
        "timeout: 40d } }",
        "56:57: steps[6].wait_for.timeout: 40d is out of bounds: 1s to 30d is wanted",
    ),
    (
        "  - { id: page, uses: webhook/send, connection: hooks }",
        "  - page",
        "58:5: on_failure[0]: an object is wanted, not a text",
    ),
    (
        "  - { id: clean, sleep: 5s }",
        "  - { id: clean, sleep: 5s, needs: [act] }",
        "60:36: clean.needs: step act stands in `steps`, not in `finally`",
    ),
];

#[test]
fn each_key_tells_its_wrong_value_in_one_fault() {
    let mut other = Vec::new();
    for (from, to, wanted) in FAULTS {
        assert_eq!(FULL.matches(from).count(), 1, "{from} is to be found once in the document");
        let faults = parse(&FULL.replace(from, to)).map(|_| ()).expect_err(to);
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        if told != [*wanted] {
            other.push(format!("{to}\n  wanted {wanted}\n  told   {}", told.join("\n         ")));
        }
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}

/// What is said of an expression is the cadence's own; where it is said is checked here.
#[test]
fn a_fault_of_a_cron_expression_stands_at_its_character_and_names_its_field() {
    const DAILY: &str = "cron: '0 9 * * MON-FRI'";
    for (from, to, wanted) in [
        (DAILY, "cron: '61 9 * * MON-FRI'", "16:12: on[12].cron: minute: "),
        (DAILY, "cron: \"0,61 9 * * MON-FRI\"", "16:14: on[12].cron: minute: "),
        (DAILY, "cron: 61 9 * * MON-FRI", "16:11: on[12].cron: minute: "),
        (DAILY, "cron: |\n      61 9 * * MON-FRI", "17:7: on[12].cron: minute: "),
        (DAILY, "cron: '* * * *'", "16:19: on[12].cron: day of week: 4 of 5 fields"),
        (DAILY, "cron: '0 9 * * MON-FRO'", "16:24: on[12].cron: day of week: `FRO` is not a day of week"),
        (DAILY, "cron: '0 0 30 2 *'", "16:16: on[12].cron: day of month: never fires: "),
        ("timezone: Europe/Berlin", "timezone: Europe/Nowhere", "17:15: on[12].timezone: "),
        ("cron: '0 17 * * FRI'", "cron: '61 17 * * FRI'", "24:18: on[12].blackouts[0].cron: minute: "),
        ("timezone: Europe/London", "timezone: Europe/Nowhere", "24:43: on[12].blackouts[0].timezone: "),
    ] {
        assert_eq!(FULL.matches(from).count(), 1, "{from} is to be found once in the document");
        let faults = parse(&FULL.replace(from, to)).map(|_| ()).expect_err(to);
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].starts_with(wanted), "{to}: {told:#?}");
    }
}
