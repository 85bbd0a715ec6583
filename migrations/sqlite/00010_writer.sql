-- +goose Up

-- Which stage a key calls by which plan: one for each stage (R1). A row counts while its plan opens the stage (plan_stages) and has not ended. What does not
-- count gives way to what is inserted, and is forgotten later: so a plan closes a stage, or ends, without a touch to its many keys' rows, and can have them
-- ready before it opens one.
CREATE TABLE key_stages_that_give_way (
    key_id   INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    stage_id INTEGER NOT NULL,                -- may be gone
    plan_id  INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    PRIMARY KEY (key_id, stage_id)
) STRICT, WITHOUT ROWID;

INSERT INTO key_stages_that_give_way SELECT key_id, stage_id, plan_id FROM key_stages;

DROP TABLE key_stages;

ALTER TABLE key_stages_that_give_way RENAME TO key_stages;

CREATE INDEX key_stages_plan ON key_stages (plan_id, stage_id);

-- +goose StatementBegin
CREATE TRIGGER key_stages_give_way BEFORE INSERT ON key_stages
BEGIN
    DELETE FROM key_stages WHERE key_id = NEW.key_id AND stage_id = NEW.stage_id AND plan_id <> NEW.plan_id
        AND ((SELECT p.ended FROM plans p WHERE p.id = key_stages.plan_id) = 1
            OR NOT EXISTS (SELECT 1 FROM plan_stages ps WHERE ps.plan_id = key_stages.plan_id AND ps.stage_id = key_stages.stage_id));
END;
-- +goose StatementEnd

-- Stages that a plan is about to open: rows of its keys are being written ahead, and do not count yet.
CREATE TABLE plan_openings (
    plan_id  INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    stage_id INTEGER NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
    PRIMARY KEY (plan_id, stage_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX plan_openings_stage ON plan_openings (stage_id);

-- Keys to be looked at again before a plan opens stages: they came to it meanwhile, or lost a row that was written ahead.
CREATE TABLE opening_keys (
    plan_id INTEGER NOT NULL,
    key_id  INTEGER NOT NULL,
    PRIMARY KEY (plan_id, key_id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER plan_keys_while_opening AFTER INSERT ON plan_keys WHEN EXISTS (SELECT 1 FROM plan_openings WHERE plan_id = NEW.plan_id)
BEGIN
    INSERT OR IGNORE INTO opening_keys (plan_id, key_id) VALUES (NEW.plan_id, NEW.key_id);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER key_stages_while_opening AFTER DELETE ON key_stages WHEN EXISTS (SELECT 1 FROM plan_openings WHERE plan_id = OLD.plan_id AND stage_id = OLD.stage_id)
BEGIN
    INSERT OR IGNORE INTO opening_keys (plan_id, key_id) VALUES (OLD.plan_id, OLD.key_id);
END;
-- +goose StatementEnd

-- A plan that has ended, and whose subscriptions do not all say so yet: they count as ended.
ALTER TABLE plans ADD COLUMN unfinished INTEGER NOT NULL DEFAULT 0 CHECK (unfinished IN (0, 1));

CREATE INDEX plans_unfinished ON plans (id) WHERE unfinished = 1;
