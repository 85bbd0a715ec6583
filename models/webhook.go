package models

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Webhook is an address that an account's programs are told at.
type Webhook struct {
	ID           WebhookID
	AccountID    AccountID
	Side         Side
	URL          string
	Note         string // in its owner's words
	Kinds        []NoticeKind
	CreatedAt    time.Time
	OldUntil     time.Time // until when the secret before this one signs, too; zero: there is none
	SucceededAt  time.Time // newest delivery that was taken; zero: none was
	FailingSince time.Time // zero: the newest delivery was taken
	Failures     int       // in a row
	DisabledAt   time.Time // zero: it is told
	DisabledWhy  string
}

// Limits of webhooks.
const (
	MaxWebhooks      = 10 // of an account and side
	MaxWebhookURL    = 2000
	WebhookOverlap   = 24 * time.Hour // both secrets sign after a rotation
	WebhookTimeout   = 10 * time.Second
	WebhookPatience  = 3 * 24 * time.Hour // of failures alone, after which a webhook is disabled
	WebhookTries     = 10
	MaxWebhookAnswer = 2000 // bytes of an answer that are kept
)

// webhookDelays are what lies between the tries of one delivery: nine waits, 1 day and 14 hours in all (Standard Webhooks, "Retry schedule").
var webhookDelays = [...]time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 20 * time.Hour}

// WebhookDelay returns how long to wait after a try, of WebhookTries, with jitter in [0, 1): up to a fifth more. ok is false after the last one.
func WebhookDelay(tries int, jitter float64) (d time.Duration, ok bool) {
	if tries < 1 || tries > len(webhookDelays) {
		return 0, false
	}
	d = webhookDelays[tries-1]
	return d + time.Duration(jitter*float64(d)/5), true
}

// mailDelays are what lies between the tries of one mail. A server that greylists wants a quarter of an hour; RFC 5321 4.5.4.1 asks for four to five days.
var mailDelays = [...]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour}

// MailDelay is WebhookDelay for mails.
func MailDelay(tries int, jitter float64) (d time.Duration, ok bool) {
	if tries < 1 || tries > len(mailDelays) {
		return 0, false
	}
	d = mailDelays[tries-1]
	return d + time.Duration(jitter*float64(d)/5), true
}

// NewWebhook asks for a webhook, or for another one in its place. Fields "url", "note", "kinds".
type NewWebhook struct {
	URL   string
	Note  string
	Kinds []NoticeKind
}

// Clean trims and checks what was asked for a side.
func (in NewWebhook) Clean(side Side) (NewWebhook, error) {
	var p Problems
	address, urlErr := CleanWebhookURL(in.URL)
	note, noteErr := cleanLine("note", in.Note, 80)
	p.Join(urlErr, noteErr)
	in.URL, in.Note = address, note
	var kinds []NoticeKind
	for _, t := range noticeTypes {
		if slices.Contains(in.Kinds, t.Kind) && t.ToldTo(side) {
			kinds = append(kinds, t.Kind)
		}
	}
	if in.Kinds = kinds; len(kinds) == 0 {
		p.Add("kinds", "Choose at least one event.")
	}
	return in, p.Err()
}

// CleanWebhookURL trims and checks the address of a webhook; field "url". Where it leads is judged when it is dialled.
func CleanWebhookURL(s string) (string, error) {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return "", Invalid("url", "Enter an address such as https://example.com/hooks/gatehouse.")
	case u.User != nil:
		return "", Invalid("url", "Leave name and password out of the address: deliveries are signed instead.")
	case u.Fragment != "" || hasControl(s) || strings.Contains(s, " "):
		return "", Invalid("url", "Leave blanks and everything behind # out of the address.")
	case len(s) > MaxWebhookURL:
		return "", Invalid("url", fmt.Sprintf("Use at most %d characters.", MaxWebhookURL))
	}
	return s, nil
}
