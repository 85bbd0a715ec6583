// Package icon draws the icons of static/icons (Lucide, ISC) into pages.
//
//	@icon.Icon("key-round")
//
// An icon is decoration: it is hidden from assistive technology, so the text
// beside it, or an aria-label on its button, must say everything. To use another
// one, copy its file from lucide-static (version in static/vendor/VERSIONS).
package icon

import (
	"context"
	"io"

	"github.com/a-h/templ"

	"gatehouse/static"
)

// Icon is a 16 px icon in the colour of the text.
func Icon(name string) templ.Component { return draw(name, "i") }

// Small is a 14 px icon.
func Small(name string) templ.Component { return draw(name, "i s") }

// Large is a 20 px icon.
func Large(name string) templ.Component { return draw(name, "i l") }

// draw writes markup that is compiled into the binary; nothing of it comes from
// a person.
func draw(name, class string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		inner := static.Icon(name)
		if inner == "" {
			return nil
		}
		_, err := io.WriteString(w, `<svg class="`+class+`" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">`+inner+`</svg>`)
		return err
	})
}
