-- What an incident knows beside its stage, its parts, and how to reach people.

ALTER TABLE incidents ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
ALTER TABLE incidents ADD COLUMN playbook TEXT;
-- The handles of those who may see it, each between commas; null: everybody.
ALTER TABLE incidents ADD COLUMN visible_to TEXT;
-- When it wants to be looked at by the clock; null: never by itself.
ALTER TABLE incidents ADD COLUMN due_at BIGINT;
CREATE INDEX incidents_due ON incidents (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX incidents_playbook ON incidents (playbook, created_at) WHERE playbook IS NOT NULL;

CREATE TABLE incident_parts (
    incident_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    number BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (incident_id, kind, number)
);

ALTER TABLE people ADD COLUMN profile TEXT NOT NULL DEFAULT '{}';
ALTER TABLE people ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
