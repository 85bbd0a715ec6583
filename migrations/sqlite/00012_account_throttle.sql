-- +goose Up

-- What all callers of all of an owner's APIs may send together; NULL: as much as they like.
ALTER TABLE accounts ADD COLUMN rate REAL;
ALTER TABLE accounts ADD COLUMN burst INTEGER CHECK ((burst IS NULL) = (rate IS NULL));

-- The level of an account's bucket has its account's id, and of everything else none.
CREATE TABLE levels (
    key_id     INTEGER NOT NULL,
    plan_id    INTEGER NOT NULL,
    stage_id   INTEGER NOT NULL,
    method_id  INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    tat        INTEGER NOT NULL,
    full_at    INTEGER NOT NULL, -- Unix nanoseconds
    PRIMARY KEY (key_id, plan_id, stage_id, method_id, account_id)
) STRICT, WITHOUT ROWID;

INSERT INTO levels (key_id, plan_id, stage_id, method_id, account_id, tat, full_at)
SELECT key_id, plan_id, stage_id, method_id, 0, tat, full_at FROM throttle_levels;

DROP TABLE throttle_levels;

ALTER TABLE levels RENAME TO throttle_levels;

CREATE INDEX throttle_levels_full ON throttle_levels (full_at);
