-- Keys for scripts. The secret is never kept, only its SHA-256: it has 256 random bits, so nobody
-- finds it by trying, and a slow hash would only slow down the API. scopes is a JSON list.

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    last_used_at TEXT,
    revoked_at TEXT
);
