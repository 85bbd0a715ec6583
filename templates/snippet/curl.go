package snippet

import "strings"

// Curl is a command for a POSIX shell.
func Curl(r Request) Code {
	r = r.clean()
	var c Code
	next := " \\\n  "
	c.add(called, "curl")
	if strings.ContainsAny(r.URL, "[]") {
		c.add("", " --globoff") // curl expands brackets otherwise
	}
	c.add("", " ")
	if r.Method == "HEAD" {
		c.add("", "--head ")
	} else if r.Method != "GET" && !(r.Method == "POST" && (r.Body != "" || r.File != "" || len(r.Form) > 0)) {
		c.add("", "-X "+shell(r.Method)+" ")
	}
	if strings.HasPrefix(r.URL, "-") {
		c.add("", "--url ") // not an option, whatever it looks like
	}
	if r.URLEnv != "" {
		c.add(literal, `"`+doubled(r.URL)+`$`+r.URLEnv+`"`)
	} else {
		c.add(literal, shell(r.URL))
	}
	for _, h := range r.Headers {
		c.add("", next+"-H ")
		switch {
		case h.Env != "":
			c.add(literal, `"`+doubled(h.Name+": "+h.Value)+`$`+h.Env+`"`)
		case h.Value == "":
			c.add(literal, shell(h.Name+";")) // curl's way to send an empty header
		default:
			c.add(literal, shell(h.Name+": "+h.Value))
		}
	}
	for _, p := range r.Form {
		if p.File == "" {
			c.add("", next+"--form-string ")
			c.add(literal, shell(p.Name+"="+p.Value))
		} else {
			c.add("", next+"-F ")
			c.add(literal, shell(p.Name+`=@"`+p.File+`"`))
		}
	}
	if r.File != "" {
		c.add("", next+"--data-binary ")
		c.add(literal, shell("@"+r.File))
	}
	if r.Body != "" {
		c.add("", next+"--data-raw ")
		c.add(literal, shell(r.Body))
	}
	return c
}

// shell quotes for POSIX shells; only what needs quotes gets them.
func shell(s string) string {
	safe := func(r rune) bool { return letter(r) || digit(r) || strings.ContainsRune("-_./:@%+,", r) }
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	if !strings.ContainsAny(s, "\"$`\\!") {
		return `"` + s + `"`
	}
	return `'` + strings.ReplaceAll(s, `'`, `'\''`) + `'`
}

// doubled escapes for the inside of double quotes of a POSIX shell. An exclamation
// mark would be history in an interactive one, and cannot be escaped there.
func doubled(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`", `!`, `"'!'"`).Replace(s)
}
