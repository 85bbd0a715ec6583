package store

import (
	"encoding/json"
	"fmt"

	"gatehouse/models"
)

// object names what an event is about.
type object struct {
	kind  string
	id    string
	name  string
	owner models.AccountID // whose audit page shows the event
}

// event appends to the audit log. before and after are marshalled; nil leaves them out; they must hold no secrets.
func (t *tx) event(action string, o object, before, after any) error {
	row := map[string]any{
		"id": int64(newID[models.Event]()), "at": millis(t.now), "actor": t.actor.Label, "actor_id": int64(t.actor.AccountID),
		"action": action, "object_kind": o.kind, "object_id": o.id, "object_name": o.name, "owner_id": int64(o.owner),
		"address": t.actor.Address, "request_id": t.actor.RequestID,
	}
	for name, value := range map[string]any{"before": before, "after": after} {
		if value == nil {
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("describe event %s: %w", action, err)
		}
		row[name] = string(text)
	}
	if err := t.Table("events").Create(row).Error; err != nil {
		return fmt.Errorf("append event %s: %w", action, err)
	}
	return nil
}
