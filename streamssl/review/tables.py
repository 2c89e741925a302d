"""The review service's file, beside what every such file holds (`streamssl.connectors.database`)."""

TABLES = """
CREATE TABLE IF NOT EXISTS questions (
    number INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    event_id TEXT NOT NULL,
    key REAL NOT NULL,
    wanted INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    shown BLOB NOT NULL,
    came INTEGER NOT NULL,
    labels INTEGER NOT NULL DEFAULT 0,
    abstentions INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'open'
);
CREATE INDEX IF NOT EXISTS questions_open ON questions (key, number) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS questions_by_end ON questions (expires, came) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS questions_expired ON questions (number) WHERE state = 'expired';
CREATE INDEX IF NOT EXISTS questions_by_event ON questions (event_id);
CREATE INDEX IF NOT EXISTS questions_by_age ON questions (came);
CREATE TABLE IF NOT EXISTS leases (
    request_id TEXT NOT NULL, person TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (request_id, person)
);
CREATE INDEX IF NOT EXISTS leases_by_person ON leases (person);
CREATE TABLE IF NOT EXISTS skips (
    person TEXT NOT NULL, request_id TEXT NOT NULL, PRIMARY KEY (person, request_id)
);
CREATE INDEX IF NOT EXISTS skips_by_request ON skips (request_id);
CREATE TABLE IF NOT EXISTS sights (
    request_id TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (request_id, person)
);
CREATE TABLE IF NOT EXISTS decisions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT,
    event_id TEXT NOT NULL,
    person TEXT NOT NULL,
    said TEXT NOT NULL,
    time INTEGER NOT NULL,
    uploaded INTEGER NOT NULL,
    holds INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS decisions_by_person ON decisions (person, uploaded, number);
CREATE INDEX IF NOT EXISTS decisions_by_time ON decisions (person, uploaded, time);
CREATE INDEX IF NOT EXISTS decisions_that_hold ON decisions (holds) WHERE holds;
CREATE INDEX IF NOT EXISTS decisions_by_request ON decisions (request_id, person);
CREATE INDEX IF NOT EXISTS decisions_by_event ON decisions (event_id);
CREATE TABLE IF NOT EXISTS classes (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS sessions (
    digest TEXT PRIMARY KEY, person TEXT NOT NULL, token TEXT NOT NULL, used INTEGER NOT NULL
);
"""
"""``sights``: who has seen the model's guess of what. ``decisions``: all that was ever said, and whether it came in
a file; of those by one person about one question, one holds. ``sessions``: digests of cookies, and of the tokens
that they were given for."""
