-- +goose Up

-- Files of keys on their way into the records. The files themselves lie beside the database, sealed.
CREATE TABLE imports (
    id         INTEGER PRIMARY KEY,
    owner_id   INTEGER NOT NULL REFERENCES accounts (id),
    file       TEXT NOT NULL,                 -- its name
    bytes      INTEGER NOT NULL,
    skip_bad   INTEGER NOT NULL CHECK (skip_bad IN (0, 1)),
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'checking', 'checked', 'writing', 'undoing', 'done', 'failed', 'cancelled')),
    hides      INTEGER NOT NULL CHECK (hides IN (0, 1)), -- the keys that it made are there for nobody yet
    ends_as    TEXT NOT NULL CHECK (ends_as IN ('done', 'failed', 'cancelled')),
    reason     TEXT NOT NULL,
    columns    TEXT NOT NULL,                 -- JSON
    created    INTEGER NOT NULL,              -- lines, by what becomes of them
    updated    INTEGER NOT NULL,
    unchanged  INTEGER NOT NULL,
    bad        INTEGER NOT NULL,
    written    INTEGER NOT NULL,              -- of created + updated
    actor      TEXT NOT NULL,                 -- who brought it
    address    TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at   INTEGER
) STRICT;

CREATE INDEX imports_owner ON imports (owner_id, created_at, id);

CREATE INDEX imports_open ON imports (state, created_at, id) WHERE ended_at IS NULL;

CREATE INDEX imports_hiding ON imports (hides) WHERE hides = 1;

-- Lines of which writing found something else than checking, for the report.
CREATE TABLE import_lines (
    import_id INTEGER NOT NULL REFERENCES imports (id),
    line      INTEGER NOT NULL,
    outcome   TEXT NOT NULL,
    key_id    INTEGER,
    message   TEXT NOT NULL,
    PRIMARY KEY (import_id, line)
) STRICT, WITHOUT ROWID;

-- How keys were that an open import has changed, and what it made of them: no values.
CREATE TABLE import_undo (
    import_id INTEGER NOT NULL REFERENCES imports (id),
    key_id    INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    before    TEXT NOT NULL,                  -- JSON
    after     TEXT NOT NULL,                  -- JSON
    PRIMARY KEY (import_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX import_undo_key ON import_undo (key_id);

-- The import that made the key.
ALTER TABLE keys ADD COLUMN import_id INTEGER REFERENCES imports (id);

CREATE INDEX keys_import ON keys (import_id, id) WHERE import_id IS NOT NULL;

-- All keys of an import are one change.
CREATE TABLE changes_of_all_kinds (
    version INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL CHECK (kind IN ('topology', 'plan', 'key', 'import')),
    id      INTEGER NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

INSERT INTO changes_of_all_kinds SELECT version, kind, id, at FROM changes;

DROP TABLE changes;

ALTER TABLE changes_of_all_kinds RENAME TO changes;
