-- +goose Up

-- For who looks for what somebody did: actors are looked for by the beginning of their names.
CREATE INDEX events_actor_name ON events (actor COLLATE NOCASE);
