-- +goose Up

-- When a stage was changed last: the management API tells it.
ALTER TABLE stages ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
UPDATE stages SET updated_at = max(created_at, coalesce(deployed_at, 0));

-- +goose Down

ALTER TABLE stages DROP COLUMN updated_at;
