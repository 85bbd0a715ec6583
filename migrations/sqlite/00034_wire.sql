-- +goose Up

-- Tags that owners give things by the management API; those that say what a thing is (gatehouse:*) are not kept, they are read from the thing.
CREATE TABLE resource_tags (
    kind      TEXT NOT NULL CHECK (kind IN ('restapi', 'stage', 'apikey', 'usageplan')),
    object_id INTEGER NOT NULL,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (kind, object_id, name)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER resource_tags_api_goes AFTER DELETE ON apis
BEGIN
    DELETE FROM resource_tags WHERE kind = 'restapi' AND object_id = OLD.id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER resource_tags_stage_goes AFTER DELETE ON stages
BEGIN
    DELETE FROM resource_tags WHERE kind = 'stage' AND object_id = OLD.id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER resource_tags_key_goes AFTER DELETE ON keys
BEGIN
    DELETE FROM resource_tags WHERE kind = 'apikey' AND object_id = OLD.id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER resource_tags_plan_goes AFTER DELETE ON plans
BEGIN
    DELETE FROM resource_tags WHERE kind = 'usageplan' AND object_id = OLD.id;
END;
-- +goose StatementEnd

ALTER TABLE plans ADD COLUMN product_code TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN deleted_at INTEGER; -- by its owner, who does not see it any more; statements and subscribers do

ALTER TABLE keys ADD COLUMN updated_at INTEGER;  -- NULL: never
ALTER TABLE keys ADD COLUMN unnamed INTEGER NOT NULL DEFAULT 0 CHECK (unnamed IN (0, 1)); -- its owner gave it no name; name is for people
ALTER TABLE keys ADD COLUMN deleted_at INTEGER;  -- by its owner, who does not see it any more; its value may be used again, and statements name it

ALTER TABLE imports ADD COLUMN caller_until INTEGER; -- who called has it in hand, at most until then; NULL: nobody

-- +goose Down

ALTER TABLE imports DROP COLUMN caller_until;
ALTER TABLE keys DROP COLUMN deleted_at;
ALTER TABLE keys DROP COLUMN unnamed;
ALTER TABLE keys DROP COLUMN updated_at;
ALTER TABLE plans DROP COLUMN deleted_at;
ALTER TABLE plans DROP COLUMN product_code;
DROP TRIGGER resource_tags_plan_goes;
DROP TRIGGER resource_tags_key_goes;
DROP TRIGGER resource_tags_stage_goes;
DROP TRIGGER resource_tags_api_goes;
DROP TABLE resource_tags;
