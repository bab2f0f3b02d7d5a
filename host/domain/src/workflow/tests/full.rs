//! One document with every key of the language, and what is known of each key: what the tests of the schema and of the faults
//! go through.

/// A document with every key of the language.
pub(super) const FULL: &str = "\
name: everything
description: Uses every key.
on:
  - { stage: triage, entry: any, with: { service: checkout } }
  - left: triage
  - severity: raised
  - role: commander
  - becomes: incident.severity == 'sev1'
  - alert: { status: firing, labels: { team: payments } }
  - run_finished: { workflow: other, status: [failed, timed_out] }
  - signal: deployed
  - called: {}
  - manual: { allow: [responder] }
  - timer: update-due
  - schedule_failing: { schedule: nightly }
  - cron: '0 9 * * MON-FRI'
    timezone: Europe/Berlin
    starts: '2026-01-01T00:00:00Z'
    ends: '2027-01-01T00:00:00Z'
    jitter: 30s
    overlap: queue
    catch_up: { mode: all, window: 2h, most: 5 }
    blackouts:
      - { cron: '0 17 * * FRI', timezone: Europe/London, for: 63h, then: hold, reason: Weekend }
      - { from: '2026-12-24T00:00:00Z', until: '2026-12-27T00:00:00Z' }
    warn_after: 5
  - every: 10m
  - at: '2026-12-24T18:00:00+01:00'
  - event: [task.overdue, update.overdue]
if: incident != null
inputs:
  service: { type: string, default: checkout }
concurrency: { key: '${{ inputs.service }}', policy: skip }
undo: true
timeout: 30m
steps:
  - id: act
    uses: webhook/send
    connection: hooks
    with: { path: '/${{ item }}' }
    foreach: '[inputs.service]'
    max_parallel: 2
    needs: []
    if: incident.severity == 'sev1'
    retry: { attempts: 3, initial: 2s, factor: 3, max: 10s }
    retry_if: error.code != 'refused'
    timeout: 10s
    deadline: 5m
    on_error: continue
  - { id: child, run: other, with: { service: checkout } }
  - id: gate
    approve: { role: commander, people: [ada, grace], quorum: 2, timeout: 15m, on_timeout: approve, notify: none }
  - { id: nap, sleep: 5s }
  - { id: dawn, sleep: { until: '2026-01-01T00:00:00Z' } }
  - { id: told, wait_for: deployed }
  - { id: heard, wait_for: { signal: deployed, timeout: 5m } }
on_failure:
  - { id: page, uses: webhook/send, connection: hooks }
finally:
  - { id: clean, sleep: 5s }
";

/// The objects whose keys are the language's: where one is in [`FULL`], and where the schema describes it.
pub(super) const OBJECTS: &[(&str, &str)] = &[
    ("", ""),
    ("/concurrency", "/properties/concurrency"),
    ("/on/0", "/$defs/trigger"),
    ("/on/5/alert", "/$defs/trigger/properties/alert"),
    ("/on/6/run_finished", "/$defs/trigger/properties/run_finished"),
    ("/on/8/called", "/$defs/trigger/properties/called"),
    ("/on/9/manual", "/$defs/trigger/properties/manual"),
    ("/on/11/schedule_failing", "/$defs/trigger/properties/schedule_failing"),
    ("/on/12/catch_up", "/$defs/catch_up"),
    ("/on/12/blackouts/0", "/$defs/blackout"),
    ("/steps/0", "/$defs/step"),
    ("/steps/0/retry", "/$defs/retry"),
    ("/steps/2/approve", "/$defs/approve"),
    ("/steps/4/sleep", "/$defs/sleep"),
    ("/steps/6/wait_for", "/$defs/wait_for"),
];

/// Every key: where it is in [`FULL`], the types of JSON it takes, and a wrong value of such a type (as JSON; none where
/// every value of the type is right).
pub(super) const KEYS: &[(&str, &[&str], Option<&str>)] = &[
    ("/name", &["string"], Some("\"Not a name\"")),
    ("/description", &["string"], None),
    ("/on", &["array"], Some("[]")),
    ("/if", &["string", "boolean"], Some("\"${{ true }}\"")),
    ("/inputs", &["object"], Some("{ \"Not-a-word\": {} }")),
    ("/concurrency", &["object"], Some("{}")),
    ("/concurrency/key", &["string"], None),
    ("/concurrency/policy", &["string"], Some("\"wait\"")),
    ("/undo", &["boolean"], None),
    ("/timeout", &["string"], Some("\"soon\"")),
    ("/steps", &["array"], Some("[]")),
    ("/on_failure", &["array"], Some("[]")),
    ("/finally", &["array"], Some("[{ \"id\": \"gate2\", \"approve\": { \"notify\": \"none\" } }]")),
    ("/on/0/stage", &["string"], Some("\"panic\"")),
    ("/on/0/entry", &["string"], Some("\"last\"")),
    ("/on/0/with", &["object"], None),
    ("/on/1/left", &["string"], Some("\"panic\"")),
    ("/on/2/severity", &["string"], Some("\"sev1\"")),
    ("/on/3/role", &["string"], None),
    ("/on/4/becomes", &["string", "boolean"], Some("\"\"")),
    ("/on/5/alert", &["object"], Some("{ \"state\": \"firing\" }")),
    ("/on/5/alert/status", &["string"], Some("\"open\"")),
    ("/on/5/alert/labels", &["object"], Some("{ \"team\": 7 }")),
    ("/on/6/run_finished", &["object"], Some("{ \"run\": \"other\" }")),
    ("/on/6/run_finished/workflow", &["string"], Some("\"Other\"")),
    ("/on/6/run_finished/status", &["string", "array"], Some("[\"running\"]")),
    ("/on/7/signal", &["string"], Some("\"Deployed\"")),
    ("/on/8/called", &["object", "null"], Some("{ \"by\": \"other\" }")),
    ("/on/9/manual", &["object", "null"], Some("{ \"by\": \"ada\" }")),
    ("/on/9/manual/allow", &["array"], Some("[\"everybody\"]")),
    ("/on/10/timer", &["string"], Some("\"Update due\"")),
    ("/on/11/schedule_failing", &["object", "null"], Some("{ \"workflow\": \"other\" }")),
    ("/on/11/schedule_failing/schedule", &["string"], Some("\"sweep.0\"")),
    ("/on/12/cron", &["string"], Some("\"* * * *\"")),
    ("/on/12/timezone", &["string"], Some("\"Not a zone\"")),
    ("/on/12/starts", &["string"], Some("\"2026-01-01\"")),
    ("/on/12/ends", &["string"], Some("\"2027-01-01T00:00:00\"")),
    ("/on/12/jitter", &["string"], Some("\"half an hour\"")),
    ("/on/12/overlap", &["string"], Some("\"wait\"")),
    ("/on/12/catch_up", &["string", "object"], Some("{ \"window\": \"1h\" }")),
    ("/on/12/catch_up/mode", &["string"], Some("\"newest\"")),
    ("/on/12/catch_up/window", &["string"], Some("\"31d\"")),
    ("/on/12/catch_up/most", &["number"], Some("101")),
    ("/on/12/blackouts", &["array"], Some("[{}]")),
    ("/on/12/blackouts/0/cron", &["string"], Some("\"friday\"")),
    ("/on/12/blackouts/0/timezone", &["string"], Some("\"Not a zone\"")),
    ("/on/12/blackouts/0/for", &["string"], Some("\"32d\"")),
    ("/on/12/blackouts/0/then", &["string"], Some("\"wait\"")),
    ("/on/12/blackouts/0/reason", &["string"], Some("\"\"")),
    ("/on/12/blackouts/1/from", &["string"], Some("\"2026-12-24 00:00Z\"")),
    ("/on/12/blackouts/1/until", &["string"], Some("\"later\"")),
    ("/on/12/warn_after", &["number"], Some("101")),
    ("/on/13/every", &["string"], Some("\"500ms\"")),
    ("/on/14/at", &["string"], Some("\"18:00\"")),
    ("/on/15/event", &["string", "array"], Some("\"task.late\"")),
    ("/steps/0/id", &["string"], Some("\"return\"")),
    ("/steps/0/uses", &["string"], Some("\"webhook\"")),
    ("/steps/0/connection", &["string"], None),
    ("/steps/0/with", &["object"], None),
    ("/steps/0/foreach", &["string", "boolean"], Some("\"${{ inputs.service }}\"")),
    ("/steps/0/max_parallel", &["number"], Some("0")),
    ("/steps/0/needs", &["array"], Some("[7]")),
    ("/steps/0/if", &["string", "boolean"], Some("\" \"")),
    ("/steps/0/retry", &["object"], Some("{ \"times\": 3 }")),
    ("/steps/0/retry/attempts", &["number"], Some("2.5")),
    ("/steps/0/retry/initial", &["string"], Some("\"0ms\"")),
    ("/steps/0/retry/factor", &["number"], Some("0.5")),
    ("/steps/0/retry/max", &["string"], Some("\"1.5h\"")),
    ("/steps/0/retry_if", &["string", "boolean"], Some("\"  ${{ true }}\"")),
    ("/steps/0/timeout", &["string"], Some("\"10 s\"")),
    ("/steps/0/deadline", &["string"], Some("\"-1s\"")),
    ("/steps/0/on_error", &["string"], Some("\"ignore\"")),
    ("/steps/1/run", &["string"], None),
    ("/steps/2/approve", &["object"], Some("{}")),
    ("/steps/2/approve/role", &["string"], None),
    ("/steps/2/approve/people", &["array"], Some("[7]")),
    ("/steps/2/approve/quorum", &["number"], Some("11")),
    ("/steps/2/approve/timeout", &["string"], Some("\"1w\"")),
    ("/steps/2/approve/on_timeout", &["string"], Some("\"continue\"")),
    ("/steps/2/approve/notify", &["string"], None),
    ("/steps/3/sleep", &["string", "object"], Some("\"later\"")),
    ("/steps/4/sleep/until", &["string"], None),
    ("/steps/5/wait_for", &["string", "object"], Some("{ \"timeout\": \"5m\" }")),
    ("/steps/6/wait_for/signal", &["string"], Some("\"2nd\"")),
    ("/steps/6/wait_for/timeout", &["string"], Some("\"5\"")),
];

/// Where a duration stands, and its least and most in milliseconds.
pub(super) const DURATIONS: &[(&str, u64, u64)] = &[
    ("/timeout", 1_000, 30 * DAY),
    ("/on/12/jitter", 0, HOUR),
    ("/on/12/catch_up/window", 1_000, 30 * DAY),
    ("/on/12/blackouts/0/for", 1_000, 31 * DAY),
    ("/on/13/every", 1_000, 366 * DAY),
    ("/steps/0/retry/initial", 1, DAY),
    ("/steps/0/retry/max", 1, DAY),
    ("/steps/0/timeout", 100, 10 * 60_000),
    ("/steps/0/deadline", 100, 30 * DAY),
    ("/steps/2/approve/timeout", 1_000, 30 * DAY),
    ("/steps/3/sleep", 1, 30 * DAY),
    ("/steps/6/wait_for/timeout", 1_000, 30 * DAY),
];
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
/// The units of a duration, in milliseconds.
pub(super) const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", HOUR), ("d", DAY)];
