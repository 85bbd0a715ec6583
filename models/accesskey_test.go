package models_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

func TestMadeAccessKeysAreRecognised(t *testing.T) {
	form, seen := regexp.MustCompile(`^GHAK[A-Z2-7]{16}$`), map[string]bool{}
	for range 100 {
		id := models.NewAccessKeyID()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}

func TestAccessKeysThatAreBroughtAlongAreJudgedAtTheirFields(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	good := models.NewAccessKey{Name: "ci", ID: "AKIA_0123456789abc", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	for _, test := range []struct {
		name, field string
		change      func(*models.NewAccessKey)
	}{
		{"as it is", "", func(*models.NewAccessKey) {}},
		{"both made here", "", func(k *models.NewAccessKey) { k.ID, k.Secret = "", "" }},
		{"no name", "name", func(k *models.NewAccessKey) { k.Name = " " }},
		{"already over", "expires", func(k *models.NewAccessKey) { k.ExpiresAt = now }},
		{"an id of 7", "id", func(k *models.NewAccessKey) { k.ID = strings.Repeat("a", 7) }},
		{"an id of 128", "", func(k *models.NewAccessKey) { k.ID = strings.Repeat("a", 128) }},
		{"an id of 129", "id", func(k *models.NewAccessKey) { k.ID = strings.Repeat("a", 129) }},
		{"an id with a slash, which would end it in a credential scope", "id", func(k *models.NewAccessKey) { k.ID = "AKIA/0123456789abc" }},
		{"a secret without an id", "id", func(k *models.NewAccessKey) { k.ID = "" }},
		{"an id without a secret", "secret", func(k *models.NewAccessKey) { k.Secret = "" }},
		{"a secret of 15", "secret", func(k *models.NewAccessKey) { k.Secret = strings.Repeat("s", 15) }},
		{"a secret of 129", "secret", func(k *models.NewAccessKey) { k.Secret = strings.Repeat("s", 129) }},
		{"a blank in the secret", "secret", func(k *models.NewAccessKey) { k.Secret = "0123456789 abcdef" }},
		{"a letter beyond ASCII in the secret", "secret", func(k *models.NewAccessKey) { k.Secret = "0123456789é0123456" }},
	} {
		in := good
		test.change(&in)
		_, err := in.Clean(now)
		var e *models.Error
		if got := errors.As(err, &e); got != (test.field != "") || got && e.Fields[test.field] == "" {
			t.Errorf("%s: error %v, want one at %q", test.name, err, test.field)
		}
		if err != nil && in.Secret != "" && strings.Contains(err.Error(), in.Secret) {
			t.Errorf("%s: the error tells the secret", test.name)
		}
	}
}

func TestStateOfAnAccessKey(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		want models.AccessKeyState
		key  models.AccessKey
	}{
		{models.AccessKeyActive, models.AccessKey{Enabled: true}},
		{models.AccessKeyActive, models.AccessKey{Enabled: true, ExpiresAt: now.Add(time.Millisecond)}},
		{models.AccessKeyExpired, models.AccessKey{Enabled: true, ExpiresAt: now}},
		{models.AccessKeyExpired, models.AccessKey{ExpiresAt: now}},
		{models.AccessKeyDisabled, models.AccessKey{}},
		{models.AccessKeyRevoked, models.AccessKey{Enabled: true, ExpiresAt: now, RevokedAt: now}},
	} {
		if got := test.key.State(now); got != test.want {
			t.Errorf("state of %+v is %s, want %s", test.key, got, test.want)
		}
	}
}
