-- +goose Up

-- What an API is about, in its owner's words, for the catalog: with commas between.
ALTER TABLE apis ADD COLUMN tags TEXT NOT NULL DEFAULT '';
