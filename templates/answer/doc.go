// Package answer shows what came back from a call that a person sent from a page:
// the panel below a test request, and beside an operation of the reference.
//
//	answer.Shown(answer.View{Status: 200, Took: "43 ms", Size: "1.2 kB", Body: code.Body()})
//
// All text in a View is from strangers and is escaped; nothing of it is rendered.
// The package imports templ and the kit alone.
package answer
