-- +goose Up

-- How a person likes the portal.
ALTER TABLE accounts ADD COLUMN zone TEXT NOT NULL DEFAULT '';  -- IANA name; '': UTC
ALTER TABLE accounts ADD COLUMN theme TEXT NOT NULL DEFAULT '' CHECK (theme IN ('', 'light', 'dark')); -- '': the system's
ALTER TABLE accounts ADD COLUMN no_keys INTEGER NOT NULL DEFAULT 0 CHECK (no_keys IN (0, 1)); -- single keys do nothing

-- What the portal looks like; no row: as it comes.
CREATE TABLE look (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    version  INTEGER NOT NULL,
    name     TEXT NOT NULL,                   -- '': Gatehouse
    accent   TEXT NOT NULL,                   -- #rrggbb, in the light theme; '': as it comes
    logo     TEXT NOT NULL,                   -- hash of a file; '': none
    icon     TEXT NOT NULL,
    headline TEXT NOT NULL,
    intro    TEXT NOT NULL                    -- Markdown
) STRICT;

-- Images as they are served. What the look does not name is a preview's, and goes with the next change.
CREATE TABLE look_files (
    hash TEXT PRIMARY KEY,                    -- of the body
    body BLOB NOT NULL,                       -- PNG
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE guides (
    id         INTEGER PRIMARY KEY,
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    slug       TEXT NOT NULL,
    title      TEXT NOT NULL,
    text       TEXT NOT NULL,                 -- Markdown
    published  INTEGER NOT NULL CHECK (published IN (0, 1)),
    position   INTEGER NOT NULL,              -- 0 is the first
    version    INTEGER NOT NULL,              -- counts the edits
    created_at INTEGER NOT NULL,
    edited_at  INTEGER NOT NULL,
    edited_by  TEXT NOT NULL,
    UNIQUE (api_id, slug)
) STRICT;

CREATE INDEX guides_order ON guides (api_id, position, id);
