-- What plugins may use, whatever the connection.

CREATE TABLE plugin_limits (
    plugin TEXT PRIMARY KEY,
    document TEXT NOT NULL
);
