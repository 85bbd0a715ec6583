-- +goose Up

-- Since when nobody has used a value that was replaced, where its owner wants it to stop for that; NULL: it does not.
ALTER TABLE key_secrets ADD COLUMN unused_since INTEGER;

CREATE INDEX key_secrets_unused ON key_secrets (unused_since) WHERE unused_since IS NOT NULL;

-- Who still presents a value that was replaced. The row without an address adds up those who came after there were enough.
CREATE TABLE old_value_callers (
    digest     BLOB NOT NULL REFERENCES key_secrets (digest) ON DELETE CASCADE,
    address    TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    requests   INTEGER NOT NULL,
    PRIMARY KEY (digest, address, user_agent)
) STRICT, WITHOUT ROWID;
