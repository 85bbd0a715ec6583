//go:build lighthouse

package e2e

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// leastScore is what Lighthouse must give a page, of 100.
const leastScore = 95

// TestLighthouse lets Lighthouse, at GATEHOUSE_LIGHTHOUSE, judge the main pages as a desktop shows them. SEO is judged where search engines get. `make lighthouse`
// installs what it needs.
func TestLighthouse(t *testing.T) {
	program := os.Getenv("GATEHOUSE_LIGHTHOUSE")
	p, _ := startDemo(t)
	found := []string{"/", "/apis", "/apis/echo", "/apis/echo/docs", "/problems"} // by search engines
	for who, paths := range map[string][]string{
		"":                      append(found, "/join"),
		"developer@example.com": {"/home", "/apps", "/keys", "/usage"},
		"owner@example.com":     {"/owner", "/owner/apis", "/owner/plans", "/owner/subscriptions", "/owner/usage"},
		"admin@example.com":     {"/admin/accounts"},
	} {
		cookie := ""
		if who != "" {
			cookie = p.cookie(who)
		}
		for _, path := range paths {
			scores := lighthouse(t, program, p.portal+path, cookie)
			t.Logf("%-24s %v", path, scores)
			for category, score := range scores {
				if score < leastScore && (category != "seo" || slices.Contains(found, path)) {
					t.Errorf("%s: %s is %d, less than %d", path, category, score, leastScore)
				}
			}
		}
	}
}

// cookie signs somebody of the demo in and returns the session's cookie.
func (p *process) cookie(email string) string {
	p.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.PostForm(p.portal+"/signin", url.Values{"email": {email}, "password": {"open-the-gate-26"}})
	if err != nil {
		p.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if len(answer.Cookies()) == 0 {
		p.t.Fatalf("%s could not sign in: %d", email, answer.StatusCode)
	}
	return answer.Cookies()[0].Name + "=" + answer.Cookies()[0].Value
}

// lighthouse returns the scores of a page by category, of 100.
func lighthouse(t *testing.T, program, address, cookie string) map[string]int {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	flags := []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir=" + t.TempDir()}
	args := []string{address, "--quiet", "--preset=desktop", "--output=json", "--output-path=" + report, "--chrome-flags=" + strings.Join(flags, " "),
		"--only-categories=performance,accessibility,best-practices,seo"}
	if cookie != "" {
		args = append(args, "--extra-headers="+quoted(map[string]string{"Cookie": cookie}))
	}
	var out []byte
	err := errors.New("not run yet")
	for attempt := 0; err != nil && attempt < 3; attempt++ { // on a busy machine it misses the start of a page
		out, err = exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	}
	if err != nil {
		t.Fatalf("lighthouse %s: %v\n%s", address, err, out)
	}
	body, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Categories map[string]struct{ Score float64 }
		FinalURL   string `json:"finalDisplayedUrl"`
	}
	if err := json.Unmarshal(body, &read); err != nil {
		t.Fatal(err)
	}
	if read.FinalURL != address {
		t.Errorf("%s sent on to %s", address, read.FinalURL)
	}
	scores := map[string]int{}
	for category, c := range read.Categories {
		scores[category] = int(c.Score*100 + 0.5)
	}
	return scores
}
