-- +goose Up

-- Limits that an owner gives one key on one plan in place of the plan's own. Ids are never used again: they tell one setting from the next.
CREATE TABLE limit_overrides (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id          INTEGER NOT NULL,
    plan_id         INTEGER NOT NULL,
    subscription_id INTEGER,                  -- it came with the subscription's; NULL: it is the key's own
    rate            REAL,                     -- NULL: the plan's throttle holds
    burst           INTEGER CHECK ((burst IS NULL) = (rate IS NULL)),
    quota_limit     INTEGER,                  -- NULL: the plan's quota holds
    quota_period    INTEGER CHECK ((quota_period IS NULL) = (quota_limit IS NULL)),
    quota_offset    INTEGER CHECK ((quota_offset IS NULL) = (quota_limit IS NULL)),
    reason          TEXT NOT NULL,
    set_by          TEXT NOT NULL,
    set_at          INTEGER NOT NULL,
    ends_at         INTEGER,                  -- from then on the plan's limits hold again
    UNIQUE (key_id, plan_id),
    FOREIGN KEY (plan_id, key_id) REFERENCES plan_keys (plan_id, key_id) ON DELETE CASCADE
) STRICT;

CREATE INDEX limit_overrides_subscription ON limit_overrides (subscription_id) WHERE subscription_id IS NOT NULL;

CREATE INDEX limit_overrides_plan ON limit_overrides (plan_id, key_id);

-- Other windows may have counted meanwhile: the ledger counts the key's anew.
-- +goose StatementBegin
CREATE TRIGGER limit_overrides_gone AFTER DELETE ON limit_overrides WHEN OLD.quota_limit IS NOT NULL
BEGIN
    UPDATE quota_buckets SET epoch = -1 WHERE key_id = OLD.key_id AND plan_id = OLD.plan_id;
END;
-- +goose StatementEnd

-- The same for a subscription: its keys have it, and those that come later get it.
CREATE TABLE subscription_overrides (
    subscription_id INTEGER PRIMARY KEY REFERENCES subscriptions (id) ON DELETE CASCADE,
    rate            REAL,
    burst           INTEGER,
    quota_limit     INTEGER,
    quota_period    INTEGER,
    quota_offset    INTEGER,
    reason          TEXT NOT NULL,
    set_by          TEXT NOT NULL,
    set_at          INTEGER NOT NULL,
    ends_at         INTEGER
) STRICT;

-- The developers who ever subscribed to a plan of an owner.
CREATE TABLE customers (
    owner_id   INTEGER NOT NULL REFERENCES accounts (id),
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    since      INTEGER NOT NULL,
    PRIMARY KEY (owner_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX customers_since ON customers (owner_id, since, account_id);

INSERT INTO customers (owner_id, account_id, since)
SELECT p.owner_id, a.account_id, min(s.requested_at) FROM subscriptions s JOIN plans p ON p.id = s.plan_id JOIN apps a ON a.id = s.app_id GROUP BY p.owner_id, a.account_id;

-- +goose StatementBegin
CREATE TRIGGER customers_come AFTER INSERT ON subscriptions
BEGIN
    INSERT OR IGNORE INTO customers (owner_id, account_id, since)
    SELECT p.owner_id, a.account_id, NEW.requested_at FROM plans p, apps a WHERE p.id = NEW.plan_id AND a.id = NEW.app_id;
END;
-- +goose StatementEnd

-- What an owner notes of a customer, for himself. A customer is an account, or a customer id of keys that the owner made.
CREATE TABLE customer_notes (
    id          INTEGER PRIMARY KEY,
    owner_id    INTEGER NOT NULL REFERENCES accounts (id),
    account_id  INTEGER REFERENCES accounts (id),
    customer_id TEXT NOT NULL COLLATE NOCASE,  -- '' for an account
    text        TEXT NOT NULL,
    author      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    CHECK ((account_id IS NULL) = (customer_id <> ''))
) STRICT;

CREATE INDEX customer_notes_account ON customer_notes (owner_id, account_id, at) WHERE account_id IS NOT NULL;

CREATE INDEX customer_notes_customer ON customer_notes (owner_id, customer_id, at) WHERE account_id IS NULL;

-- What a plan asks of those who subscribe, beside its terms: it acts at once, and is no version.
CREATE TABLE plan_joining (
    plan_id      INTEGER PRIMARY KEY REFERENCES plans (id) ON DELETE CASCADE,
    questions    TEXT NOT NULL,               -- JSON
    terms        INTEGER NOT NULL,            -- version of its text in plan_texts; 0: none is asked for
    carries      INTEGER NOT NULL CHECK (carries IN (0, 1)),      -- who changes to the plan brings what he used along
    waiting_list INTEGER NOT NULL CHECK (waiting_list IN (0, 1))  -- a plan by invitation stands in the catalog, and can be asked for
) STRICT;

-- Terms of use, each as it was.
CREATE TABLE plan_texts (
    plan_id  INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    version  INTEGER NOT NULL,
    text     TEXT NOT NULL,                   -- Markdown
    set_by   TEXT NOT NULL,
    set_at   INTEGER NOT NULL,
    PRIMARY KEY (plan_id, version)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER plan_texts_frozen BEFORE UPDATE ON plan_texts
BEGIN
    SELECT RAISE (ABORT, 'terms of use never change');
END;
-- +goose StatementEnd

-- What a developer answered and accepted when he subscribed.
CREATE TABLE subscription_answers (
    subscription_id INTEGER PRIMARY KEY REFERENCES subscriptions (id) ON DELETE CASCADE,
    answers         TEXT NOT NULL,            -- JSON: questions with their answers
    plan_id         INTEGER,                  -- whose terms were accepted; NULL: there were none
    terms           INTEGER,
    at              INTEGER NOT NULL,
    FOREIGN KEY (plan_id, terms) REFERENCES plan_texts (plan_id, version)
) STRICT;

-- Who asks to be let in to a plan that is by invitation.
CREATE TABLE plan_waiting (
    plan_id    INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    message    TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'invited', 'declined')),
    reason     TEXT NOT NULL,
    asked_at   INTEGER NOT NULL,
    decided_at INTEGER,
    PRIMARY KEY (plan_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX plan_waiting_state ON plan_waiting (plan_id, state, asked_at);

CREATE INDEX plan_waiting_account ON plan_waiting (account_id);

-- When an account was deleted: nobody can sign in to it, and it names nobody any more.
ALTER TABLE accounts ADD COLUMN deleted_at INTEGER;

-- An event never changes, but for who it names: when an account is deleted, ids alone stay.
DROP TRIGGER events_frozen;

-- +goose StatementBegin
CREATE TRIGGER events_frozen BEFORE UPDATE ON events WHEN NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.actor_id <> OLD.actor_id OR NEW.action <> OLD.action OR NEW.object_kind <> OLD.object_kind
    OR NEW.object_id <> OLD.object_id OR NEW.owner_id <> OLD.owner_id OR NEW.request_id <> OLD.request_id OR NEW.actor NOT IN (OLD.actor, 'deleted account') OR NEW.address NOT IN (OLD.address, '')
    OR NEW.object_name NOT IN (OLD.object_name, '') OR NEW.before IS NOT NULL AND NEW.before IS NOT OLD.before OR NEW.after IS NOT NULL AND NEW.after IS NOT OLD.after
BEGIN
    SELECT RAISE (ABORT, 'an event never changes');
END;
-- +goose StatementEnd
