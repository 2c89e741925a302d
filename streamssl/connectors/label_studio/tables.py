"""What is kept of a project: which requests are which tasks, and what has been answered."""

TABLES = """
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    event_id TEXT NOT NULL,
    key REAL NOT NULL,
    expires INTEGER NOT NULL,
    state TEXT NOT NULL,
    task TEXT
);
CREATE INDEX IF NOT EXISTS requests_by_state ON requests (state, key) WHERE state != 'pushed';
CREATE TABLE IF NOT EXISTS tasks (task_id INTEGER PRIMARY KEY, request_id TEXT NOT NULL, event_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS annotations (
    annotation_id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    answer TEXT NOT NULL,
    time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS annotations_by_task ON annotations (task_id);
CREATE INDEX IF NOT EXISTS annotations_by_event ON annotations (event_id);
CREATE TABLE IF NOT EXISTS answers (
    event_id TEXT, annotator TEXT, answer TEXT NOT NULL, PRIMARY KEY (event_id, annotator)
);
CREATE TABLE IF NOT EXISTS people (user_id INTEGER PRIMARY KEY, annotator TEXT NOT NULL);
"""
