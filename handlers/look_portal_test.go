package handlers_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/templates/htmlcheck"
)

// withFiles sends a form with files.
func (b *browser) withFiles(path string, fields, files map[string]string) answer {
	b.portal.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		ok(b.portal.t, form.WriteField(name, value))
	}
	for name, value := range files {
		part, err := form.CreateFormFile(name, "file")
		ok(b.portal.t, err)
		_, err = part.Write([]byte(value))
		ok(b.portal.t, err)
	}
	ok(b.portal.t, form.Close())
	r := httptest.NewRequestWithContext(b.portal.t.Context(), http.MethodPost, path, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Cookie", b.cookie)
	w := httptest.NewRecorder()
	b.portal.handler.ServeHTTP(w, r)
	got := answer{status: w.Code, location: w.Header().Get("Location"), body: w.Body.String(), header: w.Header()}
	if got.location == "" {
		for _, problem := range htmlcheck.Page(got.body) {
			b.portal.t.Errorf("POST %s: %s", path, problem)
		}
	}
	return got
}

func picturePNG(t *testing.T, w, h int) string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		m.Set(x, 0, color.NRGBA{uint8(x), 90, 200, 255})
	}
	var out bytes.Buffer
	ok(t, png.Encode(&out, m))
	return out.String()
}

var lookFile = regexp.MustCompile(`/look/[0-9a-f-]+\.(png|css)`)

// A product that has another name, logo and colour has them on every page at once, from addresses that browsers keep.
func TestALookHoldsOnEveryPageAtOnce(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	b.get("/admin/look").has(t, `value="Gatehouse"`, "#2a57d6", "Light", "Dark")
	got := b.withFiles("/admin/look", map[string]string{"version": "0", "name": "Meteora <Dev>", "accent": "#0b6b3a", "headline": "Weather for your code", "intro": "Calls, **metered**. <script>alert(1)</script>"},
		map[string]string{"logo_file": picturePNG(t, 900, 90), "icon_file": picturePNG(t, 200, 200)})
	if got.location != "/admin/look" {
		t.Fatalf("saving: %d %s", got.status, got.text())
	}
	for _, path := range []string{"/", "/apis", "/signin", "/nothing"} {
		page := p.visitor().get(path)
		page.has(t, "· Meteora <Dev>")
		page.hasNot(t, "Gatehouse", "<script>alert")
		files := lookFile.FindAllString(page.body, -1)
		if len(files) != 3 {
			t.Fatalf("%s names %v, want an icon, a sheet and a logo", path, files)
		}
		for _, file := range files {
			served := p.visitor().get(file)
			if served.status != http.StatusOK || !strings.Contains(served.header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %d %v", file, served.status, served.header)
			}
			if m, err := png.Decode(strings.NewReader(served.body)); strings.HasSuffix(file, ".png") && (err != nil || m.Bounds().Dy() > 96) {
				t.Errorf("%s: %v %v", file, err, m)
			}
			if strings.HasSuffix(file, ".css") && !strings.Contains(served.body, "--accent:light-dark(#0b6b3a,#") {
				t.Errorf("%s: %s", file, served.body)
			}
		}
	}
	p.visitor().get("/").has(t, "Weather for your code", "<strong>metered</strong>")
	b.get("/admin/audit").has(t, "changed the look of")
	b.post("/admin/look/reset")
	page := p.visitor().get("/")
	page.has(t, "Gatehouse", "Pick an API")
	page.hasNot(t, "/look/")
}

// A preview that saved would be none, and one that lost what was chosen would have to be made again.
func TestAPreviewSavesNothingAndKeepsWhatWasChosen(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	got := b.withFiles("/admin/look/preview", map[string]string{"version": "0", "name": "Meteora", "accent": "#8a1f6b", "headline": "Soon", "intro": "Text"}, map[string]string{"logo_file": picturePNG(t, 90, 90)})
	got.has(t, "Nothing is saved yet", "Meteora", "Soon", `value="#8a1f6b"`, ".css")
	logo := regexp.MustCompile(`name="logo" value="([0-9a-f]+)"`).FindStringSubmatch(got.body)
	if logo == nil {
		t.Fatal("the chosen logo is not in the form")
	}
	p.visitor().get("/").has(t, "Gatehouse")
	b.sees(b.withFiles("/admin/look", map[string]string{"version": "0", "name": "Meteora", "accent": "#8a1f6b", "logo": logo[1]}, nil)).has(t, "/look/"+logo[1]+".png")
}

// What cannot be read must not hold, and whoever chose it is told what can.
func TestALookThatIsNotLegalIsRefusedWithWhatWouldBe(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	tests := []struct {
		name          string
		fields, files map[string]string
		want          []string
	}{
		{"accent", map[string]string{"version": "0", "accent": "#ffcc00", "name": "Kept"}, nil, []string{"The nearest that has it is #", "Use #", `value="Kept"`}},
		{"no colour", map[string]string{"version": "0", "accent": "blue"}, nil, []string{"Write a colour such as"}},
		{"svg", map[string]string{"version": "0"}, map[string]string{"logo_file": `<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`}, []string{"Choose a PNG, JPEG or GIF"}},
		{"name", map[string]string{"version": "0", "name": strings.Repeat("x", 41)}, nil, []string{"at most 40"}},
		{"image that is gone", map[string]string{"version": "0", "logo": "abcdef"}, nil, []string{"not kept any more"}},
		{"stale", map[string]string{"version": "7", "name": "Late"}, nil, []string{"Somebody else changed the look", `value="Late"`}},
	}
	for _, tt := range tests {
		got := b.withFiles("/admin/look", tt.fields, tt.files)
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, want 422", tt.name, got.status)
		}
		got.has(t, tt.want...)
	}
	p.visitor().get("/").has(t, "Gatehouse")
	b.part("/admin/look/contrast?accent=%23ffcc00").has(t, "at least 1.", "Dark", "to 1")
	for _, path := range []string{"/look/ffcc00-00000000.css", "/look/0b6b3a-00000000.css", "/look/x.png", "/look/a-b.css", "/look/app.js"} {
		if got := p.visitor().get(path); got.status != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", path, got.status)
		}
	}
}
