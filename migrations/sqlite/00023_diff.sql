-- +goose Up

-- A document that an owner has brought to replace his API's, until he imports or discards it; and what the one that he imported last has changed.
CREATE TABLE document_changes (
    id          INTEGER PRIMARY KEY,
    api_id      INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'imported')),
    file        TEXT NOT NULL,    -- its name; '' for what was pasted
    draft       TEXT NOT NULL,    -- digest of the draft with which it was compared
    made_at     INTEGER NOT NULL,
    made_by     TEXT NOT NULL,
    imported_at INTEGER,
    diff        BLOB NOT NULL,    -- of models/openapi/diff, JSON, compressed with gzip
    document    BLOB,             -- as in documents
    reading     BLOB,
    CHECK ((state = 'imported') = (imported_at IS NOT NULL)),
    CHECK ((state = 'waiting') = (document IS NOT NULL AND reading IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX document_changes_api ON document_changes (api_id, state);
