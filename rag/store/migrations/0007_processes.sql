-- Which process has a running job, and whether somebody asked it to stop.
ALTER TABLE jobs ADD COLUMN worker TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN stop INTEGER NOT NULL DEFAULT 0;
