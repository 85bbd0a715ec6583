// Package static holds the files that pages need besides their HTML: the style
// sheet, the few scripts, fonts, icons, and vendored libraries with their
// licences. All of them are in the binary.
//
// Every file is served under a name that carries a hash of its content, so an
// answer may be kept for ever and a new release is never mixed with an old one:
//
//	<link rel="stylesheet" href={ static.Path("app.css") }>   // /static/app.1f0c9d2a.css
//	mux.Handle(static.Prefix, static.Handler())
//
// Icons are not served: templates/icon draws them into the page by Icon.
//
// Everything here is made once, on first use, and never changes afterwards; all
// functions may be called from any goroutine. The package imports the standard
// library alone.
package static
