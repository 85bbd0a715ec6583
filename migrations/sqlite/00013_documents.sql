-- +goose Up

-- The documents that owners brought. A deployment keeps its own, so that what it shows does not change when the draft's does.
CREATE TABLE documents (
    id         INTEGER PRIMARY KEY,
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    document   BLOB NOT NULL,    -- as uploaded; compressed with gzip where it begins so
    reading    BLOB,             -- what was read from it, a pack of models/openapi; NULL: it is to be read (again)
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX documents_api ON documents (api_id);

CREATE INDEX documents_unread ON documents (id) WHERE reading IS NULL;

INSERT INTO documents (id, api_id, document, created_at) SELECT id, id, document, updated_at FROM apis WHERE document IS NOT NULL;

ALTER TABLE apis ADD COLUMN document_id INTEGER REFERENCES documents (id); -- NULL: made by a form

UPDATE apis SET document_id = id WHERE document IS NOT NULL;

ALTER TABLE apis DROP COLUMN document;

ALTER TABLE apis DROP COLUMN description;

-- Deployments had what was read, not the document: the one of their API is the nearest that is left.
DROP TRIGGER deployments_frozen;

ALTER TABLE deployments ADD COLUMN document_id INTEGER REFERENCES documents (id);

UPDATE deployments SET document_id = (SELECT document_id FROM apis WHERE id = deployments.api_id) WHERE description IS NOT NULL;

ALTER TABLE deployments DROP COLUMN description;

CREATE INDEX deployments_document ON deployments (document_id);

-- +goose StatementBegin
CREATE TRIGGER deployments_frozen BEFORE UPDATE ON deployments
BEGIN
    SELECT RAISE (ABORT, 'a deployment never changes');
END;
-- +goose StatementEnd
