-- +goose Up

-- Who decides whether callers of an API's methods may. config is models.Authorizer's settings as JSON.
CREATE TABLE authorizers (
    id         INTEGER PRIMARY KEY,
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('jwt', 'http')),
    config     TEXT NOT NULL,                -- JSON
    secret     BLOB,                         -- sealed: what the gateway proves itself with; NULL: nothing
    epoch      INTEGER NOT NULL,             -- of the answers that may be used again
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (api_id, name)
) STRICT;

ALTER TABLE apis ADD COLUMN authorizer_id INTEGER REFERENCES authorizers (id);    -- of methods that say nothing else
ALTER TABLE methods ADD COLUMN authorizer_id INTEGER REFERENCES authorizers (id); -- NULL: the API's
ALTER TABLE methods ADD COLUMN no_authorizer INTEGER NOT NULL DEFAULT 0 CHECK (no_authorizer IN (0, 1));
ALTER TABLE methods ADD COLUMN scopes TEXT NOT NULL DEFAULT '';                   -- separated by spaces

CREATE INDEX apis_authorizer ON apis (authorizer_id) WHERE authorizer_id IS NOT NULL;
CREATE INDEX methods_authorizer ON methods (authorizer_id) WHERE authorizer_id IS NOT NULL;

-- A key may be what an authorizer names. SQLite cannot change a check: the column is made anew.
ALTER TABLE apis ADD COLUMN key_source TEXT NOT NULL DEFAULT 'header' CHECK (key_source IN ('header', 'bearer', 'query', 'authorizer'));
UPDATE apis SET key_source = key_place;
ALTER TABLE apis DROP COLUMN key_place;
ALTER TABLE apis RENAME COLUMN key_source TO key_place;
