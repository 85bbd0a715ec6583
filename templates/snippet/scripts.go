package snippet

import "strings"

// JavaScript is a module for Node 18 and newer, Deno and Bun, or a browser where keys are no secret.
func JavaScript(r Request) Code {
	r = r.clean()
	p := program{keywords: " const await import from new ", quote: javascript, plus: " + ", env: func(name string) string { return "process.env." + name }}
	if r.sendsFile() {
		p.write("import { readFile } from \"node:fs/promises\";\n\n")
	}
	if len(r.Form) > 0 {
		p.write("const form = new FormData();\n")
		for _, part := range r.Form {
			p.write("form.append(")
			p.text(part.Name)
			p.write(", ")
			if part.File == "" {
				p.text(part.Value)
			} else {
				p.write("new Blob([await readFile(")
				p.text(part.File)
				p.write(")]), ")
				p.text(part.File)
			}
			p.write(");\n")
		}
	}
	p.write("const res = await fetch(")
	p.value(r.URL, r.URLEnv)
	if r.Method != "GET" || len(r.Headers) > 0 {
		p.write(", {\n")
		if r.Method != "GET" {
			p.write("  method: ")
			p.text(r.Method)
			p.write(",\n")
		}
		if len(r.Headers) > 0 {
			p.write("  headers: {\n")
			p.pairs("    ", r.Headers, ": ")
			p.write("  },\n")
		}
		if r.Body != "" {
			p.write("  body: ")
			p.body(r.Body, template)
			p.write(",\n")
		}
		if len(r.Form) > 0 {
			p.write("  body: form,\n")
		}
		if r.File != "" {
			p.write("  body: await readFile(")
			p.text(r.File)
			p.write("),\n")
		}
		p.write("}")
	}
	p.write(");\nconsole.log(res.status, await res.text());\n")
	return p.Code
}

// pairs are headers as the entries of a map, a line each.
func (p *program) pairs(indent string, headers []Header, between string) {
	for _, h := range headers {
		p.write(indent)
		p.text(h.Name)
		p.write(between)
		p.value(h.Value, h.Env)
		p.write(",\n")
	}
}

// body is a text that may have several lines, which many writes as they are.
func (p *program) body(s string, many func(string) string) {
	if strings.Contains(s, "\n") {
		p.add(literal, many(s))
	} else {
		p.text(s)
	}
}

// Python uses requests, which nearly everybody has.
func Python(r Request) Code {
	r = r.clean()
	p := program{keywords: " import ", quote: python, plus: " + ", env: func(name string) string { return `os.environ["` + name + `"]` }}
	if r.reads() {
		p.write("import os\n\n")
	}
	p.write("import requests\n\nres = requests.request(\n    ")
	p.text(r.Method)
	p.write(",\n    ")
	p.value(r.URL, r.URLEnv)
	p.write(",\n")
	if len(r.Headers) > 0 {
		p.write("    headers={\n")
		p.pairs("        ", r.Headers, ": ")
		p.write("    },\n")
	}
	if r.Body != "" {
		p.write("    data=")
		p.body(r.Body, docstring)
		p.write(".encode(),\n")
	}
	if r.File != "" {
		p.write("    data=open(")
		p.text(r.File)
		p.write(", \"rb\"),\n")
	}
	if len(r.Form) > 0 {
		p.write("    files=[\n")
		for _, part := range r.Form {
			p.write("        (")
			p.text(part.Name)
			if part.File == "" {
				p.write(", (None, ")
				p.text(part.Value)
				p.write(")),\n")
				continue
			}
			p.write(", (")
			p.text(part.File)
			p.write(", open(")
			p.text(part.File)
			p.write(", \"rb\"))),\n")
		}
		p.write("    ],\n")
	}
	p.write("    timeout=10,\n)\nprint(res.status_code, res.text)\n")
	return p.Code
}

// PHP is a script for its curl extension.
func PHP(r Request) Code {
	r = r.clean()
	p := program{keywords: " true false if exit echo ", quote: php, plus: " . ", env: func(name string) string { return "getenv('" + name + "')" }}
	p.write("<?php\n")
	if len(r.Form) > 0 {
		p.write("$boundary = bin2hex(random_bytes(16));\n$form = '--' . $boundary")
		for _, piece := range pieces(r.Form) {
			if piece.file != "" {
				p.write(" . file_get_contents(")
				p.text(piece.file)
				p.write(")")
				continue
			}
			p.write("\n    . ")
			p.text(piece.text)
			if strings.HasSuffix(piece.text, "--") {
				p.write(" . $boundary")
			}
		}
		p.write("\n    . '--';\n")
		r.Headers = append(r.Headers, Header{Name: "Content-Type", Value: "multipart/form-data; boundary="})
	}
	p.write("$ch = curl_init(")
	p.value(r.URL, r.URLEnv)
	p.write(");\ncurl_setopt_array($ch, [\n    CURLOPT_RETURNTRANSFER => true,\n")
	switch r.Method {
	case "GET":
	case "HEAD":
		p.write("    CURLOPT_NOBODY => true,\n")
	default:
		p.write("    CURLOPT_CUSTOMREQUEST => ")
		p.text(r.Method)
		p.write(",\n")
	}
	if len(r.Headers) > 0 {
		p.write("    CURLOPT_HTTPHEADER => [\n")
		for _, h := range r.Headers {
			p.write("        ")
			if h.Value == "" && h.Env == "" {
				p.text(h.Name + ";") // curl's way to send an empty header
			} else {
				p.value(h.Name+": "+h.Value, h.Env)
			}
			if len(r.Form) > 0 && h.Name == "Content-Type" {
				p.write(" . $boundary")
			}
			p.write(",\n")
		}
		p.write("    ],\n")
	}
	if r.Body != "" {
		p.write("    CURLOPT_POSTFIELDS => ")
		p.text(r.Body)
		p.write(",\n")
	}
	if len(r.Form) > 0 {
		p.write("    CURLOPT_POSTFIELDS => $form,\n")
	}
	if r.File != "" {
		p.write("    CURLOPT_POSTFIELDS => file_get_contents(")
		p.text(r.File)
		p.write("),\n")
	}
	p.write("]);\n$body = curl_exec($ch);\nif ($body === false) {\n    exit(curl_error($ch));\n}\necho curl_getinfo($ch, CURLINFO_RESPONSE_CODE), ' ', $body, \"\\n\";\n")
	return p.Code
}

// Ruby uses Net::HTTP of its standard library.
func Ruby(r Request) Code {
	r = r.clean()
	p := program{keywords: " require do end true false ", quote: ruby, plus: " + ", env: func(name string) string { return `ENV.fetch("` + name + `")` }}
	p.write("require \"net/http\"\n\nuri = URI(")
	p.value(r.URL, r.URLEnv)
	p.write(")\nreq = Net::")
	simple := r.Method == "GET" || r.Method == "HEAD" || r.sends() && (r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH")
	switch {
	case simple:
		p.write("HTTP::" + r.Method[:1] + strings.ToLower(r.Method[1:]) + ".new(uri)\n")
	case r.sends():
		p.write("HTTPGenericRequest.new(\"" + r.Method + "\", true, true, uri)\n")
	default: // its own classes invent a type for a body that is not there
		p.write("HTTPGenericRequest.new(\"" + r.Method + "\", false, true, uri)\n")
	}
	for _, h := range r.Headers {
		p.write("req[")
		p.text(h.Name)
		p.write("] = ")
		p.value(h.Value, h.Env)
		p.write("\n")
	}
	if r.Body != "" {
		p.write("req.body = ")
		p.text(r.Body)
		p.write("\n")
	}
	if r.File != "" {
		p.write("req.body = File.binread(")
		p.text(r.File)
		p.write(")\n")
	}
	if len(r.Form) > 0 {
		p.write("req.set_form([\n")
		for _, part := range r.Form {
			p.write("  [")
			p.text(part.Name)
			if part.File == "" {
				p.write(", ")
				p.text(part.Value)
			} else {
				p.write(", File.open(")
				p.text(part.File)
				p.write(", \"rb\")")
			}
			p.write("],\n")
		}
		p.write("], \"multipart/form-data\")\n")
	}
	p.write("\nres = Net::HTTP.start(uri.hostname, uri.port, use_ssl: uri.scheme == \"https\") do |http|\n  http.request(req)\nend\nputs res.code, res.body\n")
	return p.Code
}
