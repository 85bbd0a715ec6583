-- +goose Up

-- The latest time that has come for certain, and for how long the clock has stood behind it, both in milliseconds; 0: none was kept.
ALTER TABLE journal ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;

ALTER TABLE journal ADD COLUMN behind INTEGER NOT NULL DEFAULT 0;
