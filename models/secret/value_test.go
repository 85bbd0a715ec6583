package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"gatehouse/models/secret"
)

type document struct{ V secret.Value }

// R10: whoever prints a struct with a secret in it by mistake prints its hint.
func TestValueIsNeverPrinted(t *testing.T) {
	const text = "gwk1SECRETSECRETSECRETSECRETx8Zq"
	v := secret.NewValue(text)
	type holder struct {
		Exported secret.Value
		hidden   secret.Value // fmt may not call the methods of this one
		pointer  *secret.Value
		list     []secret.Value
		table    map[string]secret.Value
		any      any
	}
	h := holder{v, v, &v, []secret.Value{v}, map[string]secret.Value{"k": v}, v}

	var out strings.Builder
	for _, verb := range "vsqxXdgtbcoUpTeEfF" {
		for _, flags := range []string{"", "+", "#", " ", "-20", ".50"} {
			format := "%" + flags + string(verb)
			fmt.Fprintf(&out, format, v)
			fmt.Fprintf(&out, format, &v)
			fmt.Fprintf(&out, format, h)
			fmt.Fprintf(&out, format, &h)
			fmt.Fprintf(&out, format, h.list)
			fmt.Fprintf(&out, format, h.table)
		}
	}
	fmt.Fprintln(&out, v, h, fmt.Errorf("with %v: %w", v, fmt.Errorf("%s", v)))
	encode := func(data []byte, err error) {
		if err != nil {
			t.Error(err)
		}
		out.Write(data)
	}
	encode(json.Marshal(h))
	encode(json.Marshal(map[string]any{"v": v, "p": &v}))
	encode(xml.Marshal(document{v}))
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("made", "value", v, "pointer", &v, "holder", h, slog.Group("g", "v", v))
	}
	if err := template.Must(template.New("").Parse("{{.Exported}} {{.}}")).Execute(&out, h); err != nil {
		t.Error(err)
	}
	var binary bytes.Buffer
	_ = gob.NewEncoder(&binary).Encode(h.Exported) // refuses, or writes the hint
	out.Write(binary.Bytes())

	for _, form := range []string{"SECRET", fmt.Sprintf("%x", "SECRET"), fmt.Sprintf("%X", "SECRET"), fmt.Sprint([]byte("SECRET"))} {
		if strings.Contains(out.String(), strings.Trim(form, "[]")) {
			t.Errorf("the secret was printed as %s", form)
		}
	}
	if !strings.Contains(out.String(), "gwk1…x8Zq") {
		t.Error("the hint was not printed")
	}
	if v.Reveal() != text {
		t.Errorf("Reveal: got %q", v.Reveal())
	}
}

func TestHintOfAShortSecretShowsNothingOfIt(t *testing.T) {
	for text, want := range map[string]string{"": "", "hunter2": "…", strings.Repeat("a", 19): "…", "abcd567890123456wxyz": "abcd…wxyz"} {
		if got := secret.NewValue(text).Hint(); got != want {
			t.Errorf("hint of %q: got %q, want %q", text, got, want)
		}
	}
	var zero secret.Value
	if !zero.IsZero() || zero.Reveal() != "" || zero.String() != "" || secret.NewValue("").IsZero() {
		t.Error("the zero Value is not no secret")
	}
}

func TestValuesAreEqualByText(t *testing.T) {
	a, b := secret.NewValue("one secret"), secret.NewValue("one secret")
	if !a.Equal(b) || a.Equal(secret.NewValue("one secreT")) || a.Equal(secret.Value{}) || !(secret.Value{}).Equal(secret.Value{}) {
		t.Error("Equal does not compare the text")
	}
}

func TestTokensAreUniqueAndNeedNoEscaping(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token := secret.NewToken().Reveal()
		if len(token) != 43 || strings.Trim(token, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_") != "" {
			t.Fatalf("a token of %d characters: %q", len(token), token)
		}
		if seen[token] {
			t.Fatal("the same token twice")
		}
		seen[token] = true
	}
}
