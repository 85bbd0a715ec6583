-- +goose Up

-- Host names of owners, each leading to one stage. Several owners may wait for the same one: it is whose proof DNS shows.
CREATE TABLE domains (
    id           INTEGER PRIMARY KEY,
    stage_id     INTEGER NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
    host         TEXT NOT NULL,
    base_path    TEXT NOT NULL,
    proof        TEXT NOT NULL,
    active_since INTEGER,
    approved_by  TEXT NOT NULL DEFAULT '',
    checked_at   INTEGER NOT NULL DEFAULT 0,
    problem      TEXT NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    UNIQUE (stage_id, host)
) STRICT;

CREATE UNIQUE INDEX domains_active ON domains (host) WHERE active_since IS NOT NULL;

CREATE INDEX domains_checked ON domains (checked_at);

CREATE INDEX domains_created ON domains (created_at, id);
