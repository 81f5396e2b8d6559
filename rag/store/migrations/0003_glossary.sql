-- A plant's own words: every CSV that was ever taken, whole. Which one is in use stands in "state"
-- under "glossary_version" (0 or missing: only the words that Millwright brings).
CREATE TABLE glossaries (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    content TEXT NOT NULL,
    file_name TEXT NOT NULL,
    concepts INTEGER NOT NULL,
    names INTEGER NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at TEXT NOT NULL
);
