package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"gatehouse/e2e/chromium"
	"gatehouse/models/store/storetest"
)

var updateLooks = flag.Bool("update-looks", false, "keep what the main pages look like now as what they should look like")

// screen is how a page is looked at. What is kept of it is shrunk: it shows where things are, and of which colour, and forgives how letters are drawn.
type screen struct {
	name          string
	width, height int64
	scheme        string
	shrink        int
	seldom        bool // only with GATEHOUSE_LOOKS=all
}

var screens = []screen{
	{"wide-light", 1440, 1200, "light", 4, false},
	{"phone-dark", 390, 1200, "dark", 3, false},
	{"wide-dark", 1440, 1200, "dark", 4, true},
	{"phone-light", 390, 1200, "light", 3, true},
}

// mainPages are those that most people see.
func (p *portal) mainPages() map[string]page {
	at := func(reader, path string) page { return page{reader: reader, path: path} }
	return map[string]page{
		"landing":       at(visitor, "/"),
		"catalog":       at(visitor, "/apis"),
		"api":           at(visitor, "/apis/"+p.APISlug),
		"reference":     at(visitor, "/apis/"+p.APISlug+"/docs"),
		"sign-in":       at(visitor, "/signin"),
		"home":          at(developer, "/home"),
		"key":           at(developer, "/keys/"+p.Key.String()),
		"usage":         at(developer, "/usage?range=7d"),
		"subscription":  at(developer, "/subscriptions/"+p.Subscription.String()),
		"log":           at(developer, "/log"),
		"request":       at(developer, "/requests/"+p.request),
		"notices":       at(developer, "/notices"),
		"owner":         at(owner, "/owner"),
		"plans":         at(owner, "/owner/plans"),
		"plan":          at(owner, "/owner/plans/"+p.Plan.String()),
		"subscriptions": at(owner, "/owner/subscriptions"),
		"customer":      at(owner, "/owner/customers/"+p.Developer.ID.String()),
		"analytics":     at(owner, "/owner/analytics"),
		"statements":    at(owner, "/owner/statements"),
		"accounts":      at(admin, "/admin/accounts"),
	}
}

// TestMainPagesLookAsTheyShould compares the main pages with pictures in testdata/looks. -update-looks keeps them anew; look at them before you commit.
func TestMainPagesLookAsTheyShould(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 26) // ids and key values are the same each time
	folder := t.TempDir()
	p := openPortal(t, folder, seedFolder(t, folder, storetest.Few()))
	for _, work := range []func(context.Context, time.Time) error{p.in.store.CloseMonths, p.in.store.RefreshCustomers} { // what serve does each hour
		if err := work(t.Context(), p.Now); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(p.in.portal.Handler)
	t.Cleanup(server.Close)
	all := *updateLooks || os.Getenv("GATEHOUSE_LOOKS") == "all"
	for _, s := range screens {
		if s.seldom && !all {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			tab := tab{t, chromium.Start(t, s.width, s.height, s.scheme), s}
			for name, g := range p.mainPages() {
				tab.compare(name+"-"+s.name, server.URL, p.cookies[g.reader], g.path)
			}
		})
	}
}

// tab is a browser that shows one page after the other.
type tab struct {
	*testing.T
	ctx context.Context
	screen
}

func (b tab) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b tab) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// settle waits until a page is drawn.
const settle = `(async () => {
	await document.fonts.ready;
	await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
	return true })()`

// picture is what a page looks like to a reader.
func (b tab) picture(portal, cookie, path string) image.Image {
	b.Helper()
	name, value, _ := strings.Cut(cookie, "=")
	b.must(b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, network.ClearBrowserCookies, cdp.Empty{}); err != nil || cookie == "" {
			return err
		}
		_, err := cdp.Call(ctx, target, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: portal})
		return err
	}), chromedp.Navigate(portal+path)))
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](settle, chromedp.EvalAwaitPromise))
	b.must(err)
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	b.must(err)
	full, err := png.Decode(bytes.NewReader(shot))
	b.must(err)
	return shrink(full, b.shrink)
}

// compare fails the test when a page does not look as it should.
func (b tab) compare(name, portal, cookie, path string) {
	b.Helper()
	got := b.picture(portal, cookie, path)
	file := filepath.Join("testdata", "looks", name+".png")
	if *updateLooks {
		b.keep(file, got)
		return
	}
	body, err := os.ReadFile(file)
	if err != nil {
		b.Errorf("no picture of %s: %v. Make one with go test -run TestMainPagesLook -update-looks .", path, err)
		return
	}
	want, err := png.Decode(bytes.NewReader(body))
	b.must(err)
	if problem := differ(want, got); problem != "" {
		seen := filepath.Join("e2e", "artifacts", name+".png")
		b.keep(seen, got)
		b.Errorf("%s does not look like %s: %s. See %s; if it is right, keep it with -update-looks.", path, file, problem, seen)
	}
}

func (b tab) keep(file string, picture image.Image) {
	b.Helper()
	var body bytes.Buffer
	b.must(png.Encode(&body, picture))
	b.must(os.MkdirAll(filepath.Dir(file), 0o755))
	b.must(os.WriteFile(file, body.Bytes(), 0o644))
}

// shrink makes a picture smaller by averaging squares, with 32 shades of each colour.
func shrink(full image.Image, by int) image.Image {
	size := full.Bounds().Size().Div(by)
	out := image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			var r, g, b uint32
			for i := range by * by {
				pr, pg, pb, _ := full.At(x*by+i%by, y*by+i/by).RGBA()
				r, g, b = r+pr>>8, g+pg>>8, b+pb>>8
			}
			n := uint32(by * by)
			shade := func(sum uint32) uint8 { return uint8(sum/n) &^ 7 }
			out.SetRGBA(x, y, color.RGBA{shade(r), shade(g), shade(b), 255})
		}
	}
	return out
}

// differ says in how far two pictures do, or "". Less than one point of two hundred may be another.
func differ(want, got image.Image) string {
	if want.Bounds() != got.Bounds() {
		return fmt.Sprintf("it is %v large, not %v", got.Bounds().Size(), want.Bounds().Size())
	}
	const close = 24 << 8
	others, size := 0, want.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			r, g, b, _ := want.At(x, y).RGBA()
			r2, g2, b2, _ := got.At(x, y).RGBA()
			if apart(r, r2) > close || apart(g, g2) > close || apart(b, b2) > close {
				others++
			}
		}
	}
	if others*200 > size.X*size.Y {
		return fmt.Sprintf("%d of %d points are of another colour", others, size.X*size.Y)
	}
	return ""
}

func apart(a, b uint32) uint32 { return max(a, b) - min(a, b) }
