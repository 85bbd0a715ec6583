package storetest

import (
	"strings"

	"gatehouse/models"
)

// How the keys of a Large are spread: every other one is on the busiest plan, a third are developers', each in an app of its own.
const (
	keysOfCrowd   = 2_000 // the developer's, on a few plans
	keysOfPerson  = 40    // of every other developer
	crowdCustomer = "cus_crowd"
	eventsLarge   = 400_000
	messagesLarge = 100_000
	entriesLarge  = 300 // of the changelog
)

// spread puts the keys of the table large on plans, to developers and to customers.
func (w largeWriter) spread() {
	owner, developer := int64(w.made.Owner.ID), int64(w.made.Developer.ID)
	w.exec(`CREATE TEMP TABLE offers AS SELECT row_number() OVER (ORDER BY p.created_at, p.id) - 1 AS n, p.id AS plan, s.id AS stage, (SELECT id FROM methods m WHERE m.api_id = s.api_id ORDER BY position LIMIT 1) AS method
		FROM plans p JOIN plan_stages ps ON ps.plan_id = p.id JOIN stages s ON s.id = ps.stage_id WHERE p.owner_id = ? AND p.state = 'published' AND s.name = 'prod'`, owner)
	w.exec(`CREATE UNIQUE INDEX temp.offers_n ON offers (n)`)
	w.exec(`UPDATE large SET (plan, stage, method) = (SELECT plan, stage, method FROM offers WHERE n = large.i / 2 % (SELECT count(*) FROM offers)) WHERE i % 2 = 1`)
	w.exec(`UPDATE large SET owner = NULL, app = id, account = ?1 + i / ?2 WHERE i % 3 = 0`, firstLarge, 3*keysOfPerson)
	w.exec(`UPDATE large SET account = ?1 WHERE i % 3 = 0 AND i < ?2`, developer, 3*keysOfCrowd)
	w.exec(`UPDATE large SET (plan, stage, method) = (SELECT plan, stage, method FROM offers WHERE n = large.i / 2 % 20) WHERE account = ?1 AND i % 2 = 1`, developer)
	w.exec(`UPDATE large SET customer = CASE WHEN i % 10 IN (2, 4) THEN ?1 WHEN i % 10 = 6 THEN '' ELSE printf('cus_large_%05d', i / 10) END WHERE owner IS NOT NULL`, crowdCustomer)
	created := w.made.Now.AddDate(0, 0, -w.Days).UnixMilli()
	w.exec("BEGIN")
	w.exec(`INSERT INTO accounts (id, email, name, password_hash, role, created_at) SELECT DISTINCT account, printf('crowd-%04d@example.com', account - ?1), printf('Crowd %04d', account - ?1), 'x', 'developer', ?2
		FROM large WHERE app IS NOT NULL AND account <> ?3`, firstLarge, created, developer)
	w.exec(`INSERT INTO alerts (id, account_id, side, kind, levels, minutes, mail, webhook, created_at, checked_at)
		SELECT ?1 + abs(random()) % ?2, c.id, l.side, l.kind, l.levels, l.minutes, l.mail, l.webhook, c.created_at, ?3 FROM accounts c JOIN alerts l ON l.account_id = ?4 WHERE c.email LIKE 'crowd-%'`,
		firstLarge, spanLarge, w.made.Now.UnixMilli(), developer)
	w.exec(`INSERT INTO apps (id, account_id, name, created_at) SELECT app, account, printf('Crowd app %05d', i), ?1 + i FROM large WHERE app IS NOT NULL`, created)
	w.exec(`INSERT INTO subscriptions (id, app_id, plan_id, state, message, reason, requested_at, decided_at) SELECT app, app, plan, 'active', '', '', ?1 + i, ?1 + i FROM large WHERE app IS NOT NULL`, created)
	w.exec("COMMIT")
}

// spreadSteps are what else there is of a portal whose keys are spread.
func (w largeWriter) spreadSteps() []struct {
	name string
	do   func()
} {
	return []struct {
		name string
		do   func()
	}{{"sums", w.sums}, {"charges", w.charges}, {"events", w.events}, {"messages", w.messages}, {"changelog", w.changelog}}
}

// sums adds the keys' days up for customers, plans and stages, their owner and developers.
func (w largeWriter) sums() {
	indexes := w.dropIndexes("usage_days")
	zeros := largeZeros()
	into := `INSERT INTO usage_days (kind, id, start, plan_id, stage_id, method_id, ` + strings.Join(largeSums(), ", ") + `, ` + strings.Join(zeros, ", ") + `) `
	var sums, adds []string
	for _, column := range largeSums() {
		sums, adds = append(sums, "sum("+column+")"), append(adds, column+" = "+column+" + excluded."+column)
	}
	sum, upsert := strings.Join(sums, ", ")+strings.Repeat(", 0", len(zeros)), ` ON CONFLICT DO UPDATE SET `+strings.Join(adds, ", ")
	plain := strings.Join(largeSums(), ", ")
	w.exec("BEGIN")
	w.exec(`CREATE TEMP TABLE called AS SELECT l.account, l.customer, l.plan, l.stage, l.method, u.start, ` + plain + ` FROM large l CROSS JOIN usage_days u ON u.kind = 1 AND u.id = l.id`)
	w.exec(`CREATE TEMP TABLE daily AS SELECT plan, stage, method, start, ` + strings.Join(sums, ", ") + ` FROM called GROUP BY plan, stage, method, start`)
	for i, column := range largeSums() {
		w.exec(`ALTER TABLE daily RENAME COLUMN "` + sums[i] + `" TO ` + column)
	}
	owner := int64(w.made.Owner.ID)
	w.exec(into+`SELECT 8, c.id, d.start, d.plan, d.stage, d.method, `+sum+` FROM called d JOIN usage_customers c ON c.owner_id = ?1 AND c.account_id = d.account AND c.name = d.customer
		WHERE true GROUP BY c.id, d.start, d.plan, d.stage, d.method ORDER BY c.id, d.start`+upsert, owner)
	w.exec(into + `SELECT 2, account, start, 0, 0, 0, ` + sum + ` FROM called WHERE account <> 0 GROUP BY account, start` + upsert)
	for _, from := range []string{`3, ?1, start, 0, 0, 0`, `4, plan, start, 0, 0, 0`, `5, plan, start, 0, stage, method`, `6, stage, start, 0, 0, 0`, `7, stage, start, 0, 0, method`} {
		w.exec(into+`SELECT `+from+`, `+sum+` FROM daily WHERE ?1 = ?1 GROUP BY 1, 2, 3, 4, 5, 6`+upsert, owner)
	}
	w.exec("COMMIT")
	w.exec("DROP TABLE called")
	for _, index := range indexes {
		w.exec(index)
	}
}

// charges are what is kept of a month's quotas, and who called which operation.
func (w largeWriter) charges() {
	w.exec("BEGIN")
	w.exec(`INSERT OR IGNORE INTO quota_days (key_id, plan_id, day, used) SELECT u.id, u.plan_id, u.start / 86400, u.o1 FROM large l CROSS JOIN usage_days u ON u.kind = 1 AND u.id = l.id AND u.start >= ?`,
		w.Through().AddDate(0, 0, -31).Unix())
	w.exec(`INSERT OR REPLACE INTO usage_callers (method_id, stage_id, key_id, last) SELECT method, stage, id, ?1 - i FROM large`, w.made.Now.Unix())
	w.exec("COMMIT")
}

// events repeats what happened, further back.
func (w largeWriter) events() {
	w.exec("BEGIN")
	w.exec(`INSERT INTO events (id, at, actor, actor_id, action, object_kind, object_id, object_name, owner_id, before, after, address, request_id)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1 + ?1 / (SELECT count(*) FROM events))
		SELECT (SELECT max(id) FROM events) + row_number() OVER (), at - i * 3600000, actor, actor_id, action, object_kind, object_id, object_name, owner_id, before, after, address, request_id
		FROM events CROSS JOIN n`, eventsLarge)
	w.exec("COMMIT")
}

// messages are mails that were sent.
func (w largeWriter) messages() {
	w.exec("BEGIN")
	w.exec(`INSERT INTO messages (id, kind, channel, account_id, email, subject, state, reason, attempts, claim, created_at, done_at)
		SELECT ?1 + i, ?2, 'mail', account, printf('crowd-%04d@example.com', account - ?1), 'A quota is nearly used up', 'sent', '', 1, 0, ?3 - i * 20000, ?3 - i * 20000
		FROM (SELECT row_number() OVER () AS i, account FROM large JOIN (SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) WHERE app IS NOT NULL) LIMIT ?4`,
		firstLarge, string(models.NoticeQuota), w.made.Now.UnixMilli(), messagesLarge)
	w.exec("COMMIT")
}

// changelog is a long one, of the first API.
func (w largeWriter) changelog() {
	w.exec(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
		INSERT INTO changelog (id, api_id, state, day, title, body, breaking, created_at, updated_at)
		SELECT ?2 + i, ?3, 'published', ?4 - i, printf('Release %d', ?1 - i), 'Orders carry *more* fields, and lists page by cursor.', i % 10 = 0, ?5 - i * 86400000, ?5 - i * 86400000 FROM n`,
		entriesLarge, firstLarge, int64(w.made.API), w.made.Now.Unix()/86400, w.made.Now.UnixMilli())
}
