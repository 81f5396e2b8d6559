-- Manuals, their pages and passages; accounts; answers and their ratings.
-- Portable SQL: TEXT, INTEGER and REAL only; JSON and times (ISO 8601, UTC) are TEXT.

CREATE TABLE state (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE manuals (
    id TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    machine TEXT NOT NULL,
    type TEXT NOT NULL,
    revision TEXT NOT NULL,
    language TEXT NOT NULL,
    file_name TEXT NOT NULL,
    pages INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    status TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at TEXT NOT NULL,
    supersedes TEXT NOT NULL,
    quality TEXT NOT NULL
);

CREATE TABLE pages (
    manual_id TEXT NOT NULL REFERENCES manuals (id) ON DELETE CASCADE,
    page_index INTEGER NOT NULL,
    label TEXT NOT NULL,
    width REAL NOT NULL,
    height REAL NOT NULL,
    text TEXT NOT NULL,
    tables TEXT NOT NULL,
    source TEXT NOT NULL,
    confidence REAL,
    language TEXT NOT NULL,
    hidden_text TEXT NOT NULL,
    PRIMARY KEY (manual_id, page_index)
);

CREATE TABLE chunks (
    id TEXT PRIMARY KEY,
    manual_id TEXT NOT NULL REFERENCES manuals (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    kind TEXT NOT NULL,
    heading TEXT NOT NULL,
    first_page INTEGER NOT NULL,
    last_page INTEGER NOT NULL,
    first_label TEXT NOT NULL,
    last_label TEXT NOT NULL,
    language TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    boxes TEXT NOT NULL,
    signal TEXT,
    notices TEXT NOT NULL
);
CREATE INDEX chunks_of_manual ON chunks (manual_id, position);

-- Fault codes and part numbers, folded for look-up ("E-104" → "e104"), with the chunk that records them.
CREATE TABLE codes (
    chunk_id TEXT NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
    manual_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    code TEXT NOT NULL,
    printed TEXT NOT NULL,
    PRIMARY KEY (chunk_id, position)
);
CREATE INDEX codes_by_code ON codes (code);

-- A queue of manuals to ingest that survives a kill at any point.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    file_path TEXT NOT NULL,
    metadata TEXT NOT NULL,
    status TEXT NOT NULL,          -- queued, running, done, failed, cancelled
    stage TEXT NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    retryable INTEGER NOT NULL,
    manual_id TEXT,
    error_key TEXT,
    error_values TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    disabled INTEGER NOT NULL,
    created_at TEXT NOT NULL
);

-- One row per answer; run_id is what the browser's feedback names, trace_id comes when MLflow has it.
CREATE TABLE answers (
    id TEXT PRIMARY KEY,
    run_id TEXT,
    thread_id TEXT,
    trace_id TEXT,
    pseudonym TEXT NOT NULL,
    question TEXT NOT NULL,
    mode TEXT NOT NULL,
    provenance TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX answers_by_run ON answers (run_id);

CREATE TABLE ratings (
    answer_id TEXT PRIMARY KEY REFERENCES answers (id) ON DELETE CASCADE,
    pseudonym TEXT NOT NULL,
    value INTEGER NOT NULL,
    reason TEXT NOT NULL,
    comment TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    assessment_id TEXT,
    exported_at TEXT
);
