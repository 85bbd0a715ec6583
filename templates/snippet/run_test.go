package snippet_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/templates/snippet"
)

// arrived is what a server saw of a call.
type arrived struct{ Method, Target, Key, Auth, Odd, Empty, Cookie, Type, Body string }

// Code that is pasted must send the request that was written, byte for byte, whatever its client library likes to add or to tidy.
func TestCodeSendsTheRequestThatWasWritten(t *testing.T) {
	var got arrived
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = arrived{r.Method, r.RequestURI, r.Header.Get("X-Api-Key"), r.Header.Get("Authorization"), r.Header.Get("X-Odd"), strings.Join(r.Header.Values("X-Empty"), "+") + "|", r.Header.Get("Cookie"), r.Header.Get("Content-Type"), string(body)}
		_, _ = io.WriteString(w, "answer")
	}))
	defer server.Close()
	headers := []snippet.Header{{Name: "x-api-key", Env: "T_KEY"}, {Name: "Authorization", Value: "Bearer ", Env: "T_KEY"}, {Name: "X-Odd", Value: `"'$(id)\#{x}`}, {Name: "X-Empty"}, {Name: "Cookie", Value: "sid=a%20b; theme=dark"}, {Name: "Content-Type", Value: "application/json"}}
	const body = "{\n  \"name\": \"O'Brien\",\r\n  \"x\": \"`$(id)` ${1} #{1} \\\\ é\"\n}"
	requests := []snippet.Request{
		{Method: "POST", URL: server.URL + "/w/a%2Fb/é?x=1&y=%20", Headers: headers, Body: body},
		{Method: "GET", URL: server.URL + "/g?api_key=", URLEnv: "T_KEY", Headers: headers[:5]},
		{Method: "DELETE", URL: server.URL + "/d/[1-2]", Headers: headers, Body: "x"},
		{Method: "PUT", URL: server.URL + "/empty", Headers: headers[:5]},
	}
	runs := []struct {
		id      string
		command []string
	}{{"curl", []string{"sh", "-s"}}, {"javascript", []string{"node", "--input-type=module", "-"}}, {"ruby", []string{"ruby", "-"}}, {"php", phpCommand(t)}, {"python", []string{"python3", "-"}}}
	stand := pythonRequests(t)
	for i, r := range requests {
		want := arrived{r.Method, strings.TrimPrefix(r.URL, server.URL), "k-1", "Bearer k-1", headers[2].Value, "|", headers[4].Value, "", r.Body}
		want.Target = strings.NewReplacer("é", "%C3%A9", "[", "%5B", "]", "%5D", "api_key=", "api_key=k-1").Replace(want.Target)
		if r.Body != "" {
			want.Type = "application/json"
		}
		for _, lang := range snippet.Languages() {
			for _, run := range runs {
				if run.id != lang.ID {
					continue
				}
				got = arrived{}
				cmd := exec.Command(run.command[0], run.command[1:]...)
				cmd.Stdin = strings.NewReader(lang.Write(r).Text())
				cmd.Env = append(os.Environ(), "T_KEY=k-1", "LC_ALL=C.UTF-8", "PYTHONPATH="+stand)
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), "answer") {
					t.Fatalf("%s: %v %s\n%s", lang.ID, err, out, lang.Write(r).Text())
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("request %d in %s (-want +got):\n%s\n%s", i, lang.ID, diff, lang.Write(r).Text())
				}
			}
		}
	}
}

// Code of a form, and of a file as a body, sends the files that lie beside it, whatever they are called and hold.
func TestCodeSendsFormsAndFiles(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = []string{r.Method + " " + r.Header.Get("X-Api-Key")}
		parts, err := r.MultipartReader()
		if err != nil {
			body, _ := io.ReadAll(r.Body)
			got = append(got, r.Header.Get("Content-Type")+" "+string(body))
		} else {
			for part, err := parts.NextPart(); err == nil; part, err = parts.NextPart() {
				body, _ := io.ReadAll(part)
				got = append(got, part.FormName()+" "+part.FileName()+" "+string(body))
			}
		}
		_, _ = io.WriteString(w, "answer")
	}))
	defer server.Close()
	dir := t.TempDir()
	const photo, odd, bytes = "my photo.png", "b;c,'d$(id).png", "\x89PNG\r\n\x00\xff"
	for _, name := range []string{photo, odd} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(bytes), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := snippet.Header{Name: "x-api-key", Env: "T_KEY"}
	tests := []struct {
		request snippet.Request
		want    []string
	}{
		{snippet.Request{Method: "POST", URL: server.URL, Headers: []snippet.Header{key}, Form: []snippet.Part{{Name: "title", Value: `@O'Brien; "$(id)" é`}, {Name: "files[]", File: photo}, {Name: "files[]", File: odd}}},
			[]string{"POST k-1", `title  @O'Brien; "$(id)" é`, "files[] " + photo + " " + bytes, "files[] " + odd + " " + bytes}},
		{snippet.Request{Method: "PUT", URL: server.URL, Headers: []snippet.Header{key, {Name: "Content-Type", Value: "image/png"}}, File: odd}, []string{"PUT k-1", "image/png " + bytes}},
	}
	commands := map[string][]string{"curl": {"sh", "-s"}, "javascript": {"node", "--input-type=module", "-"}, "ruby": {"ruby", "-"}, "php": phpCommand(t), "python": {"python3", "-"}}
	stand := pythonRequests(t)
	for _, test := range tests {
		for _, lang := range snippet.Languages() {
			command, runs := commands[lang.ID]
			if !runs {
				continue
			}
			cmd := exec.Command(command[0], command[1:]...)
			cmd.Dir, cmd.Stdin, got = dir, strings.NewReader(lang.Write(test.request).Text()), nil
			cmd.Env = append(os.Environ(), "T_KEY=k-1", "LC_ALL=C.UTF-8", "PYTHONPATH="+stand)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "answer") {
				t.Fatalf("%s: %v %s\n%s", lang.ID, err, out, lang.Write(test.request).Text())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s\n%s", lang.ID, diff, lang.Write(test.request).Text())
			}
		}
	}
}

// pythonRequests is a folder with the few lines of the library that the code uses.
func pythonRequests(t *testing.T) string {
	dir := t.TempDir()
	code := `import urllib.request
class Answer: pass
def request(method, url, headers={}, data=None, files=None, timeout=None):
    if files:
        data = b""
        for name, (path, value) in files:
            head = f'--bound\r\nContent-Disposition: form-data; name="{name}"' + (f'; filename="{path}"' if path else "")
            data += head.encode() + b"\r\n\r\n" + (value.read() if path else value.encode()) + b"\r\n"
        data += b"--bound--"
        headers = {**headers, "Content-Type": "multipart/form-data; boundary=bound"}
    r = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(r, timeout=timeout) as res:
        a = Answer()
        a.status_code, a.text = res.status, res.read().decode()
        return a
`
	if err := os.WriteFile(filepath.Join(dir, "requests.py"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// phpCommand runs PHP with the few functions of its curl extension that the code uses, sent by streams.
func phpCommand(t *testing.T) []string {
	path := filepath.Join(t.TempDir(), "curl.php")
	code := `<?php
foreach (['CURLOPT_RETURNTRANSFER', 'CURLOPT_CUSTOMREQUEST', 'CURLOPT_HTTPHEADER', 'CURLOPT_POSTFIELDS', 'CURLOPT_NOBODY', 'CURLINFO_RESPONSE_CODE'] as $i => $name) define($name, $i);
function curl_init($url) { $o = new stdClass; $o->url = $url; return $o; }
function curl_setopt_array($o, $set) { $o->set = $set; }
function curl_exec($o) {
    $headers = array_map(fn($h) => str_ends_with($h, ';') && !str_contains($h, ':') ? substr($h, 0, -1) . ': ' : $h, $o->set[CURLOPT_HTTPHEADER] ?? []);
    return file_get_contents($o->url, false, stream_context_create(['http' => ['method' => $o->set[CURLOPT_CUSTOMREQUEST] ?? 'GET', 'header' => $headers, 'content' => $o->set[CURLOPT_POSTFIELDS] ?? '']]));
}
function curl_error($o) { return 'failed'; }
function curl_getinfo($o, $what) { return 200; }
`
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"php", "-d", "extension=", "-d", "auto_prepend_file=" + path}
}
