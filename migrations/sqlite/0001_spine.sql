-- The spine. Times are Unix milliseconds, JSON is text, truth values are 0 and 1, identifiers are UUID texts.

CREATE TABLE people (
    id TEXT PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    severity TEXT NOT NULL,
    stage TEXT NOT NULL,
    labels TEXT NOT NULL,
    roles TEXT NOT NULL,
    times TEXT NOT NULL,
    source TEXT,
    group_key TEXT,
    -- Source and group while alerts of that group join this incident: at most one incident claims a group.
    open_group TEXT UNIQUE,
    recurrence_of TEXT,
    entered TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- Only the journal moves it, when it numbers timeline entries.
    entries BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX incidents_origin ON incidents (source, group_key, number);

CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL,
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    signal TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (incident_id, source, fingerprint)
);

CREATE TABLE timeline (
    incident_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    text TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (incident_id, seq)
) WITHOUT ROWID;

CREATE TABLE events (
    id TEXT PRIMARY KEY,
    incident_id TEXT,
    at BIGINT NOT NULL,
    depth BIGINT NOT NULL,
    fact TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    dispatched BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX events_undispatched ON events (id) WHERE dispatched = 0;
CREATE INDEX events_incident ON events (incident_id, id);
CREATE INDEX events_dispatched ON events (at) WHERE dispatched = 1;

CREATE TABLE trigger_outcomes (
    event_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    run_id TEXT,
    why_not TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (event_id, workflow)
) WITHOUT ROWID;

CREATE TABLE workflow_revisions (
    name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    deleted BIGINT NOT NULL,
    PRIMARY KEY (name, revision)
);

CREATE TABLE plugins (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    manifest TEXT NOT NULL,
    size BIGINT NOT NULL,
    installed_at BIGINT NOT NULL,
    installed_by TEXT NOT NULL,
    active BIGINT NOT NULL
);
CREATE INDEX plugins_name ON plugins (name);

CREATE TABLE plugin_components (
    digest TEXT PRIMARY KEY,
    component BLOB NOT NULL
);

CREATE TABLE connections (
    name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    -- Older revisions stay: a run in flight keeps the one its step began with.
    document TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (name, revision)
);

CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);

CREATE TABLE plugin_state (
    plugin TEXT NOT NULL,
    connection TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (plugin, connection, key)
);

CREATE TABLE pauses (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (scope, name)
);

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    workflow TEXT NOT NULL,
    revision BIGINT NOT NULL,
    status TEXT NOT NULL,
    mode TEXT NOT NULL,
    incident_id TEXT,
    event_id TEXT,
    rerun_of TEXT,
    undo_of TEXT,
    parent_id TEXT,
    parent TEXT,
    -- The incident whose condition became true and started it.
    becomes_of TEXT,
    -- Its concurrency key; of the live runs of a workflow and key one holds the slot.
    slot TEXT,
    slot_policy TEXT,
    slot_held BIGINT NOT NULL DEFAULT 0,
    trigger_data TEXT NOT NULL,
    inputs TEXT NOT NULL,
    depth BIGINT NOT NULL,
    pins TEXT NOT NULL,
    started_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    deadline BIGINT NOT NULL,
    ending TEXT,
    section TEXT NOT NULL,
    hold TEXT,
    signals TEXT NOT NULL,
    version BIGINT NOT NULL,
    host_id TEXT,
    host_epoch BIGINT,
    -- Null once the run has ended: the indexes below hold live runs only, however long the history.
    wake_at BIGINT
);
CREATE UNIQUE INDEX runs_once ON runs (event_id, workflow) WHERE event_id IS NOT NULL;
-- Two, because runs of incidents are claimed before others: each is read in its own order, and a run is in one of them.
CREATE INDEX runs_due_of_incidents ON runs (wake_at)
    WHERE wake_at IS NOT NULL AND host_id IS NULL AND incident_id IS NOT NULL;
CREATE INDEX runs_due_of_none ON runs (wake_at)
    WHERE wake_at IS NOT NULL AND host_id IS NULL AND incident_id IS NULL;
CREATE INDEX runs_owned ON runs (host_id, host_epoch) WHERE host_id IS NOT NULL;
CREATE UNIQUE INDEX runs_slot_holder ON runs (workflow, slot) WHERE slot_held = 1 AND wake_at IS NOT NULL;
CREATE INDEX runs_slot ON runs (slot, id) WHERE slot IS NOT NULL AND wake_at IS NOT NULL;
CREATE UNIQUE INDEX runs_becomes ON runs (becomes_of, workflow) WHERE becomes_of IS NOT NULL;
CREATE INDEX runs_children ON runs (parent_id) WHERE parent_id IS NOT NULL AND wake_at IS NOT NULL;
CREATE UNIQUE INDEX runs_undo ON runs (undo_of) WHERE undo_of IS NOT NULL AND rerun_of IS NULL;
CREATE INDEX runs_incident ON runs (incident_id, id) WHERE incident_id IS NOT NULL;
-- What retention asks: which runs ended long ago, and which of them a rerun still shows.
CREATE INDEX runs_ended ON runs (finished_at) WHERE wake_at IS NULL;
CREATE INDEX runs_rerun ON runs (rerun_of) WHERE rerun_of IS NOT NULL;

CREATE TABLE step_runs (
    run_id TEXT NOT NULL,
    step TEXT NOT NULL,
    -- The foreach item; -1 for a step without items.
    item BIGINT NOT NULL,
    position BIGINT NOT NULL,
    status TEXT NOT NULL,
    phase TEXT NOT NULL,
    generation BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    input TEXT,
    connection_revision BIGINT,
    output TEXT NOT NULL,
    summary TEXT,
    error TEXT,
    started_at BIGINT,
    finished_at BIGINT,
    wake_at BIGINT,
    resume BLOB,
    undo TEXT,
    approval_id TEXT,
    votes TEXT,
    PRIMARY KEY (run_id, step, item)
) WITHOUT ROWID;

CREATE TABLE attempts (
    run_id TEXT NOT NULL,
    step TEXT NOT NULL,
    item BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    phase TEXT NOT NULL,
    -- Counts the step's calls: a job that goes on elsewhere is called several times within one attempt.
    call BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    trace TEXT NOT NULL,
    PRIMARY KEY (run_id, step, item, generation, call)
) WITHOUT ROWID;

CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    step TEXT NOT NULL,
    incident_id TEXT,
    role TEXT,
    status TEXT NOT NULL,
    shows TEXT NOT NULL,
    destructive BIGINT NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT,
    decided_by TEXT,
    decided_at BIGINT,
    reason TEXT,
    people TEXT NOT NULL,
    quorum BIGINT NOT NULL,
    votes TEXT NOT NULL
);
CREATE INDEX approvals_pending ON approvals (id) WHERE status = 'pending';
CREATE INDEX approvals_run ON approvals (run_id);

CREATE TABLE schedules (
    name TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    -- people, workflow or incident; and which workflow or incident, empty for people.
    owner TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    -- Counts the scheduled triggers of a workflow from 1; 0 for others.
    position BIGINT NOT NULL,
    -- Its share of the work: hosts divide these among themselves.
    share BIGINT NOT NULL,
    document TEXT NOT NULL,
    -- Counts changes of the document.
    revision BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    state TEXT NOT NULL,
    -- When it wants to be looked at; null when never again by itself.
    due_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX schedules_due ON schedules (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX schedules_owner ON schedules (owner, owner_name);

CREATE TABLE ticks (
    schedule_id TEXT NOT NULL,
    nominal BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- Neighbours that fared alike share a row: the last of them, and how many they are.
    last_nominal BIGINT NOT NULL,
    count BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    why TEXT,
    at BIGINT NOT NULL,
    run_id TEXT,
    PRIMARY KEY (schedule_id, nominal, kind)
) WITHOUT ROWID;
CREATE INDEX ticks_at ON ticks (at);

CREATE TABLE keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    made TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE INDEX keys_at ON keys (at);

CREATE TABLE hosts (
    id TEXT PRIMARY KEY,
    epoch BIGINT NOT NULL,
    lease_expires_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL
);

CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    data TEXT NOT NULL
);

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('incident', 0), ('catalog', 0);

-- For people's own SQL: real timestamps.
CREATE VIEW incidents_view AS
SELECT 'INC-' || number AS number, kind, title, severity, stage,
       strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at, strftime('%Y-%m-%dT%H:%M:%fZ', updated_at / 1000.0, 'unixepoch') AS updated_at
FROM incidents;
CREATE VIEW runs_view AS
SELECT id, workflow, revision, status, mode, incident_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at, strftime('%Y-%m-%dT%H:%M:%fZ', finished_at / 1000.0, 'unixepoch') AS finished_at
FROM runs;
