-- +goose Up

-- What the management API says of an API beside what pages know: JSON of models.APIDetails; '': nothing.
ALTER TABLE apis ADD COLUMN details TEXT NOT NULL DEFAULT '';

-- Places of the tree of an API's paths whose id does not follow from their path and their methods.
CREATE TABLE resources (
    api_id INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    id     INTEGER NOT NULL,
    path   TEXT,                               -- NULL: it is gone, and its id is not given again
    PRIMARY KEY (api_id, id),
    UNIQUE (api_id, path)
) STRICT, WITHOUT ROWID;

-- Request validators (by id), models (by name) and gateway responses (by type) of drafts. Deployments have copies.
CREATE TABLE api_parts (
    api_id INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    kind   TEXT NOT NULL CHECK (kind IN ('validator', 'model', 'response')),
    name   TEXT NOT NULL,
    body   TEXT NOT NULL,                      -- JSON
    PRIMARY KEY (api_id, kind, name)
) STRICT;

-- +goose Down

DROP TABLE api_parts;
DROP TABLE resources;
ALTER TABLE apis DROP COLUMN details;
