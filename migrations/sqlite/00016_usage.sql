-- +goose Up

-- How long answers took, summed, in microseconds: the upstream until its answer began, and the gateway before it asked the upstream; and of how many answers.
ALTER TABLE usage_minutes ADD COLUMN upstream_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_minutes ADD COLUMN gateway_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_minutes ADD COLUMN timed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_half_hours ADD COLUMN upstream_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_half_hours ADD COLUMN gateway_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_half_hours ADD COLUMN timed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_days ADD COLUMN upstream_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_days ADD COLUMN gateway_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_days ADD COLUMN timed INTEGER NOT NULL DEFAULT 0;

-- Who calls an owner's plans: a developer, or a customer for whom the owner made keys, by the reference that he gave them. Made with the first call; never
-- removed, so that usage and statements keep their customer.
CREATE TABLE usage_customers (
    id         INTEGER PRIMARY KEY,
    owner_id   INTEGER NOT NULL,              -- 0: a developer on no plan, who was refused
    account_id INTEGER NOT NULL,              -- 0: of the owner's own keys
    name       TEXT NOT NULL,                 -- the reference; '' for keys without one, and for developers
    UNIQUE (owner_id, account_id, name)
) STRICT;
CREATE INDEX usage_customers_account ON usage_customers (account_id, id);

INSERT INTO usage_customers (id, owner_id, account_id, name)
SELECT 101559956668416 + abs(random() % 3554598106771544), owner_id, account_id, name FROM (
    SELECT DISTINCT p.owner_id, coalesce(a.account_id, 0) AS account_id, CASE WHEN k.app_id IS NULL THEN k.customer_id ELSE '' END AS name
    FROM (SELECT plan_id, key_id FROM usage_key_months UNION SELECT plan_id, key_id FROM plan_keys) u
    JOIN plans p ON p.id = u.plan_id JOIN keys k ON k.id = u.key_id LEFT JOIN apps a ON a.id = k.app_id
    UNION SELECT 0, a.account_id, '' FROM apps a);

-- Another kind of usage:
--   8 customer   what a customer called, by plan, stage and method
CREATE TEMP TABLE customer_of_key AS
SELECT p.id AS plan_id, k.id AS key_id, c.id AS customer_id, c.owner_id
FROM (SELECT plan_id, key_id FROM usage_key_months UNION SELECT plan_id, key_id FROM plan_keys) u
JOIN plans p ON p.id = u.plan_id JOIN keys k ON k.id = u.key_id LEFT JOIN apps a ON a.id = k.app_id
JOIN usage_customers c ON c.owner_id = p.owner_id AND c.account_id = coalesce(a.account_id, 0) AND c.name = CASE WHEN k.app_id IS NULL THEN k.customer_id ELSE '' END
UNION ALL SELECT 0, k.id, c.id, 0 FROM keys k JOIN apps a ON a.id = k.app_id JOIN usage_customers c ON c.owner_id = 0 AND c.account_id = a.account_id;
CREATE INDEX temp.customer_of_key_by ON customer_of_key (key_id, plan_id);

INSERT INTO usage_minutes (kind, id, start, plan_id, stage_id, method_id,
    o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, bytes_in, bytes_out, throttled_seconds, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15,
    l16, l17, l18, l19)
SELECT 8, c.customer_id, u.start, u.plan_id, u.stage_id, u.method_id,
    sum(u.o0), sum(u.o1), sum(u.o2), sum(u.o3), sum(u.o4), sum(u.o5), sum(u.o6), sum(u.o7), sum(u.o8), sum(u.o9), sum(u.bytes_in), sum(u.bytes_out),
    sum(u.throttled_seconds), sum(u.l0), sum(u.l1), sum(u.l2), sum(u.l3), sum(u.l4), sum(u.l5), sum(u.l6), sum(u.l7), sum(u.l8), sum(u.l9), sum(u.l10),
    sum(u.l11), sum(u.l12), sum(u.l13), sum(u.l14), sum(u.l15), sum(u.l16), sum(u.l17), sum(u.l18), sum(u.l19)
FROM temp.customer_of_key c CROSS JOIN usage_minutes u ON u.kind = 1 AND u.id = c.key_id AND u.plan_id = c.plan_id
GROUP BY c.customer_id, u.start, u.plan_id, u.stage_id, u.method_id;
INSERT INTO usage_half_hours (kind, id, start, plan_id, stage_id, method_id,
    o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, bytes_in, bytes_out, throttled_seconds, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15,
    l16, l17, l18, l19)
SELECT 8, c.customer_id, u.start, u.plan_id, u.stage_id, u.method_id,
    sum(u.o0), sum(u.o1), sum(u.o2), sum(u.o3), sum(u.o4), sum(u.o5), sum(u.o6), sum(u.o7), sum(u.o8), sum(u.o9), sum(u.bytes_in), sum(u.bytes_out),
    sum(u.throttled_seconds), sum(u.l0), sum(u.l1), sum(u.l2), sum(u.l3), sum(u.l4), sum(u.l5), sum(u.l6), sum(u.l7), sum(u.l8), sum(u.l9), sum(u.l10),
    sum(u.l11), sum(u.l12), sum(u.l13), sum(u.l14), sum(u.l15), sum(u.l16), sum(u.l17), sum(u.l18), sum(u.l19)
FROM temp.customer_of_key c CROSS JOIN usage_half_hours u ON u.kind = 1 AND u.id = c.key_id AND u.plan_id = c.plan_id
GROUP BY c.customer_id, u.start, u.plan_id, u.stage_id, u.method_id;
INSERT INTO usage_days (kind, id, start, plan_id, stage_id, method_id,
    o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, bytes_in, bytes_out, throttled_seconds, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15,
    l16, l17, l18, l19)
SELECT 8, c.customer_id, u.start, u.plan_id, u.stage_id, u.method_id,
    sum(u.o0), sum(u.o1), sum(u.o2), sum(u.o3), sum(u.o4), sum(u.o5), sum(u.o6), sum(u.o7), sum(u.o8), sum(u.o9), sum(u.bytes_in), sum(u.bytes_out),
    sum(u.throttled_seconds), sum(u.l0), sum(u.l1), sum(u.l2), sum(u.l3), sum(u.l4), sum(u.l5), sum(u.l6), sum(u.l7), sum(u.l8), sum(u.l9), sum(u.l10),
    sum(u.l11), sum(u.l12), sum(u.l13), sum(u.l14), sum(u.l15), sum(u.l16), sum(u.l17), sum(u.l18), sum(u.l19)
FROM temp.customer_of_key c CROSS JOIN usage_days u ON u.kind = 1 AND u.id = c.key_id AND u.plan_id = c.plan_id
GROUP BY c.customer_id, u.start, u.plan_id, u.stage_id, u.method_id;

-- A key's months know whose they are, and what was charged, which statements are made of. NULL: it began before this was counted, and is in no statement.
ALTER TABLE usage_key_months ADD COLUMN owner_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_key_months ADD COLUMN customer_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_key_months ADD COLUMN charged INTEGER;
UPDATE usage_key_months SET (owner_id, customer_id) =
    (SELECT c.owner_id, c.customer_id FROM temp.customer_of_key c WHERE c.key_id = usage_key_months.key_id AND c.plan_id = usage_key_months.plan_id)
WHERE EXISTS (SELECT 1 FROM temp.customer_of_key c WHERE c.key_id = usage_key_months.key_id AND c.plan_id = usage_key_months.plan_id);
UPDATE usage_key_months SET charged = (SELECT coalesce(sum(q.used), 0) FROM quota_days q
    WHERE q.key_id = usage_key_months.key_id AND q.plan_id = usage_key_months.plan_id AND q.day >= usage_key_months.month
        AND q.day < unixepoch(usage_key_months.month * 86400, 'unixepoch', '+1 month') / 86400)
WHERE month >= (SELECT min(day) FROM quota_days);
DROP TABLE temp.customer_of_key;
CREATE INDEX usage_key_months_unknown ON usage_key_months (owner_id, month) WHERE charged IS NULL;
CREATE INDEX usage_key_months_customer ON usage_key_months (owner_id, month, customer_id, plan_id, key_id);

-- Months (UTC) of which an owner's statements are closed: they never change afterwards.
CREATE TABLE statement_months (
    owner_id  INTEGER NOT NULL,
    month     INTEGER NOT NULL,               -- Unix day of its first
    closed_at INTEGER NOT NULL,
    PRIMARY KEY (owner_id, month)
) STRICT, WITHOUT ROWID;

-- What a customer called in a month.
CREATE TABLE statements (
    owner_id    INTEGER NOT NULL,
    month       INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,             -- of usage_customers
    account_id  INTEGER NOT NULL,             -- of the customer; 0: none
    customer    TEXT NOT NULL,                -- as it was called when the month was closed
    detail      TEXT NOT NULL,                -- its e-mail address, or ''
    charged     INTEGER NOT NULL,
    admitted    INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    extra       INTEGER NOT NULL,
    PRIMARY KEY (owner_id, month, customer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX statements_most ON statements (owner_id, month, charged DESC, customer_id);
CREATE INDEX statements_account ON statements (account_id, month, owner_id) WHERE account_id <> 0;

-- The same by plan and key.
CREATE TABLE statement_lines (
    owner_id    INTEGER NOT NULL,
    month       INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    plan_id     INTEGER NOT NULL,
    key_id      INTEGER NOT NULL,
    plan        TEXT NOT NULL,                -- names as they were when the month was closed
    key         TEXT NOT NULL,
    charged     INTEGER NOT NULL,             -- what the ledger has
    admitted    INTEGER NOT NULL,             -- what was given back is admitted and not charged
    refused     INTEGER NOT NULL,
    extra       INTEGER NOT NULL,             -- granted beyond the quota in the month; may be negative
    PRIMARY KEY (owner_id, month, customer_id, plan_id, key_id)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER statement_months_frozen BEFORE UPDATE ON statement_months
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statement_months_kept BEFORE DELETE ON statement_months
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statements_frozen_insert BEFORE INSERT ON statements WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = NEW.owner_id AND month = NEW.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statements_frozen_update BEFORE UPDATE ON statements WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statements_frozen_delete BEFORE DELETE ON statements WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statement_lines_frozen_insert BEFORE INSERT ON statement_lines WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = NEW.owner_id AND month = NEW.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statement_lines_frozen_update BEFORE UPDATE ON statement_lines WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statement_lines_frozen_delete BEFORE DELETE ON statement_lines WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;
-- +goose StatementEnd

-- How customers called lately, anew each hour, for lists of those who grow, decline or need care: their usage of seven whole days (UTC), and of the seven
-- before.
CREATE TABLE customer_weeks (
    owner_id    INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    day         INTEGER NOT NULL,             -- the Unix day after the last of the seven
    requests    INTEGER NOT NULL,
    before      INTEGER NOT NULL,
    growth      INTEGER NOT NULL,             -- requests - before
    throttled   INTEGER NOT NULL,             -- 429 by rate or quota
    failed      INTEGER NOT NULL,             -- 5xx by the upstream, or none
    share       REAL NOT NULL,                -- of the quota that its key nearest to one has used in the window that is open
    key_id      INTEGER NOT NULL,             -- that key, and its plan; 0: none has a quota
    plan_id     INTEGER NOT NULL,
    PRIMARY KEY (owner_id, customer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_weeks_most ON customer_weeks (owner_id, requests DESC, customer_id);
CREATE INDEX customer_weeks_growth ON customer_weeks (owner_id, growth, customer_id);
CREATE INDEX customer_weeks_throttled ON customer_weeks (owner_id, throttled DESC, customer_id);
CREATE INDEX customer_weeks_share ON customer_weeks (owner_id, share DESC, customer_id);
