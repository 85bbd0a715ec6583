package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"gatehouse/models"
)

var guideAddress = regexp.MustCompile(`/owner/apis/[0-9a-z]{10}/guides/[0-9a-z]{10}`)

// A guide is read by whoever sees the API, once it is published, and by nobody else; nobody else writes it.
func TestAGuideIsSeenAsItsAPIIs(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "weather", nil)
	hidden := p.world(p.owner, "hidden", func(terms *models.Terms) { terms.Audience = models.AudienceInvited })
	b, stranger, visitor := p.signedIn("owner@example.com"), p.signedIn("stranger@example.com"), p.visitor()
	path := "/owner/apis/" + w.api.ID.String() + "/guides"
	b.get(path).has(t, "No guides yet", "Write the first")
	b.sees(b.post(path, "title", "First call", "text", "# Begin\n\n```\ncurl x\n```\n## Then\n\ntext")).has(t, "Saved as a draft", "Draft")
	visitor.get("/apis/weather").hasNot(t, "/guides")
	if got := visitor.get("/apis/weather/guides/first-call"); got.status != http.StatusNotFound {
		t.Errorf("a draft: %d, want 404", got.status)
	}
	edit := guideAddress.FindString(b.get(path).body)
	for _, who := range []*browser{stranger, p.signedIn("developer@example.com")} {
		for _, got := range []answer{who.get(path), who.get(edit), who.post(edit, "title", "x", "version", "1"), who.post(edit + "/delete"), who.post(edit+"/move", "to", "up"), who.post(path, "title", "x")} {
			if got.status != http.StatusNotFound {
				t.Errorf("another owner or a developer gets %d, want 404", got.status)
			}
		}
	}
	b.sees(b.post(edit, "title", "First call", "text", "# Begin\n\n```\ncurl x\n```\n## Then\n\ntext\n\n## End", "published", "on", "version", "1")).has(t, "Whoever sees the API can read it", "Published")
	visitor.get("/apis/weather").has(t, `href="/apis/weather/guides"`)
	visitor.get("/apis/weather/guides").has(t, "First call")
	got := visitor.get("/apis/weather/guides/first-call")
	got.has(t, `id="s-begin"`, `href="#s-then"`, `data-copy="#c-1"`, "Edited")
	got.hasNot(t, edit)
	b.get("/apis/weather/guides/first-call").has(t, edit)
	if md := visitor.get("/apis/weather/guides/first-call.md"); md.header.Get("Content-Type") != "text/markdown; charset=utf-8" || !strings.HasPrefix(md.body, "# First call\n\n# Begin") {
		t.Errorf("the Markdown: %v %q", md.header, md.body)
	}
	secret := "/owner/apis/" + hidden.api.ID.String() + "/guides"
	b.post(secret, "title", "Inside", "text", "x", "published", "on")
	for _, address := range []string{"/apis/hidden/guides", "/apis/hidden/guides/inside", "/apis/hidden/guides/inside.md"} {
		if got := visitor.get(address); got.status != http.StatusNotFound {
			t.Errorf("%s of a private API: %d, want 404", address, got.status)
		}
		if got := b.get(address); got.status != http.StatusOK {
			t.Errorf("%s for its owner: %d", address, got.status)
		}
	}
}

// Of two tabs the later one must not lose what the earlier one saved, and what was typed must not be lost either.
func TestTwoTabsDoNotOverwriteEachOther(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "weather", nil)
	b := p.signedIn("owner@example.com")
	path := "/owner/apis/" + w.api.ID.String() + "/guides"
	b.post(path, "title", "One", "text", "first")
	edit := guideAddress.FindString(b.get(path).body)
	b.post(edit, "title", "One", "slug", "one", "text", "of the first tab", "version", "1")
	got := b.post(edit, "title", "One", "slug", "one", "text", "of the second tab", "version", "1")
	if got.status != http.StatusUnprocessableEntity {
		t.Fatalf("the second tab: %d, want 422", got.status)
	}
	got.has(t, "changed meanwhile, by owner@example.com", "of the second tab", `name="version" value="2"`)
	b.get(edit).has(t, "of the first tab")
	b.post(edit, "title", "One", "slug", "one", "text", "of the second tab", "version", "2")
	b.get(edit).has(t, "of the second tab")
}

func TestGuidesAreOrderedPreviewedAndDeleted(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "weather", nil)
	b := p.signedIn("owner@example.com")
	path := "/owner/apis/" + w.api.ID.String() + "/guides"
	for _, title := range []string{"Alpha", "Beta", "Gamma"} {
		b.post(path, "title", title, "text", title, "published", "on")
	}
	order := func() string {
		var names []string
		for _, m := range regexp.MustCompile(`<span class="strong">(\w+)</span>`).FindAllStringSubmatch(p.visitor().get("/apis/weather/guides").body, -1) {
			names = append(names, m[1])
		}
		return strings.Join(names, " ")
	}
	all := regexp.MustCompile(`href="(`+guideAddress.String()+`)"`).FindAllStringSubmatch(b.get(path).body, -1)
	b.post(all[2][1]+"/move", "to", "up")
	b.post(all[2][1]+"/move", "to", "up")
	b.post(all[2][1]+"/move", "to", "up") // at its end it stays
	b.post(all[0][1]+"/move", "to", "down")
	if got := order(); got != "Gamma Beta Alpha" {
		t.Errorf("the order is %q", got)
	}
	p.visitor().get("/apis/weather/guides/gamma").has(t, "Next: Beta")
	got := b.post(path+"/preview", "title", "Draft", "text", "**bold** ![a](https://evil.example/x.png)\n\n<script>alert(1)</script>\n\n[go](javascript:alert(1))")
	got.has(t, "Nothing is saved yet", "<strong>bold</strong>", "1 image in this text will not be shown")
	got.hasNot(t, "<script>alert", "<img src=\"https", `href="javascript`)
	for name, tt := range map[string][]string{
		"no title": {"title", "", "text", "kept"}, "taken": {"title", "Alpha", "text", "kept"}, "bad address": {"title", "A", "slug", "No Way", "text", "kept"}, "too long": {"title", "A long one", "text", strings.Repeat("ü", 40_000)},
	} {
		got := b.post(path, tt...)
		if got.status != http.StatusUnprocessableEntity && got.status != http.StatusConflict {
			t.Errorf("%s: %d, want the form again", name, got.status)
		}
		got.has(t, tt[3][:4])
	}
	b.get(all[1][1]+"/delete").has(t, "Delete Beta?")
	b.sees(b.post(all[1][1]+"/delete")).has(t, "Beta is deleted")
	if got := order(); got != "Gamma Alpha" {
		t.Errorf("after deleting the order is %q", got)
	}
}

// Readers who listen go by the levels: parts that are equal in the text are equal on the page, wherever its author began to count.
func TestPartsOfAGuideKeepTheirRank(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "weather", nil)
	b := p.signedIn("owner@example.com")
	b.post("/owner/apis/"+w.api.ID.String()+"/guides", "title", "Ranks", "published", "on", "text", "## One\n\n### Below\n\n## Two\n\n## Three")
	p.visitor().get("/apis/weather/guides/ranks").has(t, `<h2 id="s-one">`, `<h3 id="s-below">`, `<h2 id="s-two">`, `<h2 id="s-three">`)
}
