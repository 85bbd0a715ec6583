-- +goose Up

-- What the management API says of methods, and what a deployment holds of it. Both are JSON of models.
ALTER TABLE methods ADD COLUMN details TEXT NOT NULL DEFAULT '';   -- MethodDetails; '': none
ALTER TABLE deployments ADD COLUMN parts TEXT NOT NULL DEFAULT ''; -- DeploymentParts; '': none

-- What a deployment is does not change; how it is described may.
DROP TRIGGER deployments_frozen;

-- +goose StatementBegin
CREATE TRIGGER deployments_frozen BEFORE UPDATE OF id, api_id, number, methods, parts, key_place, key_name, key_forward, created_at, created_by, document_id ON deployments
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
