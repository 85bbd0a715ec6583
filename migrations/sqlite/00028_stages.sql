-- +goose Up

-- How a stage proxies, beyond upstream, timeout and throttle: models.StageSettings as JSON. The deployment of its canary stands beside them, so that it can
-- be joined.
ALTER TABLE stages ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE stages ADD COLUMN canary_id INTEGER REFERENCES deployments (id);

CREATE INDEX stages_canary ON stages (canary_id);
