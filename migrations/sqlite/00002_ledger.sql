-- +goose Up
-- The ledger of quotas, and where the gateway's journal is committed to.

-- The quota in force, out of the terms: the ledger reads it with each exchange. NULL: none. The epoch rises when the windows become others, which
-- makes what was counted for a bucket before worthless; quota_day is when that was.
ALTER TABLE plans ADD COLUMN quota_limit INTEGER;
ALTER TABLE plans ADD COLUMN quota_period INTEGER;              -- limit.Period
ALTER TABLE plans ADD COLUMN quota_offset INTEGER;
ALTER TABLE plans ADD COLUMN quota_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE plans ADD COLUMN quota_day INTEGER NOT NULL DEFAULT 0;

UPDATE plans SET (quota_limit, quota_period, quota_offset) = (
    SELECT json_extract(v.terms, '$.quota.limit'),
        CASE json_extract(v.terms, '$.quota.period') WHEN 'DAY' THEN 1 WHEN 'WEEK' THEN 2 WHEN 'MONTH' THEN 3 END,
        json_extract(v.terms, '$.quota.offset')
    FROM plan_versions v WHERE v.plan_id = plans.id AND v.version = plans.version AND json_extract(v.terms, '$.quota') IS NOT NULL);

-- A key that was moved here with its count: what it was charged on these plans, a JSON list of numbers, counts in the window that has this day.
ALTER TABLE plan_keys ADD COLUMN carry_plans TEXT;
ALTER TABLE plan_keys ADD COLUMN carry_day INTEGER;

-- One count of a quota: a key on a plan in one window, which begins on a day. What it amounts to is in models/limit: Stock.
CREATE TABLE quota_buckets (
    key_id   INTEGER NOT NULL,
    plan_id  INTEGER NOT NULL,
    period   INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    window   INTEGER NOT NULL,
    granted  INTEGER NOT NULL,                -- the sum of its holders'
    base     INTEGER NOT NULL,                -- charged on this plan, but not to a right of this bucket
    carried  INTEGER NOT NULL,                -- charged on the plans that the key was moved from
    doubt    INTEGER NOT NULL,                -- granted to a gateway that lost its journal
    extra    INTEGER NOT NULL,                -- beyond the plan's limit; may be negative
    epoch    INTEGER NOT NULL,                -- of the plan, when base and carried were counted; another one: count anew
    PRIMARY KEY (key_id, plan_id, period, "offset", window)
) STRICT, WITHOUT ROWID;
CREATE INDEX quota_buckets_window ON quota_buckets (window);

-- A gateway's rights in a bucket: limit.Holding. Its numbers are cumulative.
CREATE TABLE quota_holders (
    key_id   INTEGER NOT NULL,
    plan_id  INTEGER NOT NULL,
    period   INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    window   INTEGER NOT NULL,
    holder   INTEGER NOT NULL,
    granted  INTEGER NOT NULL,
    used     INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (key_id, plan_id, period, "offset", window, holder),
    FOREIGN KEY (key_id, plan_id, period, "offset", window) REFERENCES quota_buckets ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
-- Those that have rights in hand, as far as is known here.
CREATE INDEX quota_holders_open ON quota_holders (period, "offset", window) WHERE granted <> used - refunded;

-- Extensions that were granted, by the form that was sent: one that is sent twice counts once.
CREATE TABLE quota_extensions (
    form    TEXT PRIMARY KEY,
    key_id  INTEGER NOT NULL,
    plan_id INTEGER NOT NULL,
    extra   INTEGER NOT NULL,                 -- the change
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX quota_extensions_at ON quota_extensions (at);

-- How far a gateway's journal is committed. boot is the machine's at the newest start after which everything was in order; starting is that of
-- the newest start.
CREATE TABLE journal (
    holder   INTEGER PRIMARY KEY,
    segment  INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    boot     TEXT NOT NULL,
    starting TEXT NOT NULL,
    ordered  INTEGER NOT NULL CHECK (ordered IN (0, 1)),
    epoch    INTEGER NOT NULL                 -- of the newest start
) STRICT;

-- Requests that were admitted and not answered yet. Their end finds them here after a gateway was killed.
CREATE TABLE usage_open (
    key_id    INTEGER NOT NULL,
    plan_id   INTEGER NOT NULL,
    stage_id  INTEGER NOT NULL,
    method_id INTEGER NOT NULL,
    minute    INTEGER NOT NULL,
    n         INTEGER NOT NULL,
    PRIMARY KEY (key_id, plan_id, stage_id, method_id, minute)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_open_none ON usage_open (n) WHERE n = 0; -- on their way out
INSERT INTO usage_open SELECT id, plan_id, stage_id, method_id, start, o0 FROM usage_minutes WHERE kind = 1 AND o0 > 0;

-- On the clock of the machine's boot. Levels of a gateway that knew none are of buckets about which nothing is known.
ALTER TABLE throttle_levels ADD COLUMN tat INTEGER NOT NULL DEFAULT 0;
CREATE INDEX throttle_levels_full ON throttle_levels (full_at);
