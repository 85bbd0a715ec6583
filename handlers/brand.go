package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync/atomic"

	"gatehouse/models"
	"gatehouse/templates/ui"
)

// BrandStore is what the portal's looks need of the store.
type BrandStore interface {
	Look(ctx context.Context) (models.Look, error)
	LookFile(ctx context.Context, hash string) ([]byte, error)
}

// Brand is what the portal is called and looks like. It reads the look once and its images when they are asked for; who saves a look tells it. Safe for
// concurrent use.
type Brand struct {
	Store   BrandStore
	current atomic.Pointer[models.Look]
}

// Look is what the portal looks like now. Where the records cannot be read it is how the portal comes: a page is worth more than its colours. A nil Brand
// is always so.
func (b *Brand) Look(ctx context.Context) models.Look {
	if b == nil {
		return models.Look{}
	}
	if look := b.current.Load(); look != nil {
		return *look
	}
	look, err := b.Store.Look(ctx)
	if err != nil {
		return models.Look{}
	}
	b.current.CompareAndSwap(nil, &look) // what was saved meanwhile is newer
	return look
}

// changed makes a look hold on the next page.
func (b *Brand) changed(look models.Look) { b.current.Store(&look) }

func (r *Request) brand() ui.Brand { return brandOf(r.Site.Brand.Look(r.Context())) }

// Product is what the portal is called.
func (r *Request) Product() string { return r.Site.Brand.Look(r.Context()).Product() }

// brandOf says where a page finds what a look names.
func brandOf(look models.Look) ui.Brand {
	b := ui.Brand{Name: look.Name}
	if look.Logo != "" {
		b.Logo = lookPath + look.Logo + ".png"
	}
	if look.Icon != "" {
		b.Icon = lookPath + look.Icon + ".png"
	}
	if c, ok := models.ParseColor(look.Accent); ok {
		b.Style = sheetPath(models.NewAccent(c))
	}
	return b
}

// lookPath is where images and sheets of a look are served. Their names are of what is in them, so that nobody asks twice.
const lookPath = "/look/"

// sheet is the style sheet of an accent. It stands in the layer of tokens, behind the portal's own.
func sheet(a models.Accent) []byte {
	return fmt.Appendf(nil, "@layer tokens{:root{--accent:light-dark(%s,%s);--accent-soft:light-dark(%s,%s);--accent-line:light-dark(%s,%s);--code-fn:light-dark(%s,%s)}}\n",
		a.Light.Text, a.Dark.Text, a.Light.Soft, a.Dark.Soft, a.Light.Line, a.Dark.Line, a.Light.Text, a.Dark.Text)
}

// sheetPath names a sheet by its colour, of which it is made when it is asked for, and by what is in it.
func sheetPath(a models.Accent) string {
	sum := sha256.Sum256(sheet(a))
	return lookPath + strings.TrimPrefix(a.Light.Text.String(), "#") + "-" + hex.EncodeToString(sum[:4]) + ".css"
}

// File serves an image or a sheet of a look.
func (b *Brand) File(r *Request) (Reply, error) {
	name := r.Param("file")
	if color, _, ok := strings.Cut(name, "-"); ok {
		c, legal := models.ParseColor(color)
		if a := models.NewAccent(c); legal && sheetPath(a) == lookPath+name {
			return Asset("text/css; charset=utf-8", sheet(a)), nil
		}
		return Reply{}, models.NotFound("file")
	}
	hash, ok := strings.CutSuffix(name, ".png")
	if !ok {
		return Reply{}, models.NotFound("file")
	}
	body, err := b.Store.LookFile(r.Context(), hash)
	if err != nil {
		return Reply{}, err
	}
	return Asset("image/png", body), nil
}
