// Package notices is the pages about what people are told: which mails they get, the outbox of administrators, webhooks and alerts.
package notices
