-- +goose Up

-- When somebody proved that they read the account's mail; NULL: nobody has.
ALTER TABLE accounts ADD COLUMN verified_at INTEGER;

-- Two more kinds of links; whether one was sent by mail, whose use then proves the address.
CREATE TABLE links_new (
    id         INTEGER PRIMARY KEY,
    digest     BLOB NOT NULL UNIQUE,          -- HMAC-SHA-256 of the token, by the keyring
    kind       TEXT NOT NULL CHECK (kind IN ('setup', 'reset', 'invite', 'verify')),
    account_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    email      TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    mailed     INTEGER NOT NULL DEFAULT 0 CHECK (mailed IN (0, 1))
) STRICT;
INSERT INTO links_new (id, digest, kind, account_id, email, role, created_by, created_at, expires_at, used_at)
    SELECT id, digest, kind, account_id, email, role, created_by, created_at, expires_at, used_at FROM links;
DROP TABLE links;
ALTER TABLE links_new RENAME TO links;
CREATE INDEX links_created ON links (created_at, id);
CREATE INDEX links_email ON links (lower(email));
CREATE INDEX links_account ON links (account_id) WHERE account_id IS NOT NULL;

-- Where an account wants to be told over HTTP.
CREATE TABLE webhooks (
    id            INTEGER PRIMARY KEY,
    account_id    INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    side          TEXT NOT NULL CHECK (side IN ('developer', 'owner')),
    url           TEXT NOT NULL,
    note          TEXT NOT NULL,
    kinds         TEXT NOT NULL,              -- JSON list of kinds of notices
    secret        BLOB NOT NULL,              -- sealed
    old_secret    BLOB,                       -- sealed; signs, too, until old_until
    old_until     INTEGER,
    created_at    INTEGER NOT NULL,
    succeeded_at  INTEGER,                    -- newest delivery that was taken
    failing_since INTEGER,                    -- NULL: the newest delivery was taken
    failures      INTEGER NOT NULL,           -- in a row
    resting_until INTEGER NOT NULL,           -- nothing is sent before; one delivery at a time
    disabled_at   INTEGER,
    disabled_why  TEXT NOT NULL
) STRICT;
CREATE INDEX webhooks_account ON webhooks (account_id, side, created_at, id);
CREATE INDEX webhooks_resting ON webhooks (resting_until) WHERE resting_until > 0;

-- What is to be told to somebody, by one channel: queue, outbox and delivery log. due_at is when it is tried next; NULL: never again.
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL,                 -- of the notice
    channel    TEXT NOT NULL CHECK (channel IN ('mail', 'webhook')),
    account_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE, -- NULL: somebody without an account
    email      TEXT NOT NULL,                 -- mail: an address that is not the account's; where it went, once it is sent
    webhook_id INTEGER REFERENCES webhooks (id) ON DELETE CASCADE,
    dedupe     TEXT,                          -- of whoever queued it, the channel and the receiver
    data       BLOB,                          -- JSON, sealed; NULL: not kept any more
    subject    TEXT NOT NULL,                 -- mail: once it was written
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'kept', 'dropped', 'failed')),
    reason     TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    claim      INTEGER NOT NULL,              -- of the worker that is at it; 0: nobody is
    created_at INTEGER NOT NULL,
    due_at     INTEGER,
    done_at    INTEGER,
    lead_id    INTEGER                        -- the message that it was sent with, as one mail
) STRICT;
CREATE INDEX messages_due ON messages (channel, due_at, id) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX messages_dedupe ON messages (dedupe) WHERE dedupe IS NOT NULL;
CREATE INDEX messages_newest ON messages (channel, created_at, id);
CREATE INDEX messages_account ON messages (account_id, channel, created_at, kind);
CREATE INDEX messages_gather ON messages (account_id, kind, due_at) WHERE channel = 'mail' AND due_at IS NOT NULL;
CREATE INDEX messages_lead ON messages (lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX messages_webhook ON messages (webhook_id, created_at, id) WHERE webhook_id IS NOT NULL;
CREATE INDEX messages_claim ON messages (claim) WHERE claim <> 0;
CREATE INDEX messages_done ON messages (done_at) WHERE done_at IS NOT NULL;

-- What came of each try to deliver a message.
CREATE TABLE message_attempts (
    message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    took       INTEGER NOT NULL,              -- milliseconds
    status     INTEGER NOT NULL,              -- of HTTP or SMTP; 0: no answer
    problem    TEXT NOT NULL,                 -- "": it was taken
    answer     TEXT NOT NULL,                 -- the beginning of it
    PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;

-- Topics of which an account wants no mail.
CREATE TABLE mail_refusals (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    topic      TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (account_id, topic)
) STRICT, WITHOUT ROWID;

-- What an account wants to be told of what happens to keys.
CREATE TABLE alerts (
    id          INTEGER PRIMARY KEY,
    account_id  INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    side        TEXT NOT NULL CHECK (side IN ('developer', 'owner')),
    kind        TEXT NOT NULL CHECK (kind IN ('quota', 'throttled', 'errors', 'unused', 'expiring')),
    levels      TEXT NOT NULL,                -- JSON list of percent or days
    minutes     INTEGER NOT NULL,             -- that a share is looked at over
    app_id      INTEGER REFERENCES apps (id) ON DELETE CASCADE,
    key_id      INTEGER REFERENCES keys (id) ON DELETE CASCADE,
    api_id      INTEGER REFERENCES apis (id) ON DELETE CASCADE,
    plan_id     INTEGER REFERENCES plans (id) ON DELETE CASCADE,
    mail        INTEGER NOT NULL CHECK (mail IN (0, 1)),
    webhook     INTEGER NOT NULL CHECK (webhook IN (0, 1)),
    created_at  INTEGER NOT NULL,
    muted_until INTEGER,
    fired_at    INTEGER,
    firing      INTEGER NOT NULL DEFAULT 0,   -- the share is over its level, and was said to be
    checked_at  INTEGER NOT NULL              -- up to when days were looked at
) STRICT;
CREATE INDEX alerts_account ON alerts (account_id, side, created_at, id);
CREATE INDEX alerts_kind ON alerts (kind, account_id);
CREATE INDEX alerts_days ON alerts (checked_at) WHERE kind IN ('unused', 'expiring');
CREATE INDEX alerts_app ON alerts (app_id) WHERE app_id IS NOT NULL;
CREATE INDEX alerts_key ON alerts (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX alerts_api ON alerts (api_id) WHERE api_id IS NOT NULL;
CREATE INDEX alerts_plan ON alerts (plan_id) WHERE plan_id IS NOT NULL;

-- What was told, so that it is told once: a level of a key's quota in a window.
CREATE TABLE alert_firings (
    alert_id INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    key_id   INTEGER NOT NULL,
    plan_id  INTEGER NOT NULL,
    window   INTEGER NOT NULL,                -- the day on which it begins, or the time that a level of days is about
    level    INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (alert_id, key_id, plan_id, window, level)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_firings_at ON alert_firings (at);

-- What developers are told of without asking: their quotas, and the expiry of their keys. Ids are as models.ID makes them.
INSERT INTO alerts (id, account_id, side, kind, levels, minutes, mail, webhook, created_at, checked_at)
    SELECT 101559956668416 + abs(random() % 3554598483394560), id, 'developer', 'quota', '[50,80,100]', 0, 1, 1, created_at, 0 FROM accounts;
INSERT INTO alerts (id, account_id, side, kind, levels, minutes, mail, webhook, created_at, checked_at)
    SELECT 101559956668416 + abs(random() % 3554598483394560), id, 'developer', 'expiring', '[14,3,1]', 0, 1, 1, created_at,
        CAST(strftime('%s', 'now') AS INTEGER) * 1000 FROM accounts;

-- How far work that goes on in the background has come.
CREATE TABLE progress (
    name TEXT PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
