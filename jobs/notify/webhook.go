package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/models"
)

// event is the body of a delivery (Standard Webhooks, "Payload structure").
type event struct {
	Type      models.NoticeKind `json:"type"`
	Timestamp time.Time         `json:"timestamp"` // of what is told, not of the try
	Data      models.NoticeData `json:"data"`
}

// EventBody is what a webhook is sent of a message.
func EventBody(m models.Message) ([]byte, error) {
	data := m.Data
	data.Link = "" // what lets somebody in goes by mail alone
	return json.Marshal(event{m.Kind, m.CreatedAt, data})
}

// EventID is the webhook-id of a message: the same in each try.
func EventID(m models.Message) string { return "msg_" + m.ID.String() }

// Sign returns the webhook-signature of a delivery under each of the secrets: "v1," and an HMAC-SHA-256 of id, Unix seconds and body, in base64.
func Sign(secrets []string, id string, at time.Time, body []byte) (string, error) {
	var signatures []string
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		if err != nil {
			return "", errors.New("sign delivery: the secret is no base64")
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " "), nil
}

// hooks reaches the addresses of webhooks.
type hooks struct{ client *http.Client }

func newHooks(dial func(context.Context, string, string) (net.Conn, error), patience time.Duration) *hooks {
	return &hooks{&http.Client{
		Timeout: patience,
		// A redirect would send what is signed for one address to another.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dial, Proxy: nil, ForceAttemptHTTP2: true, TLSHandshakeTimeout: patience, MaxResponseHeaderBytes: 32 << 10,
			DisableCompression: true, // what is counted is what came
			MaxIdleConns:       20, IdleConnTimeout: 30 * time.Second,
		},
	}}
}

// webhook delivers a message to its webhook.
func (w *Worker) webhook(ctx context.Context, d models.Delivery) models.Delivered {
	m := d.Messages[0]
	if !d.Webhook.DisabledAt.IsZero() {
		return models.Delivered{State: models.MessageDropped, Reason: "The webhook is disabled."}
	}
	start := w.Now()
	a, err := w.hooks.post(ctx, d, start)
	if err != nil {
		w.Log.ErrorContext(ctx, "deliver to webhook", "message", m.ID.String(), "error", err)
		return models.Delivered{State: models.MessageFailed, Reason: "It could not be written. The log says why."}
	}
	a.Took = max(0, w.Now().Sub(start).Round(time.Millisecond))
	if a.Problem == "" {
		return models.Delivered{State: models.MessageSent, Attempt: &a}
	}
	out := w.retry(d, a, models.WebhookDelay)
	since := d.Webhook.FailingSince
	switch {
	case a.Status == http.StatusGone: // Standard Webhooks: the receiver wants no more
		out.State, out.Disable = models.MessageFailed, "It answered 410 Gone."
	case !since.IsZero() && start.Sub(since) >= models.WebhookPatience:
		out.Disable = "It has taken nothing for three days. At last: " + a.Problem
	}
	return out
}

// post makes one try. The error is a fault of ours; what is the receiver's is the attempt's problem.
func (h *hooks) post(ctx context.Context, d models.Delivery, at time.Time) (models.Attempt, error) {
	a := models.Attempt{At: at}
	m := d.Messages[0]
	body, err := EventBody(m)
	if err != nil {
		return a, err
	}
	signature, err := Sign(d.Secrets, EventID(m), at, body)
	if err != nil {
		return a, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Webhook.URL, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Gatehouse-Webhooks")
	r.Header.Set("webhook-id", EventID(m))
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("webhook-signature", signature)
	answer, err := h.client.Do(r)
	if err != nil {
		a.Problem = problemOf(err)
		return a, nil
	}
	defer answer.Body.Close()
	a.Status = answer.StatusCode
	text, readErr := io.ReadAll(io.LimitReader(answer.Body, models.MaxWebhookAnswer))
	a.Answer = plainText(string(text), models.MaxWebhookAnswer)
	switch {
	case a.Status >= 200 && a.Status < 300: // what it says beside its status is of no matter
	case a.Status >= 300 && a.Status < 400:
		a.Problem = fmt.Sprintf("It answered %d: redirects are not followed. Enter the address that it leads to.", a.Status)
	case readErr != nil:
		a.Problem = fmt.Sprintf("It answered %d, and broke off.", a.Status)
	default:
		a.Problem = fmt.Sprintf("It answered %d.", a.Status)
	}
	return a, nil
}

// problemOf is an error in words, without the address: there may be a secret of the receiver's in it.
func problemOf(err error) string {
	of := (*url.Error)(nil)
	if errors.As(err, &of) {
		if of.Timeout() {
			return "It did not answer within 10 seconds."
		}
		err = of.Err
	}
	return plainText(err.Error(), 500)
}

// plainText is a text from elsewhere as it may be kept: valid, without control characters, and not longer than so many bytes.
func plainText(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}
