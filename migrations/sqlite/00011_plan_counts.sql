-- +goose Up

-- Who is on a plan, kept as they come and go: lists and menus of plans tell it, and to count a plan's keys takes as long as it has many. A plan without a
-- row has nobody.
CREATE TABLE plan_counts (
    plan_id     INTEGER PRIMARY KEY REFERENCES plans (id) ON DELETE CASCADE,
    keys        INTEGER NOT NULL DEFAULT 0,   -- rows of plan_keys
    subscribers INTEGER NOT NULL DEFAULT 0,   -- open subscriptions
    waiting     INTEGER NOT NULL DEFAULT 0    -- of them pending
) STRICT;

INSERT INTO plan_counts (plan_id, keys, subscribers, waiting)
SELECT p.id, (SELECT count(*) FROM plan_keys k WHERE k.plan_id = p.id),
    (SELECT count(*) FROM subscriptions s WHERE s.plan_id = p.id AND s.state IN ('pending', 'active', 'suspended')),
    (SELECT count(*) FROM subscriptions s WHERE s.plan_id = p.id AND s.state = 'pending')
FROM plans p;

-- +goose StatementBegin
CREATE TRIGGER plan_counts_key_comes AFTER INSERT ON plan_keys
BEGIN
    INSERT INTO plan_counts (plan_id, keys) VALUES (NEW.plan_id, 1) ON CONFLICT (plan_id) DO UPDATE SET keys = keys + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER plan_counts_key_goes AFTER DELETE ON plan_keys
BEGIN
    UPDATE plan_counts SET keys = keys - 1 WHERE plan_id = OLD.plan_id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER plan_counts_subscription_comes AFTER INSERT ON subscriptions
BEGIN
    INSERT INTO plan_counts (plan_id, subscribers, waiting)
        VALUES (NEW.plan_id, NEW.state IN ('pending', 'active', 'suspended'), NEW.state = 'pending')
        ON CONFLICT (plan_id) DO UPDATE SET subscribers = subscribers + excluded.subscribers, waiting = waiting + excluded.waiting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER plan_counts_subscription_changes AFTER UPDATE OF state ON subscriptions
BEGIN
    UPDATE plan_counts SET
        subscribers = subscribers - (OLD.state IN ('pending', 'active', 'suspended')) + (NEW.state IN ('pending', 'active', 'suspended')),
        waiting = waiting - (OLD.state = 'pending') + (NEW.state = 'pending')
    WHERE plan_id = NEW.plan_id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER plan_counts_subscription_goes AFTER DELETE ON subscriptions
BEGIN
    UPDATE plan_counts SET subscribers = subscribers - (OLD.state IN ('pending', 'active', 'suspended')), waiting = waiting - (OLD.state = 'pending')
    WHERE plan_id = OLD.plan_id;
END;
-- +goose StatementEnd
