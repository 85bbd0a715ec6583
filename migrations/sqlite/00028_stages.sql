-- +goose Up

-- How a stage proxies, beyond upstream, timeout and throttle: models.StageSettings as JSON. The deployment of its canary stands beside them, so that it can
-- be joined.
ALTER TABLE stages ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE stages ADD COLUMN canary_id INTEGER REFERENCES deployments (id);

CREATE INDEX stages_canary ON stages (canary_id);

-- What a gateway shows upstreams that ask who calls. The key is PKCS #8 in PEM, sealed.
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

-- Beside the settings for the same reason as canary_id, and so that none is deleted that a stage shows.
ALTER TABLE stages ADD COLUMN certificate_id INTEGER REFERENCES client_certificates (id);
CREATE INDEX stages_certificate ON stages (certificate_id) WHERE certificate_id IS NOT NULL;
