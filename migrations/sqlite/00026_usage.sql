-- +goose Up

-- An owner finds customers by the beginning of their references.
CREATE INDEX usage_customers_name ON usage_customers (owner_id, name COLLATE NOCASE, id) WHERE account_id = 0;

-- What a customer called in a closed month, by operation. Months that were closed before have none.
CREATE TABLE statement_operations (
    owner_id    INTEGER NOT NULL,
    month       INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    stage_id    INTEGER NOT NULL,
    method_id   INTEGER NOT NULL,             -- 0: it matched no method
    stage       TEXT NOT NULL,                -- names as they were when the month was closed
    method      TEXT NOT NULL,
    admitted    INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    PRIMARY KEY (owner_id, month, customer_id, stage_id, method_id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER statement_operations_frozen_delete BEFORE DELETE ON statement_operations WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER statement_operations_frozen_insert BEFORE INSERT ON statement_operations WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = NEW.owner_id AND month = NEW.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER statement_operations_frozen_update BEFORE UPDATE ON statement_operations WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd
