-- What plugins were given, what they wait for, and where their components came from.

CREATE TABLE plugin_grants (
    plugin TEXT PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE grant_requests (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    at BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX grant_requests_at ON grant_requests (status, at);

ALTER TABLE plugins ADD COLUMN activated_at BIGINT;
ALTER TABLE plugins ADD COLUMN provenance TEXT;
UPDATE plugins SET activated_at = installed_at;
