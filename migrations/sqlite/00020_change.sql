-- +goose Up

-- A draft that comes into force by itself, by whom that was decided, and why the last one did not.
ALTER TABLE plans ADD COLUMN publish_at INTEGER;
ALTER TABLE plans ADD COLUMN publish_by TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN publish_failed TEXT NOT NULL DEFAULT '';

CREATE INDEX plans_scheduled ON plans (publish_at) WHERE publish_at IS NOT NULL;

-- What people are told of changes that others make. Texts are kept as they were told: what they speak of may go.
CREATE TABLE notices (
    id             INTEGER PRIMARY KEY,
    owner_id       INTEGER NOT NULL REFERENCES accounts (id), -- who makes the change
    kind           TEXT NOT NULL CHECK (kind IN ('plan', 'plan_cancelled', 'deprecated', 'sunset_near', 'kept')),
    state          TEXT NOT NULL CHECK (state IN ('announced', 'in_force', 'cancelled')),
    plan_id        INTEGER REFERENCES plans (id) ON DELETE CASCADE,
    api_id         INTEGER,                   -- may be gone
    deprecation_id INTEGER,                   -- may be gone
    subject        TEXT NOT NULL,             -- what changes, as people call it
    slug           TEXT NOT NULL,             -- of the API
    before         TEXT,                      -- terms, JSON
    after          TEXT,                      -- terms, JSON
    changes        TEXT NOT NULL,             -- in words, JSON
    note           TEXT NOT NULL,             -- the owner's own words
    takes_at       INTEGER NOT NULL,          -- when it takes effect
    created_at     INTEGER NOT NULL,
    told           INTEGER NOT NULL,          -- receivers until now
    untold         INTEGER NOT NULL CHECK (untold IN (0, 1)) -- there may be more
) STRICT;

CREATE INDEX notices_deprecation ON notices (deprecation_id, created_at, id) WHERE deprecation_id IS NOT NULL;

CREATE INDEX notices_plan ON notices (plan_id, created_at, id) WHERE plan_id IS NOT NULL;

CREATE INDEX notices_untold ON notices (untold, id) WHERE untold = 1;

CREATE TABLE notice_receivers (
    account_id      INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    notice_id       INTEGER NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    subscription_id INTEGER NOT NULL,         -- 0: it is about no subscription
    created_at      INTEGER NOT NULL,         -- of the notice
    seen_at         INTEGER,
    counted         INTEGER NOT NULL CHECK (counted IN (0, 1)), -- the numbers are there, or there will be none
    recorded_from   INTEGER,                  -- since when calls are known; NULL: there are no numbers
    offered         INTEGER NOT NULL DEFAULT 0,
    before_least    INTEGER NOT NULL DEFAULT 0,
    before_most     INTEGER NOT NULL DEFAULT 0,
    after_least     INTEGER NOT NULL DEFAULT 0,
    after_most      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, notice_id, subscription_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX notice_receivers_newest ON notice_receivers (account_id, created_at, notice_id, subscription_id);

CREATE INDEX notice_receivers_notice ON notice_receivers (notice_id, account_id);

CREATE INDEX notice_receivers_uncounted ON notice_receivers (counted, notice_id, subscription_id, account_id) WHERE counted = 0;

CREATE INDEX notice_receivers_unseen ON notice_receivers (account_id) WHERE seen_at IS NULL;

-- An operation on all stages of its API, or a whole stage, that its owner takes away.
CREATE TABLE deprecations (
    id         INTEGER PRIMARY KEY,
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    stage_id   INTEGER REFERENCES stages (id) ON DELETE CASCADE,
    method_id  INTEGER REFERENCES methods (id) ON DELETE CASCADE,
    since      INTEGER NOT NULL,
    sunset     INTEGER,
    note       TEXT NOT NULL,
    link       TEXT NOT NULL,
    successor  TEXT NOT NULL,
    brownouts  TEXT NOT NULL,                 -- JSON
    remind_at  INTEGER,                       -- when callers are told of the sunset again
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    CHECK ((stage_id IS NULL) <> (method_id IS NULL))
) STRICT;

CREATE INDEX deprecations_api ON deprecations (api_id, created_at, id);

CREATE UNIQUE INDEX deprecations_method ON deprecations (method_id) WHERE method_id IS NOT NULL;

CREATE INDEX deprecations_remind ON deprecations (remind_at) WHERE remind_at IS NOT NULL;

CREATE UNIQUE INDEX deprecations_stage ON deprecations (stage_id) WHERE stage_id IS NOT NULL;

-- When a key last called an operation, to the hour: who calls it is known without adding up what grows.
CREATE TABLE usage_callers (
    method_id INTEGER NOT NULL,
    stage_id  INTEGER NOT NULL,
    key_id    INTEGER NOT NULL,
    last      INTEGER NOT NULL,               -- Unix seconds
    PRIMARY KEY (method_id, stage_id, key_id)
) STRICT, WITHOUT ROWID;

INSERT INTO usage_callers (method_id, stage_id, key_id, last)
SELECT method_id, stage_id, id, max(start) FROM usage_days WHERE kind = 1 AND method_id <> 0 GROUP BY method_id, stage_id, id;

CREATE INDEX usage_callers_last ON usage_callers (last);

CREATE INDEX usage_callers_method ON usage_callers (method_id, last, key_id);

CREATE INDEX usage_callers_stage ON usage_callers (stage_id, last, key_id);

-- What an API's owner tells everybody of it. A proposal is for its owner alone.
CREATE TABLE changelog (
    id         INTEGER PRIMARY KEY,
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    state      TEXT NOT NULL CHECK (state IN ('proposed', 'published')),
    day        INTEGER NOT NULL,              -- Unix days
    title      TEXT NOT NULL,
    body       TEXT NOT NULL,                 -- Markdown
    breaking   INTEGER NOT NULL CHECK (breaking IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX changelog_api ON changelog (api_id, state, day, created_at, id);
