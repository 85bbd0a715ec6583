-- +goose Up

-- What programs sign calls of the management API with, in their account's name. The secret is sealed; NULL once the key is revoked.
CREATE TABLE access_keys (
    id             TEXT PRIMARY KEY,
    account_id     INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name           TEXT NOT NULL,
    secret         BLOB,
    enabled        INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    revoked_at     INTEGER,
    last_used_at   INTEGER,
    last_used_from TEXT NOT NULL DEFAULT '',
    CHECK ((secret IS NULL) = (revoked_at IS NOT NULL))
) STRICT;

CREATE INDEX access_keys_account ON access_keys (account_id, created_at, id);

-- The access key that a change came with; NULL: a person, a command or the system.
ALTER TABLE events ADD COLUMN credential TEXT;

CREATE INDEX events_credential ON events (credential, at, id) WHERE credential IS NOT NULL;

DROP TRIGGER events_frozen;

-- +goose StatementBegin
CREATE TRIGGER events_frozen BEFORE UPDATE ON events WHEN NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.actor_id <> OLD.actor_id OR NEW.action <> OLD.action OR NEW.object_kind <> OLD.object_kind
    OR NEW.object_id <> OLD.object_id OR NEW.owner_id <> OLD.owner_id OR NEW.request_id <> OLD.request_id OR NEW.actor NOT IN (OLD.actor, 'deleted account') OR NEW.address NOT IN (OLD.address, '')
    OR NEW.object_name NOT IN (OLD.object_name, '') OR NEW.before IS NOT NULL AND NEW.before IS NOT OLD.before OR NEW.after IS NOT NULL AND NEW.after IS NOT OLD.after
    OR NEW.credential IS NOT OLD.credential
BEGIN
    SELECT RAISE (ABORT, 'an event never changes');
END;
-- +goose StatementEnd

-- +goose Down

DROP TRIGGER events_frozen;

-- +goose StatementBegin
CREATE TRIGGER events_frozen BEFORE UPDATE ON events WHEN NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.actor_id <> OLD.actor_id OR NEW.action <> OLD.action OR NEW.object_kind <> OLD.object_kind
    OR NEW.object_id <> OLD.object_id OR NEW.owner_id <> OLD.owner_id OR NEW.request_id <> OLD.request_id OR NEW.actor NOT IN (OLD.actor, 'deleted account') OR NEW.address NOT IN (OLD.address, '')
    OR NEW.object_name NOT IN (OLD.object_name, '') OR NEW.before IS NOT NULL AND NEW.before IS NOT OLD.before OR NEW.after IS NOT NULL AND NEW.after IS NOT OLD.after
BEGIN
    SELECT RAISE (ABORT, 'an event never changes');
END;
-- +goose StatementEnd

DROP INDEX events_credential;

ALTER TABLE events DROP COLUMN credential;

DROP TABLE access_keys;
