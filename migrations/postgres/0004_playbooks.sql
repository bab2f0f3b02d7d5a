-- Playbooks, kept as revisions like workflows, and when each was last looked at.

CREATE TABLE playbook_revisions (
    name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    deleted BIGINT NOT NULL,
    PRIMARY KEY (name, revision)
);

CREATE TABLE playbook_reviews (
    name TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    reviewer TEXT NOT NULL
);
