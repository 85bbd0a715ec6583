package snippet_test

import (
	"bytes"
	"context"
	"flag"
	"go/format"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/templates/snippet"
)

var update = flag.Bool("update", false, "rewrite golden files")

var requests = map[string]snippet.Request{
	"get":   {URL: "http://127.0.0.1:8081/weather/prod/forecast?lat=52.52&lon=13.40", Headers: []snippet.Header{{Name: "x-api-key", Value: "gtwyAAAABBBBCCCCDDDDEEEEFFFFGGGG12345678"}}},
	"env":   {Method: "POST", URL: "https://api.example.com/v1/items/{id}", Headers: []snippet.Header{{Name: "Authorization", Env: "API_KEY"}, {Name: "content-type", Value: "application/json"}}, Body: "{\n  \"name\": \"O'Brien\"\n}"},
	"form":  {Method: "POST", URL: "https://api.example.com/v1/photos", Headers: []snippet.Header{{Name: "x-api-key", Env: "API_KEY"}}, Form: []snippet.Part{{Name: "title", Value: "@O'Brien; \"$(id)\"\nx"}, {Name: "files[]", File: "my photo.png"}, {Name: "files[]", File: "-/../b;c,'d.png"}, {Name: "a=b", Value: "dropped"}}},
	"file":  {Method: "PUT", URL: "https://api.example.com/v1/photo", Headers: []snippet.Header{{Name: "x-api-key", Env: "API_KEY"}, {Name: "Content-Type", Value: "image/png"}}, File: "photo.png"},
	"query": {Method: "DELETE", URL: "https://[::1]:8081/w/prod/a%2Fb?x=$1&y=a b&api_key=", URLEnv: "W_KEY", Headers: []snippet.Header{{Name: "Authorization", Value: "Bearer ", Env: "W_TOKEN"}}},
	"hostile": {Method: "PUT", URL: `http://h/"$(id)` + "`id`" + `'!!\$HOME[1-9]{a,b}`, Headers: []snippet.Header{
		{Name: "x-a", Value: "\"; rm -rf ~; echo '\r\nx-b: 1\\"},
		{Name: "@/etc/passwd", Value: "dropped"},
		{Name: "x-empty"},
		{Name: "x!y$HOME", Env: "KEY"},
		{Name: "x-env", Env: "A;id"},
	}, Body: "@/etc/passwd '\"`$(id)`\\u003c</script>\x00\u2028\\"},
}

func TestGolden(t *testing.T) {
	for name, r := range requests {
		for _, lang := range snippet.Languages() {
			t.Run(name+"."+lang.ID, func(t *testing.T) {
				got := lang.Write(r).Text()
				path := filepath.Join("testdata", name+"."+lang.ID+".txt")
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)

// What is copied from the page is the text of its element: colouring must not
// add or lose a character.
func TestColouredCodeHasTheSameText(t *testing.T) {
	for name, r := range requests {
		for _, lang := range snippet.Languages() {
			code := lang.Write(r)
			var page bytes.Buffer
			if err := code.Body().Render(context.Background(), &page); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(code.Text(), html.UnescapeString(tags.ReplaceAllString(page.String(), ""))); diff != "" {
				t.Errorf("%s in %s (-text +page):\n%s", name, lang.ID, diff)
			}
		}
	}
}

// check runs the language's own parser over a program, where it is installed.
func check(t *testing.T, lang string, text string) {
	t.Helper()
	switch lang {
	case "go":
		formatted, err := format.Source([]byte(text))
		if err != nil {
			t.Fatalf("does not parse: %v\n%s", err, text)
		}
		if diff := cmp.Diff(string(formatted), text); diff != "" {
			t.Errorf("is not as gofmt writes it (-gofmt +got):\n%s", diff)
		}
	case "javascript":
		parse(t, text, "snippet.mjs", "node", "--check")
	case "python":
		parse(t, text, "snippet.py", "python3", "-m", "py_compile")
	case "curl":
		parse(t, text, "snippet.sh", "sh", "-n")
	case "php":
		parse(t, text, "snippet.php", "php", "-l")
	case "ruby":
		parse(t, text, "snippet.rb", "ruby", "-c")
	case "java", "csharp": // their compilers are too large to install for this: see literal_test.go
	}
}

func parse(t *testing.T, text, file string, command ...string) {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Fatalf("%s is not installed: run .ci/deps", command[0])
	}
	path := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(command[0], append(command[1:], path)...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s\n%s", err, out, text)
	}
}

func TestEveryLanguageParses(t *testing.T) {
	for name, r := range requests {
		for _, lang := range snippet.Languages() {
			t.Run(name+"."+lang.ID, func(t *testing.T) { check(t, lang.ID, lang.Write(r).Text()) })
		}
	}
}

// A value that a stranger chose must reach curl as the value that it is: the shell
// may not run it, and curl may not read a file by it.
func TestShellHandsHostileValuesThrough(t *testing.T) {
	urls := map[string]string{
		`$(id)`: `$(id)`, "`id`": `%60id%60`, `"; id; "`: `%22;%20id;%20%22`, `'; id; '`: `';%20id;%20'`, `\`: `%5C`, `!!`: `!!`, `$HOME`: `$HOME`, "a\nb": `ab`, `*`: `*`, `~`: `~`, "é": `%C3%A9`, `50%`: `50%25`, `[1-9]{a,b}`: `%5B1-9%5D%7Ba,b%7D`,
		`http://[::1]/[`: `http://[::1]/%5B`,
	}
	for url, want := range urls {
		if args := arguments(t, snippet.Request{URL: url}); args[len(args)-1] != want {
			t.Errorf("URL %q arrives as %q, want %q", url, args, want)
		}
	}
	values := []string{`$(touch pwned)`, "`touch pwned`", `"; touch pwned; "`, `'; touch pwned; '`, `\`, `a\`, `!!`, `$HOME`, "a\nb", `*`, `~`, `-K/etc/passwd`, "é ✓"}
	for _, value := range values {
		args := arguments(t, snippet.Request{Method: "POST", URL: "http://h/", Headers: []snippet.Header{{Name: "Content-Type", Value: "text/plain"}, {Name: "x-a", Value: value}}, Body: value})
		want := []string{"http://h/", "-H", "Content-Type: text/plain", "-H", "x-a: " + strings.ReplaceAll(value, "\n", ""), "--data-raw", value}
		if diff := cmp.Diff(want, args); diff != "" {
			t.Errorf("value %q (-want +got):\n%s", value, diff)
		}
	}
}

// arguments runs a curl command with a stand-in for curl that prints its
// arguments, each ended by NUL.
func arguments(t *testing.T, r snippet.Request) []string {
	t.Helper()
	dir := t.TempDir()
	script := "curl() { for a in \"$@\"; do printf '%s\\0' \"$a\"; done; }\n" + snippet.Curl(r).Text()
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, script)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Fatalf("the command left files behind: %v %v\n%s", entries, err, script)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func FuzzQuoting(f *testing.F) {
	f.Add("http://h/'\"`$\\", "x-a", "v\u2028", "{}")
	f.Fuzz(func(t *testing.T, url, name, value, body string) {
		r := snippet.Request{Method: "POST", URL: url, URLEnv: "A_KEY", Headers: []snippet.Header{{Name: name, Value: value, Env: "KEY"}, {Name: name, Value: value}}, Body: body}
		check(t, "go", snippet.Go(r).Text())
		for _, lang := range snippet.Languages() {
			code := lang.Write(r)
			if strings.ContainsAny(code.Text(), "\u2028\u2029\x00\r") && lang.ID != "curl" {
				t.Errorf("control characters in %q", code.Text())
			}
			var page bytes.Buffer
			if err := code.Body().Render(context.Background(), &page); err != nil {
				t.Fatal(err)
			}
			if got := html.UnescapeString(tags.ReplaceAllString(page.String(), "")); got != code.Text() {
				t.Errorf("page shows %q", got)
			}
		}
	})
}
