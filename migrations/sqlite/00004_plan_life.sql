-- +goose Up

-- When a plan ends or ended. The gateway compares the date itself; ended notes that its subscriptions were ended, too.
ALTER TABLE plans ADD COLUMN ends_at INTEGER;
ALTER TABLE plans ADD COLUMN ended INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1));

-- Who saved the draft last, and when.
ALTER TABLE plans ADD COLUMN draft_by TEXT;
ALTER TABLE plans ADD COLUMN draft_at INTEGER;

CREATE INDEX plans_ending ON plans (ends_at) WHERE ended = 0 AND ends_at IS NOT NULL;
