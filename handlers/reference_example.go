package handlers

import (
	"regexp"
	"strings"

	"gatehouse/templates/snippet"
)

// jsonPiece finds the coloured pieces of JSON: a text (with the colon that makes it a name), a number, a word.
var jsonPiece = regexp.MustCompile(`("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b`)

// exampleCode colours an example of a body; what is no JSON stays plain.
func exampleCode(mediaType, text string) snippet.Code {
	if !strings.Contains(mediaType, "json") {
		return snippet.Code{{Text: text}}
	}
	var code snippet.Code
	end := 0
	for _, m := range jsonPiece.FindAllStringSubmatchIndex(text, -1) {
		code = append(code, snippet.Token{Text: text[end:m[0]]})
		end = m[1]
		switch {
		case m[4] >= 0: // "name":
			code = append(code, snippet.Token{Class: "tok-fn", Text: text[m[2]:m[3]]}, snippet.Token{Text: text[m[4]:m[5]]})
		case m[2] >= 0:
			code = append(code, snippet.Token{Class: "tok-str", Text: text[m[2]:m[3]]})
		default:
			code = append(code, snippet.Token{Class: "tok-num", Text: text[m[0]:m[1]]})
		}
	}
	return append(code, snippet.Token{Text: text[end:]})
}
