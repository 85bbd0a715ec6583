package models

import "time"

// AccountData is what is kept of an account, for its person to take along. Zero times are null in JSON.
type AccountData struct {
	MadeAt     time.Time       `json:"madeAt"`
	ID         AccountID       `json:"id"`
	Email      string          `json:"email"`
	Name       string          `json:"name"`
	Role       string          `json:"role"`
	CreatedAt  time.Time       `json:"createdAt"`
	LastSeenAt time.Time       `json:"lastSeenAt,omitzero"`
	Apps       []AppData       `json:"apps"`
	AccessKeys []AccessKeyData `json:"accessKeys,omitempty"` // of the management API
	Usage      []MonthData     `json:"usage"`                // of all keys together, by month
	Events     []EventData     `json:"events"`               // newest first
}

// AppData is an app with what belongs to it.
type AppData struct {
	ID            AppID              `json:"id"`
	Name          string             `json:"name"`
	CreatedAt     time.Time          `json:"createdAt"`
	Keys          []KeyData          `json:"keys"`
	Subscriptions []SubscriptionData `json:"subscriptions"`
}

// KeyData is a key without its value.
type KeyData struct {
	ID         KeyID     `json:"id"`
	Name       string    `json:"name"`
	Hint       string    `json:"hint"`
	CreatedAt  time.Time `json:"createdAt"`
	ExpiresAt  time.Time `json:"expiresAt,omitzero"`
	RevokedAt  time.Time `json:"revokedAt,omitzero"`
	LastUsedAt time.Time `json:"lastUsedAt,omitzero"`
}

// AccessKeyData is an access key without its secret.
type AccessKeyData struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	CreatedAt    time.Time `json:"createdAt"`
	ExpiresAt    time.Time `json:"expiresAt,omitzero"`
	RevokedAt    time.Time `json:"revokedAt,omitzero"`
	LastUsedAt   time.Time `json:"lastUsedAt,omitzero"`
	LastUsedFrom string    `json:"lastUsedFrom,omitempty"`
}

// SubscriptionData is a subscription with what was answered and accepted.
type SubscriptionData struct {
	ID          SubscriptionID `json:"id"`
	Plan        string         `json:"plan"`
	State       string         `json:"state"`
	Message     string         `json:"message,omitempty"`
	Reason      string         `json:"reason,omitempty"`
	RequestedAt time.Time      `json:"requestedAt"`
	EndedAt     time.Time      `json:"endedAt,omitzero"`
	Answers     []Answer       `json:"answers,omitempty"`
	Terms       string         `json:"terms,omitempty"` // of use, as they were accepted
	AcceptedAt  time.Time      `json:"acceptedAt,omitzero"`
}

// MonthData is a month of usage.
type MonthData struct {
	Month    string `json:"month"` // 2026-03
	Admitted int64  `json:"admitted"`
	Refused  int64  `json:"refused"`
}

// EventData is an event that names the account.
type EventData struct {
	At     time.Time `json:"at"`
	Action string    `json:"action"`
	Object string    `json:"object"`
	ByYou  bool      `json:"byYou"`
}

// Deletion is what deleting an account stops, or what is in its way.
type Deletion struct {
	Obstacle      string   // what must be done first; "": nothing
	Keys          []string // that stop working, "app: key"; at most 50
	Subscriptions int
}
