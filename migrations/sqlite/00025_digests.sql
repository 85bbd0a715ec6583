-- +goose Up

-- An alert of throttling counts requests, or the minutes in which some were refused.
ALTER TABLE alerts ADD COLUMN measure TEXT NOT NULL DEFAULT '' CHECK (measure IN ('', 'minutes'));

-- When an owner of APIs is told of the week that is over; 0: when is not reckoned yet.
CREATE TABLE digests (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    due_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX digests_due ON digests (due_at, account_id);
INSERT INTO digests (account_id, due_at) SELECT DISTINCT owner_id, 0 FROM apis;

-- For who left in a week.
CREATE INDEX subscriptions_ended ON subscriptions (plan_id, ended_at) WHERE ended_at IS NOT NULL;
