-- +goose Up

-- A batch of usage on its way into the tables: the place in the journal is moved with it, and its parts are added one by one.
CREATE TABLE staged_usage (
    holder INTEGER PRIMARY KEY,
    batch  BLOB NOT NULL,      -- models.UsageBatch by encoding/gob
    added  INTEGER NOT NULL    -- parts that are in the tables
) STRICT;

-- +goose Down

DROP TABLE staged_usage;
