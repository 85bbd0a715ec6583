-- +goose Up

-- What the management API says of methods, and what a deployment holds of it. Both are JSON of models.
ALTER TABLE methods ADD COLUMN details TEXT NOT NULL DEFAULT '';   -- MethodDetails; '': none
ALTER TABLE deployments ADD COLUMN parts TEXT NOT NULL DEFAULT ''; -- DeploymentParts; '': none

-- What a deployment is does not change; how it is described may.
DROP TRIGGER deployments_frozen;

-- +goose StatementBegin
CREATE TRIGGER deployments_frozen BEFORE UPDATE ON deployments
WHEN NEW.id <> OLD.id OR NEW.api_id <> OLD.api_id OR NEW.number <> OLD.number OR NEW.methods <> OLD.methods OR NEW.parts <> OLD.parts OR NEW.key_place <> OLD.key_place
    OR NEW.key_name <> OLD.key_name OR NEW.key_forward <> OLD.key_forward OR NEW.document_id IS NOT OLD.document_id OR NEW.created_at <> OLD.created_at OR NEW.created_by <> OLD.created_by
BEGIN
    SELECT RAISE (ABORT, 'a deployment never changes');
END;
-- +goose StatementEnd

-- +goose Down

DROP TRIGGER deployments_frozen;

-- +goose StatementBegin
CREATE TRIGGER deployments_frozen BEFORE UPDATE ON deployments
BEGIN
    SELECT RAISE (ABORT, 'a deployment never changes');
END;
-- +goose StatementEnd

ALTER TABLE deployments DROP COLUMN parts;
ALTER TABLE methods DROP COLUMN details;
