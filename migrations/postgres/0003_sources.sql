-- Sources of alerts, silences, and how many incidents a source opened lately.

CREATE TABLE sources (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE silences (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    ends_at BIGINT NOT NULL,
    alerts BIGINT NOT NULL DEFAULT 0,
    last_alert_at BIGINT
);
CREATE INDEX silences_end ON silences (ends_at);

CREATE INDEX incidents_opened_by ON incidents (source, created_at) WHERE source IS NOT NULL;
