-- What the migrations amount to, by table. Made by go test ./models/store -run Schema -update; do not edit.

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

CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY,
    email         TEXT NOT NULL,
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('developer', 'owner', 'admin')),
    created_at    INTEGER NOT NULL,
    last_seen_at  INTEGER,
    disabled_at   INTEGER
, rate REAL, burst INTEGER CHECK ((burst IS NULL) = (rate IS NULL)), verified_at INTEGER, deleted_at INTEGER, zone TEXT NOT NULL DEFAULT '', theme TEXT NOT NULL DEFAULT '' CHECK (theme IN ('', 'light', 'dark')), no_keys INTEGER NOT NULL DEFAULT 0 CHECK (no_keys IN (0, 1))) STRICT;

CREATE INDEX accounts_admins ON accounts (id) WHERE role = 'admin';

CREATE INDEX accounts_created ON accounts (created_at, id);

CREATE UNIQUE INDEX accounts_email ON accounts (lower(email));

CREATE INDEX accounts_name ON accounts (name COLLATE NOCASE);

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
, measure TEXT NOT NULL DEFAULT '' CHECK (measure IN ('', 'minutes'))) STRICT;

CREATE INDEX alerts_account ON alerts (account_id, side, created_at, id);

CREATE INDEX alerts_api ON alerts (api_id) WHERE api_id IS NOT NULL;

CREATE INDEX alerts_app ON alerts (app_id) WHERE app_id IS NOT NULL;

CREATE INDEX alerts_days ON alerts (checked_at) WHERE kind IN ('unused', 'expiring');

CREATE INDEX alerts_key ON alerts (key_id) WHERE key_id IS NOT NULL;

CREATE INDEX alerts_kind ON alerts (kind, account_id);

CREATE INDEX alerts_plan ON alerts (plan_id) WHERE plan_id IS NOT NULL;

CREATE TABLE api_parts (
    api_id INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    kind   TEXT NOT NULL CHECK (kind IN ('validator', 'model', 'response')),
    name   TEXT NOT NULL,
    body   TEXT NOT NULL,                      -- JSON
    PRIMARY KEY (api_id, kind, name)
) STRICT;

CREATE TABLE apis (
    id          INTEGER PRIMARY KEY,
    owner_id    INTEGER NOT NULL REFERENCES accounts (id),
    slug        TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    summary     TEXT NOT NULL,
    key_name    TEXT NOT NULL,
    key_forward INTEGER NOT NULL CHECK (key_forward IN (0, 1)),
    undeployed  INTEGER NOT NULL CHECK (undeployed IN (0, 1)),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
, document_id INTEGER REFERENCES documents (id), tags TEXT NOT NULL DEFAULT '', authorizer_id INTEGER REFERENCES authorizers (id), key_place TEXT NOT NULL DEFAULT 'header' CHECK (key_place IN ('header', 'bearer', 'query', 'authorizer')), details TEXT NOT NULL DEFAULT '') STRICT;

CREATE INDEX apis_authorizer ON apis (authorizer_id) WHERE authorizer_id IS NOT NULL;

CREATE INDEX apis_owner ON apis (owner_id, created_at, id);

CREATE TRIGGER resource_tags_api_goes AFTER DELETE ON apis
BEGIN
    DELETE FROM resource_tags WHERE kind = 'restapi' AND object_id = OLD.id;
END;

CREATE TABLE apps (
    id         INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX apps_account ON apps (account_id, created_at, id);

CREATE INDEX apps_name ON apps (name COLLATE NOCASE);

CREATE TABLE authorizers (
    id         INTEGER PRIMARY KEY,
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('jwt', 'http')),
    config     TEXT NOT NULL,                -- JSON
    secret     BLOB,                         -- sealed: what the gateway proves itself with; NULL: nothing
    epoch      INTEGER NOT NULL,             -- of the answers that may be used again
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (api_id, name)
) STRICT;

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

CREATE TABLE "changes" (
    version INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL CHECK (kind IN ('topology', 'plan', 'key', 'import')),
    id      INTEGER NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

CREATE TABLE client_certificates (
    id         INTEGER PRIMARY KEY,
    owner_id   INTEGER NOT NULL REFERENCES accounts (id),
    name       TEXT NOT NULL,
    made       INTEGER NOT NULL CHECK (made IN (0, 1)), -- here; 0: its owner brought it
    chain      TEXT NOT NULL,
    key        BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX client_certificates_owner ON client_certificates (owner_id, created_at, id);

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

CREATE INDEX customer_weeks_growth ON customer_weeks (owner_id, growth, customer_id);

CREATE INDEX customer_weeks_most ON customer_weeks (owner_id, requests DESC, customer_id);

CREATE INDEX customer_weeks_share ON customer_weeks (owner_id, share DESC, customer_id);

CREATE INDEX customer_weeks_throttled ON customer_weeks (owner_id, throttled DESC, customer_id);

CREATE TABLE customers (
    owner_id   INTEGER NOT NULL REFERENCES accounts (id),
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    since      INTEGER NOT NULL,
    PRIMARY KEY (owner_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX customers_since ON customers (owner_id, since, account_id);

CREATE TABLE deployments (
    id          INTEGER PRIMARY KEY,
    api_id      INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    note        TEXT NOT NULL,
    methods     TEXT NOT NULL,                -- JSON
    key_place   TEXT NOT NULL,
    key_name    TEXT NOT NULL,
    key_forward INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL, document_id INTEGER REFERENCES documents (id), parts TEXT NOT NULL DEFAULT '',
    UNIQUE (api_id, number)
) STRICT;

CREATE INDEX deployments_document ON deployments (document_id);

CREATE TRIGGER deployments_frozen BEFORE UPDATE OF id, api_id, number, methods, parts, key_place, key_name, key_forward, created_at, created_by, document_id ON deployments
BEGIN
    SELECT RAISE (ABORT, 'a deployment never changes');
END;

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

CREATE TABLE digests (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    due_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX digests_due ON digests (due_at, account_id);

CREATE TABLE document_changes (
    id          INTEGER PRIMARY KEY,
    api_id      INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'imported')),
    file        TEXT NOT NULL,    -- its name; '' for what was pasted
    draft       TEXT NOT NULL,    -- digest of the draft with which it was compared
    made_at     INTEGER NOT NULL,
    made_by     TEXT NOT NULL,
    imported_at INTEGER,
    diff        BLOB NOT NULL,    -- of models/openapi/diff, JSON, compressed with gzip
    document    BLOB,             -- as in documents
    reading     BLOB,
    CHECK ((state = 'imported') = (imported_at IS NOT NULL)),
    CHECK ((state = 'waiting') = (document IS NOT NULL AND reading IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX document_changes_api ON document_changes (api_id, state);

CREATE TABLE documents (
    id         INTEGER PRIMARY KEY,
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    document   BLOB NOT NULL,    -- as uploaded; compressed with gzip where it begins so
    reading    BLOB,             -- what was read from it, a pack of models/openapi; NULL: it is to be read (again)
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX documents_api ON documents (api_id);

CREATE INDEX documents_unread ON documents (id) WHERE reading IS NULL;

CREATE TABLE domains (
    id           INTEGER PRIMARY KEY,
    stage_id     INTEGER NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
    host         TEXT NOT NULL,
    base_path    TEXT NOT NULL,
    proof        TEXT NOT NULL,
    active_since INTEGER,
    approved_by  TEXT NOT NULL DEFAULT '',
    checked_at   INTEGER NOT NULL DEFAULT 0,
    problem      TEXT NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    UNIQUE (stage_id, host)
) STRICT;

CREATE UNIQUE INDEX domains_active ON domains (host) WHERE active_since IS NOT NULL;

CREATE INDEX domains_checked ON domains (checked_at);

CREATE INDEX domains_created ON domains (created_at, id);

CREATE TABLE events (
    id          INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    actor_id    INTEGER NOT NULL,             -- 0: the operator or the system
    action      TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id   TEXT NOT NULL,
    object_name TEXT NOT NULL,
    owner_id    INTEGER NOT NULL,             -- 0: nobody's
    before      TEXT,
    after       TEXT,
    address     TEXT NOT NULL,
    request_id  TEXT NOT NULL
, credential TEXT) STRICT;

CREATE INDEX events_actor ON events (actor_id, at, id);

CREATE INDEX events_actor_name ON events (actor COLLATE NOCASE);

CREATE INDEX events_at ON events (at, id, action, actor);

CREATE INDEX events_credential ON events (credential, at, id) WHERE credential IS NOT NULL;

CREATE INDEX events_object ON events (object_id, at, id);

CREATE INDEX events_owner ON events (owner_id, at, id, action, actor);

CREATE TRIGGER events_frozen BEFORE UPDATE ON events WHEN NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.actor_id <> OLD.actor_id OR NEW.action <> OLD.action OR NEW.object_kind <> OLD.object_kind
    OR NEW.object_id <> OLD.object_id OR NEW.owner_id <> OLD.owner_id OR NEW.request_id <> OLD.request_id OR NEW.actor NOT IN (OLD.actor, 'deleted account') OR NEW.address NOT IN (OLD.address, '')
    OR NEW.object_name NOT IN (OLD.object_name, '') OR NEW.before IS NOT NULL AND NEW.before IS NOT OLD.before OR NEW.after IS NOT NULL AND NEW.after IS NOT OLD.after
    OR NEW.credential IS NOT OLD.credential
BEGIN
    SELECT RAISE (ABORT, 'an event never changes');
END;

CREATE TABLE guides (
    id         INTEGER PRIMARY KEY,
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    slug       TEXT NOT NULL,
    title      TEXT NOT NULL,
    text       TEXT NOT NULL,                 -- Markdown
    published  INTEGER NOT NULL CHECK (published IN (0, 1)),
    position   INTEGER NOT NULL,              -- 0 is the first
    version    INTEGER NOT NULL,              -- counts the edits
    created_at INTEGER NOT NULL,
    edited_at  INTEGER NOT NULL,
    edited_by  TEXT NOT NULL,
    UNIQUE (api_id, slug)
) STRICT;

CREATE INDEX guides_order ON guides (api_id, position, id);

CREATE TABLE import_lines (
    import_id INTEGER NOT NULL REFERENCES imports (id),
    line      INTEGER NOT NULL,
    outcome   TEXT NOT NULL,
    key_id    INTEGER,
    message   TEXT NOT NULL,
    PRIMARY KEY (import_id, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE import_undo (
    import_id INTEGER NOT NULL REFERENCES imports (id),
    key_id    INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    before    TEXT NOT NULL,                  -- JSON
    after     TEXT NOT NULL,                  -- JSON
    PRIMARY KEY (import_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX import_undo_key ON import_undo (key_id);

CREATE TABLE imports (
    id         INTEGER PRIMARY KEY,
    owner_id   INTEGER NOT NULL REFERENCES accounts (id),
    file       TEXT NOT NULL,                 -- its name
    bytes      INTEGER NOT NULL,
    skip_bad   INTEGER NOT NULL CHECK (skip_bad IN (0, 1)),
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'checking', 'checked', 'writing', 'undoing', 'done', 'failed', 'cancelled')),
    hides      INTEGER NOT NULL CHECK (hides IN (0, 1)), -- the keys that it made are there for nobody yet
    ends_as    TEXT NOT NULL CHECK (ends_as IN ('done', 'failed', 'cancelled')),
    reason     TEXT NOT NULL,
    columns    TEXT NOT NULL,                 -- JSON
    created    INTEGER NOT NULL,              -- lines, by what becomes of them
    updated    INTEGER NOT NULL,
    unchanged  INTEGER NOT NULL,
    bad        INTEGER NOT NULL,
    written    INTEGER NOT NULL,              -- of created + updated
    actor      TEXT NOT NULL,                 -- who brought it
    address    TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at   INTEGER
, caller_until INTEGER) STRICT;

CREATE INDEX imports_created ON imports (created_at, id);

CREATE INDEX imports_hiding ON imports (hides) WHERE hides = 1;

CREATE INDEX imports_open ON imports (state, created_at, id) WHERE ended_at IS NULL;

CREATE INDEX imports_owner ON imports (owner_id, created_at, id);

CREATE TABLE journal (
    holder   INTEGER PRIMARY KEY,
    segment  INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    boot     TEXT NOT NULL,
    starting TEXT NOT NULL,
    ordered  INTEGER NOT NULL CHECK (ordered IN (0, 1)),
    epoch    INTEGER NOT NULL                 -- of the newest start
, mark INTEGER NOT NULL DEFAULT 0, behind INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE key_secrets (
    digest     BLOB PRIMARY KEY,              -- HMAC-SHA-256 of the value, by the keyring
    key_id     INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    is_current INTEGER NOT NULL CHECK (is_current IN (0, 1)),
    hint       TEXT NOT NULL,                 -- first four + "…" + last four
    last4      TEXT NOT NULL,
    sealed     BLOB,                          -- the value, sealed; NULL: shown once and forgotten
    created_at INTEGER NOT NULL,
    stops_at   INTEGER
, unused_since INTEGER) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX key_secrets_current ON key_secrets (key_id) WHERE is_current = 1;

CREATE INDEX key_secrets_key ON key_secrets (key_id, stops_at);

CREATE INDEX key_secrets_last4 ON key_secrets (last4);

CREATE INDEX key_secrets_old ON key_secrets (stops_at) WHERE is_current = 0;

CREATE INDEX key_secrets_unused ON key_secrets (unused_since) WHERE unused_since IS NOT NULL;

CREATE TABLE "key_stages" (
    key_id   INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    stage_id INTEGER NOT NULL,                -- may be gone
    plan_id  INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    PRIMARY KEY (key_id, stage_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX key_stages_plan ON key_stages (plan_id, stage_id);

CREATE TRIGGER key_stages_give_way BEFORE INSERT ON key_stages
BEGIN
    DELETE FROM key_stages WHERE key_id = NEW.key_id AND stage_id = NEW.stage_id AND plan_id <> NEW.plan_id
        AND ((SELECT p.ended FROM plans p WHERE p.id = key_stages.plan_id) = 1
            OR NOT EXISTS (SELECT 1 FROM plan_stages ps WHERE ps.plan_id = key_stages.plan_id AND ps.stage_id = key_stages.stage_id));
END;

CREATE TRIGGER key_stages_while_opening AFTER DELETE ON key_stages WHEN EXISTS (SELECT 1 FROM plan_openings WHERE plan_id = OLD.plan_id AND stage_id = OLD.stage_id)
BEGIN
    INSERT OR IGNORE INTO opening_keys (plan_id, key_id) VALUES (OLD.plan_id, OLD.key_id);
END;

CREATE TABLE keys (
    id           INTEGER PRIMARY KEY,
    owner_id     INTEGER REFERENCES accounts (id), -- an owner's own key, made for a customer
    app_id       INTEGER REFERENCES apps (id),     -- a developer's key
    name         TEXT NOT NULL,
    description  TEXT NOT NULL,
    customer_id  TEXT NOT NULL,
    enabled      INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    source       TEXT NOT NULL CHECK (source IN ('generated', 'imported')),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    rotated_at   INTEGER,
    last_used_at INTEGER, import_id INTEGER REFERENCES imports (id), updated_at INTEGER, unnamed INTEGER NOT NULL DEFAULT 0 CHECK (unnamed IN (0, 1)), deleted_at INTEGER,
    CHECK ((owner_id IS NULL) <> (app_id IS NULL))
) STRICT;

CREATE INDEX keys_app ON keys (app_id, created_at, id) WHERE app_id IS NOT NULL;

CREATE INDEX keys_customer ON keys (owner_id, customer_id COLLATE NOCASE) WHERE customer_id <> '';

CREATE INDEX keys_disabled ON keys (owner_id) WHERE enabled = 0;

CREATE INDEX keys_expiry ON keys (owner_id, expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX keys_import ON keys (import_id, id) WHERE import_id IS NOT NULL;

CREATE INDEX keys_name ON keys (owner_id, name COLLATE NOCASE);

CREATE INDEX keys_owner ON keys (owner_id, created_at, id) WHERE owner_id IS NOT NULL;

CREATE INDEX keys_revoked ON keys (owner_id) WHERE revoked_at IS NOT NULL;

CREATE TRIGGER resource_tags_key_goes AFTER DELETE ON keys
BEGIN
    DELETE FROM resource_tags WHERE kind = 'apikey' AND object_id = OLD.id;
END;

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

CREATE INDEX limit_overrides_plan ON limit_overrides (plan_id, key_id);

CREATE INDEX limit_overrides_subscription ON limit_overrides (subscription_id) WHERE subscription_id IS NOT NULL;

CREATE TRIGGER limit_overrides_gone AFTER DELETE ON limit_overrides WHEN OLD.quota_limit IS NOT NULL
BEGIN
    UPDATE quota_buckets SET epoch = -1 WHERE key_id = OLD.key_id AND plan_id = OLD.plan_id;
END;

CREATE TABLE "links" (
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

CREATE INDEX links_account ON links (account_id) WHERE account_id IS NOT NULL;

CREATE INDEX links_created ON links (created_at, id);

CREATE INDEX links_email ON links (lower(email));

CREATE TABLE look (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    version  INTEGER NOT NULL,
    name     TEXT NOT NULL,                   -- '': Gatehouse
    accent   TEXT NOT NULL,                   -- #rrggbb, in the light theme; '': as it comes
    logo     TEXT NOT NULL,                   -- hash of a file; '': none
    icon     TEXT NOT NULL,
    headline TEXT NOT NULL,
    intro    TEXT NOT NULL                    -- Markdown
) STRICT;

CREATE TABLE look_files (
    hash TEXT PRIMARY KEY,                    -- of the body
    body BLOB NOT NULL,                       -- PNG
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mail_refusals (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    topic      TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (account_id, topic)
) STRICT, WITHOUT ROWID;

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

CREATE INDEX messages_account ON messages (account_id, channel, created_at, kind);

CREATE INDEX messages_claim ON messages (claim) WHERE claim <> 0;

CREATE UNIQUE INDEX messages_dedupe ON messages (dedupe) WHERE dedupe IS NOT NULL;

CREATE INDEX messages_done ON messages (done_at) WHERE done_at IS NOT NULL;

CREATE INDEX messages_due ON messages (channel, due_at, id) WHERE due_at IS NOT NULL;

CREATE INDEX messages_gather ON messages (account_id, kind, due_at) WHERE channel = 'mail' AND due_at IS NOT NULL;

CREATE INDEX messages_lead ON messages (lead_id) WHERE lead_id IS NOT NULL;

CREATE INDEX messages_newest ON messages (channel, created_at, id);

CREATE INDEX messages_webhook ON messages (webhook_id, created_at, id) WHERE webhook_id IS NOT NULL;

CREATE TABLE methods (
    id           INTEGER PRIMARY KEY,
    api_id       INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    verb         TEXT NOT NULL,
    path         TEXT NOT NULL,
    summary      TEXT NOT NULL,
    key_required INTEGER NOT NULL CHECK (key_required IN (0, 1)),
    position     INTEGER NOT NULL,            -- order of the document
    removed_at   INTEGER, authorizer_id INTEGER REFERENCES authorizers (id), no_authorizer INTEGER NOT NULL DEFAULT 0 CHECK (no_authorizer IN (0, 1)), scopes TEXT NOT NULL DEFAULT '', details TEXT NOT NULL DEFAULT '',                     -- kept, so that usage keeps its name and the id comes back with the method
    UNIQUE (api_id, verb, path)
) STRICT;

CREATE INDEX methods_authorizer ON methods (authorizer_id) WHERE authorizer_id IS NOT NULL;

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

CREATE TABLE old_value_callers (
    digest     BLOB NOT NULL REFERENCES key_secrets (digest) ON DELETE CASCADE,
    address    TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    requests   INTEGER NOT NULL,
    PRIMARY KEY (digest, address, user_agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE opening_keys (
    plan_id INTEGER NOT NULL,
    key_id  INTEGER NOT NULL,
    PRIMARY KEY (plan_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE plan_counts (
    plan_id     INTEGER PRIMARY KEY REFERENCES plans (id) ON DELETE CASCADE,
    keys        INTEGER NOT NULL DEFAULT 0,   -- rows of plan_keys
    subscribers INTEGER NOT NULL DEFAULT 0,   -- open subscriptions
    waiting     INTEGER NOT NULL DEFAULT 0    -- of them pending
) STRICT;

CREATE TABLE plan_invitations (
    plan_id INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    email   TEXT NOT NULL,                    -- lower case
    PRIMARY KEY (plan_id, email)
) STRICT, WITHOUT ROWID;

CREATE INDEX plan_invitations_email ON plan_invitations (email);

CREATE TABLE plan_joining (
    plan_id      INTEGER PRIMARY KEY REFERENCES plans (id) ON DELETE CASCADE,
    questions    TEXT NOT NULL,               -- JSON
    terms        INTEGER NOT NULL,            -- version of its text in plan_texts; 0: none is asked for
    carries      INTEGER NOT NULL CHECK (carries IN (0, 1)),      -- who changes to the plan brings what he used along
    waiting_list INTEGER NOT NULL CHECK (waiting_list IN (0, 1))  -- a plan by invitation stands in the catalog, and can be asked for
) STRICT;

CREATE TABLE plan_keys (
    plan_id         INTEGER NOT NULL REFERENCES plans (id),
    key_id          INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    subscription_id INTEGER REFERENCES subscriptions (id),
    blocked         INTEGER NOT NULL CHECK (blocked IN (0, 1)),
    added_at        INTEGER NOT NULL, carry_plans TEXT, carry_day INTEGER,
    PRIMARY KEY (plan_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX plan_keys_blocked ON plan_keys (plan_id, key_id) WHERE blocked = 1;

CREATE INDEX plan_keys_key ON plan_keys (key_id, plan_id, blocked, subscription_id);

CREATE INDEX plan_keys_newest ON plan_keys (plan_id, added_at, key_id);

CREATE INDEX plan_keys_subscribed ON plan_keys (plan_id, added_at, key_id) WHERE subscription_id IS NOT NULL;

CREATE INDEX plan_keys_subscription ON plan_keys (subscription_id);

CREATE TRIGGER plan_counts_key_comes AFTER INSERT ON plan_keys
BEGIN
    INSERT INTO plan_counts (plan_id, keys) VALUES (NEW.plan_id, 1) ON CONFLICT (plan_id) DO UPDATE SET keys = keys + 1;
END;

CREATE TRIGGER plan_counts_key_goes AFTER DELETE ON plan_keys
BEGIN
    UPDATE plan_counts SET keys = keys - 1 WHERE plan_id = OLD.plan_id;
END;

CREATE TRIGGER plan_keys_while_opening AFTER INSERT ON plan_keys WHEN EXISTS (SELECT 1 FROM plan_openings WHERE plan_id = NEW.plan_id)
BEGIN
    INSERT OR IGNORE INTO opening_keys (plan_id, key_id) VALUES (NEW.plan_id, NEW.key_id);
END;

CREATE TABLE plan_openings (
    plan_id  INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    stage_id INTEGER NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
    PRIMARY KEY (plan_id, stage_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX plan_openings_stage ON plan_openings (stage_id);

CREATE TABLE plan_stages (
    plan_id  INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    stage_id INTEGER NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
    PRIMARY KEY (plan_id, stage_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX plan_stages_stage ON plan_stages (stage_id);

CREATE TABLE plan_texts (
    plan_id  INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    version  INTEGER NOT NULL,
    text     TEXT NOT NULL,                   -- Markdown
    set_by   TEXT NOT NULL,
    set_at   INTEGER NOT NULL,
    PRIMARY KEY (plan_id, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER plan_texts_frozen BEFORE UPDATE ON plan_texts
BEGIN
    SELECT RAISE (ABORT, 'terms of use never change');
END;

CREATE TABLE plan_versions (
    plan_id      INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    version      INTEGER NOT NULL,
    terms        TEXT NOT NULL,               -- JSON
    published_at INTEGER NOT NULL,
    published_by TEXT NOT NULL,
    PRIMARY KEY (plan_id, version)
) STRICT, WITHOUT ROWID;

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

CREATE INDEX plan_waiting_account ON plan_waiting (account_id);

CREATE INDEX plan_waiting_state ON plan_waiting (plan_id, state, asked_at);

CREATE TABLE plans (
    id           INTEGER PRIMARY KEY,
    owner_id     INTEGER NOT NULL REFERENCES accounts (id),
    state        TEXT NOT NULL CHECK (state IN ('draft', 'published', 'retired')),
    name         TEXT NOT NULL,               -- in force, or the draft's before the first publication
    version      INTEGER NOT NULL,            -- in force; 0: none
    draft        TEXT,                        -- terms, JSON
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    published_at INTEGER,
    retired_at   INTEGER
, quota_limit INTEGER, quota_period INTEGER, quota_offset INTEGER, quota_epoch INTEGER NOT NULL DEFAULT 0, quota_day INTEGER NOT NULL DEFAULT 0, ends_at INTEGER, ended INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1)), draft_by TEXT, draft_at INTEGER, unfinished INTEGER NOT NULL DEFAULT 0 CHECK (unfinished IN (0, 1)), publish_at INTEGER, publish_by TEXT NOT NULL DEFAULT '', publish_failed TEXT NOT NULL DEFAULT '', product_code TEXT NOT NULL DEFAULT '', deleted_at INTEGER) STRICT;

CREATE INDEX plans_ending ON plans (ends_at) WHERE ended = 0 AND ends_at IS NOT NULL;

CREATE INDEX plans_owner ON plans (owner_id, created_at, id);

CREATE INDEX plans_scheduled ON plans (publish_at) WHERE publish_at IS NOT NULL;

CREATE INDEX plans_unfinished ON plans (id) WHERE unfinished = 1;

CREATE TRIGGER resource_tags_plan_goes AFTER DELETE ON plans
BEGIN
    DELETE FROM resource_tags WHERE kind = 'usageplan' AND object_id = OLD.id;
END;

CREATE TABLE progress (
    name TEXT PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE TABLE quota_days (
    key_id  INTEGER NOT NULL,
    plan_id INTEGER NOT NULL,
    day     INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    PRIMARY KEY (key_id, plan_id, day)
) STRICT, WITHOUT ROWID;

CREATE INDEX quota_days_day ON quota_days (day);

CREATE TABLE quota_extensions (
    form    TEXT PRIMARY KEY,
    key_id  INTEGER NOT NULL,
    plan_id INTEGER NOT NULL,
    extra   INTEGER NOT NULL,                 -- the change
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX quota_extensions_at ON quota_extensions (at);

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

CREATE INDEX quota_holders_open ON quota_holders (period, "offset", window) WHERE granted <> used - refunded;

CREATE TABLE releases (
    stage_id      INTEGER NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
    at            INTEGER NOT NULL,
    deployment_id INTEGER NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    released_by   TEXT NOT NULL,
    PRIMARY KEY (stage_id, at)
) STRICT, WITHOUT ROWID;

CREATE INDEX releases_deployment ON releases (deployment_id);

CREATE TABLE resource_tags (
    kind      TEXT NOT NULL CHECK (kind IN ('restapi', 'stage', 'apikey', 'usageplan')),
    object_id INTEGER NOT NULL,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (kind, object_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE resources (
    api_id INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    id     INTEGER NOT NULL,
    path   TEXT,                               -- NULL: it is gone, and its id is not given again
    PRIMARY KEY (api_id, id),
    UNIQUE (api_id, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE secret_slots (
    session_digest BLOB NOT NULL REFERENCES sessions (digest) ON DELETE CASCADE,
    key_id         INTEGER NOT NULL,
    sealed         BLOB NOT NULL,
    expires_at     INTEGER NOT NULL,
    PRIMARY KEY (session_digest, key_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX secret_slots_expiry ON secret_slots (expires_at);

CREATE TABLE sessions (
    digest     BLOB PRIMARY KEY,              -- HMAC-SHA-256 of the cookie's token, by the keyring
    handle     TEXT NOT NULL,                 -- names the session on a page
    account_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    data       BLOB NOT NULL,                 -- the session's values, sealed with the keyring
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    user_agent TEXT NOT NULL,
    address    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_account ON sessions (account_id, created_at);

CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE staged_usage (
    holder INTEGER PRIMARY KEY,
    batch  BLOB NOT NULL,      -- models.UsageBatch by encoding/gob
    added  INTEGER NOT NULL    -- parts that are in the tables
) STRICT;

CREATE TABLE stages (
    id            INTEGER PRIMARY KEY,
    api_id        INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    upstream      TEXT NOT NULL,
    rate          REAL,
    burst         INTEGER,
    timeout_ms    INTEGER NOT NULL,
    deployment_id INTEGER REFERENCES deployments (id),
    deployed_at   INTEGER,
    created_at    INTEGER NOT NULL, settings TEXT NOT NULL DEFAULT '{}', canary_id INTEGER REFERENCES deployments (id), certificate_id INTEGER REFERENCES client_certificates (id), updated_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (api_id, name),
    CHECK ((rate IS NULL) = (burst IS NULL))
) STRICT;

CREATE INDEX stages_canary ON stages (canary_id);

CREATE INDEX stages_certificate ON stages (certificate_id) WHERE certificate_id IS NOT NULL;

CREATE INDEX stages_deployment ON stages (deployment_id);

CREATE TRIGGER resource_tags_stage_goes AFTER DELETE ON stages
BEGIN
    DELETE FROM resource_tags WHERE kind = 'stage' AND object_id = OLD.id;
END;

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

CREATE TRIGGER statement_lines_frozen_delete BEFORE DELETE ON statement_lines WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

CREATE TRIGGER statement_lines_frozen_insert BEFORE INSERT ON statement_lines WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = NEW.owner_id AND month = NEW.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

CREATE TRIGGER statement_lines_frozen_update BEFORE UPDATE ON statement_lines WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

CREATE TABLE statement_months (
    owner_id  INTEGER NOT NULL,
    month     INTEGER NOT NULL,               -- Unix day of its first
    closed_at INTEGER NOT NULL,
    PRIMARY KEY (owner_id, month)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER statement_months_frozen BEFORE UPDATE ON statement_months
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

CREATE TRIGGER statement_months_kept BEFORE DELETE ON statement_months
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

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

CREATE TRIGGER statement_operations_frozen_delete BEFORE DELETE ON statement_operations WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

CREATE TRIGGER statement_operations_frozen_insert BEFORE INSERT ON statement_operations WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = NEW.owner_id AND month = NEW.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

CREATE TRIGGER statement_operations_frozen_update BEFORE UPDATE ON statement_operations WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

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

CREATE INDEX statements_account ON statements (account_id, month, owner_id) WHERE account_id <> 0;

CREATE INDEX statements_most ON statements (owner_id, month, charged DESC, customer_id);

CREATE TRIGGER statements_frozen_delete BEFORE DELETE ON statements WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

CREATE TRIGGER statements_frozen_insert BEFORE INSERT ON statements WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = NEW.owner_id AND month = NEW.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

CREATE TRIGGER statements_frozen_update BEFORE UPDATE ON statements WHEN EXISTS (SELECT 1 FROM statement_months WHERE owner_id = OLD.owner_id AND month = OLD.month)
BEGIN
    SELECT RAISE (ABORT, 'a closed month never changes');
END;

CREATE TABLE subscription_answers (
    subscription_id INTEGER PRIMARY KEY REFERENCES subscriptions (id) ON DELETE CASCADE,
    answers         TEXT NOT NULL,            -- JSON: questions with their answers
    plan_id         INTEGER,                  -- whose terms were accepted; NULL: there were none
    terms           INTEGER,
    at              INTEGER NOT NULL,
    FOREIGN KEY (plan_id, terms) REFERENCES plan_texts (plan_id, version)
) STRICT;

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

CREATE TABLE subscriptions (
    id           INTEGER PRIMARY KEY,
    app_id       INTEGER NOT NULL REFERENCES apps (id),
    plan_id      INTEGER NOT NULL REFERENCES plans (id),
    state        TEXT NOT NULL CHECK (state IN ('pending', 'active', 'suspended', 'refused', 'ended')),
    message      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    decided_at   INTEGER,
    ended_at     INTEGER
) STRICT;

CREATE INDEX subscriptions_app ON subscriptions (app_id, requested_at);

CREATE INDEX subscriptions_ended ON subscriptions (plan_id, ended_at) WHERE ended_at IS NOT NULL;

CREATE UNIQUE INDEX subscriptions_open ON subscriptions (app_id, plan_id) WHERE state IN ('pending', 'active', 'suspended');

CREATE INDEX subscriptions_plan ON subscriptions (plan_id, state, requested_at, id);

CREATE TRIGGER customers_come AFTER INSERT ON subscriptions
BEGIN
    INSERT OR IGNORE INTO customers (owner_id, account_id, since)
    SELECT p.owner_id, a.account_id, NEW.requested_at FROM plans p, apps a WHERE p.id = NEW.plan_id AND a.id = NEW.app_id;
END;

CREATE TRIGGER plan_counts_subscription_changes AFTER UPDATE OF state ON subscriptions
BEGIN
    UPDATE plan_counts SET
        subscribers = subscribers - (OLD.state IN ('pending', 'active', 'suspended')) + (NEW.state IN ('pending', 'active', 'suspended')),
        waiting = waiting - (OLD.state = 'pending') + (NEW.state = 'pending')
    WHERE plan_id = NEW.plan_id;
END;

CREATE TRIGGER plan_counts_subscription_comes AFTER INSERT ON subscriptions
BEGIN
    INSERT INTO plan_counts (plan_id, subscribers, waiting)
        VALUES (NEW.plan_id, NEW.state IN ('pending', 'active', 'suspended'), NEW.state = 'pending')
        ON CONFLICT (plan_id) DO UPDATE SET subscribers = subscribers + excluded.subscribers, waiting = waiting + excluded.waiting;
END;

CREATE TRIGGER plan_counts_subscription_goes AFTER DELETE ON subscriptions
BEGIN
    UPDATE plan_counts SET subscribers = subscribers - (OLD.state IN ('pending', 'active', 'suspended')), waiting = waiting - (OLD.state = 'pending')
    WHERE plan_id = OLD.plan_id;
END;

CREATE TABLE "throttle_levels" (
    key_id     INTEGER NOT NULL,
    plan_id    INTEGER NOT NULL,
    stage_id   INTEGER NOT NULL,
    method_id  INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    tat        INTEGER NOT NULL,
    full_at    INTEGER NOT NULL, -- Unix nanoseconds
    PRIMARY KEY (key_id, plan_id, stage_id, method_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX throttle_levels_full ON throttle_levels (full_at);

CREATE TABLE usage_callers (
    method_id INTEGER NOT NULL,
    stage_id  INTEGER NOT NULL,
    key_id    INTEGER NOT NULL,
    last      INTEGER NOT NULL,               -- Unix seconds
    PRIMARY KEY (method_id, stage_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_callers_last ON usage_callers (last);

CREATE INDEX usage_callers_method ON usage_callers (method_id, last, key_id);

CREATE INDEX usage_callers_stage ON usage_callers (stage_id, last, key_id);

CREATE TABLE usage_customers (
    id         INTEGER PRIMARY KEY,
    owner_id   INTEGER NOT NULL,              -- 0: a developer on no plan, who was refused
    account_id INTEGER NOT NULL,              -- 0: of the owner's own keys
    name       TEXT NOT NULL,                 -- the reference; '' for keys without one, and for developers
    UNIQUE (owner_id, account_id, name)
) STRICT;

CREATE INDEX usage_customers_account ON usage_customers (account_id, id);

CREATE INDEX usage_customers_name ON usage_customers (owner_id, name COLLATE NOCASE, id) WHERE account_id = 0;

CREATE TABLE usage_days (
    kind INTEGER NOT NULL, id INTEGER NOT NULL, start INTEGER NOT NULL,
    plan_id INTEGER NOT NULL, stage_id INTEGER NOT NULL, method_id INTEGER NOT NULL,
    o0 INTEGER NOT NULL, o1 INTEGER NOT NULL, o2 INTEGER NOT NULL, o3 INTEGER NOT NULL, o4 INTEGER NOT NULL,
    o5 INTEGER NOT NULL, o6 INTEGER NOT NULL, o7 INTEGER NOT NULL, o8 INTEGER NOT NULL, o9 INTEGER NOT NULL,
    bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, throttled_seconds INTEGER NOT NULL,
    l0 INTEGER NOT NULL, l1 INTEGER NOT NULL, l2 INTEGER NOT NULL, l3 INTEGER NOT NULL, l4 INTEGER NOT NULL,
    l5 INTEGER NOT NULL, l6 INTEGER NOT NULL, l7 INTEGER NOT NULL, l8 INTEGER NOT NULL, l9 INTEGER NOT NULL,
    l10 INTEGER NOT NULL, l11 INTEGER NOT NULL, l12 INTEGER NOT NULL, l13 INTEGER NOT NULL, l14 INTEGER NOT NULL,
    l15 INTEGER NOT NULL, l16 INTEGER NOT NULL, l17 INTEGER NOT NULL, l18 INTEGER NOT NULL, l19 INTEGER NOT NULL, upstream_us INTEGER NOT NULL DEFAULT 0, gateway_us INTEGER NOT NULL DEFAULT 0, timed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id, start, plan_id, stage_id, method_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_days_start ON usage_days (start);

CREATE TABLE usage_half_hours (
    kind INTEGER NOT NULL, id INTEGER NOT NULL, start INTEGER NOT NULL,
    plan_id INTEGER NOT NULL, stage_id INTEGER NOT NULL, method_id INTEGER NOT NULL,
    o0 INTEGER NOT NULL, o1 INTEGER NOT NULL, o2 INTEGER NOT NULL, o3 INTEGER NOT NULL, o4 INTEGER NOT NULL,
    o5 INTEGER NOT NULL, o6 INTEGER NOT NULL, o7 INTEGER NOT NULL, o8 INTEGER NOT NULL, o9 INTEGER NOT NULL,
    bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, throttled_seconds INTEGER NOT NULL,
    l0 INTEGER NOT NULL, l1 INTEGER NOT NULL, l2 INTEGER NOT NULL, l3 INTEGER NOT NULL, l4 INTEGER NOT NULL,
    l5 INTEGER NOT NULL, l6 INTEGER NOT NULL, l7 INTEGER NOT NULL, l8 INTEGER NOT NULL, l9 INTEGER NOT NULL,
    l10 INTEGER NOT NULL, l11 INTEGER NOT NULL, l12 INTEGER NOT NULL, l13 INTEGER NOT NULL, l14 INTEGER NOT NULL,
    l15 INTEGER NOT NULL, l16 INTEGER NOT NULL, l17 INTEGER NOT NULL, l18 INTEGER NOT NULL, l19 INTEGER NOT NULL, upstream_us INTEGER NOT NULL DEFAULT 0, gateway_us INTEGER NOT NULL DEFAULT 0, timed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id, start, plan_id, stage_id, method_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_half_hours_start ON usage_half_hours (start);

CREATE TABLE usage_key_months (
    plan_id  INTEGER NOT NULL,
    month    INTEGER NOT NULL,                -- Unix day of the month's first
    key_id   INTEGER NOT NULL,
    requests INTEGER NOT NULL,                -- admitted
    refused  INTEGER NOT NULL, owner_id INTEGER NOT NULL DEFAULT 0, customer_id INTEGER NOT NULL DEFAULT 0, charged INTEGER,
    PRIMARY KEY (plan_id, month, key_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_key_months_busiest ON usage_key_months (plan_id, month, requests DESC, key_id);

CREATE INDEX usage_key_months_customer ON usage_key_months (owner_id, month, customer_id, plan_id, key_id);

CREATE INDEX usage_key_months_unknown ON usage_key_months (owner_id, month) WHERE charged IS NULL;

CREATE TABLE usage_minutes (
    kind INTEGER NOT NULL, id INTEGER NOT NULL, start INTEGER NOT NULL,
    plan_id INTEGER NOT NULL, stage_id INTEGER NOT NULL, method_id INTEGER NOT NULL,
    o0 INTEGER NOT NULL, o1 INTEGER NOT NULL, o2 INTEGER NOT NULL, o3 INTEGER NOT NULL, o4 INTEGER NOT NULL,
    o5 INTEGER NOT NULL, o6 INTEGER NOT NULL, o7 INTEGER NOT NULL, o8 INTEGER NOT NULL, o9 INTEGER NOT NULL,
    bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, throttled_seconds INTEGER NOT NULL,
    l0 INTEGER NOT NULL, l1 INTEGER NOT NULL, l2 INTEGER NOT NULL, l3 INTEGER NOT NULL, l4 INTEGER NOT NULL,
    l5 INTEGER NOT NULL, l6 INTEGER NOT NULL, l7 INTEGER NOT NULL, l8 INTEGER NOT NULL, l9 INTEGER NOT NULL,
    l10 INTEGER NOT NULL, l11 INTEGER NOT NULL, l12 INTEGER NOT NULL, l13 INTEGER NOT NULL, l14 INTEGER NOT NULL,
    l15 INTEGER NOT NULL, l16 INTEGER NOT NULL, l17 INTEGER NOT NULL, l18 INTEGER NOT NULL, l19 INTEGER NOT NULL, upstream_us INTEGER NOT NULL DEFAULT 0, gateway_us INTEGER NOT NULL DEFAULT 0, timed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id, start, plan_id, stage_id, method_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_minutes_start ON usage_minutes (start);

CREATE TABLE usage_open (
    key_id    INTEGER NOT NULL,
    plan_id   INTEGER NOT NULL,
    stage_id  INTEGER NOT NULL,
    method_id INTEGER NOT NULL,
    minute    INTEGER NOT NULL,
    n         INTEGER NOT NULL,
    PRIMARY KEY (key_id, plan_id, stage_id, method_id, minute)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_open_none ON usage_open (n) WHERE n = 0;

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
