package snippet

import (
	"slices"
	"strings"
)

// Go is a program of the standard library alone, as gofmt writes it.
func Go(r Request) Code {
	r = r.clean()
	p := program{keywords: " package import func nil if defer ", quote: golang, plus: "+", env: func(name string) string { return `os.Getenv("` + name + `")` }}
	const fatal = "\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n"
	p.write("package main\n\nimport (\n")
	for _, name := range imports(r) {
		p.write("\t\"" + name + "\"\n")
	}
	p.write(")\n\nfunc main() {\n")
	if r.File != "" {
		p.write("\tdata, err := os.ReadFile(")
		p.text(r.File)
		p.write(")\n" + fatal)
	}
	if len(r.Form) > 0 {
		p.write("\tvar form bytes.Buffer\n\tfields := multipart.NewWriter(&form)\n")
		for _, part := range r.Form {
			if part.File == "" {
				p.write("\tfields.WriteField(")
				p.text(part.Name)
				p.write(", ")
				p.text(part.Value)
			} else {
				p.write("\tattach(fields, ")
				p.text(part.Name)
				p.write(", ")
				p.text(part.File)
			}
			p.write(")\n")
		}
		p.write("\tfields.Close()\n")
	}
	p.write("\treq, err := http.NewRequest(")
	p.text(r.Method)
	p.write(", ")
	p.value(r.URL, r.URLEnv)
	switch {
	case len(r.Form) > 0:
		p.write(", &form")
	case r.File != "":
		p.write(", bytes.NewReader(data)")
	case r.Body == "":
		p.write(", nil")
	default:
		p.write(", strings.NewReader(")
		p.text(r.Body)
		p.write(")")
	}
	p.write(")\n" + fatal)
	for _, h := range r.Headers {
		p.write("\treq.Header.Set(")
		p.text(h.Name)
		p.write(", ")
		p.value(h.Value, h.Env)
		p.write(")\n")
	}
	if len(r.Form) > 0 {
		p.write("\treq.Header.Set(\"Content-Type\", fields.FormDataContentType())\n")
	}
	p.write("\tres, err := http.DefaultClient.Do(req)\n" + fatal + "\tdefer res.Body.Close()\n\tbody, err := io.ReadAll(res.Body)\n" + fatal +
		"\tfmt.Println(res.StatusCode, string(body))\n}\n")
	if len(r.Form) > 0 && r.sendsFile() {
		p.write("\nfunc attach(form *multipart.Writer, name, path string) {\n\tdata, err := os.ReadFile(path)\n" + fatal +
			"\tpart, err := form.CreateFormFile(name, path)\n" + fatal + "\tif _, err := part.Write(data); err != nil {\n\t\tlog.Fatal(err)\n\t}\n}\n")
	}
	return p.Code
}

// imports are those that the program uses, in order.
func imports(r Request) []string {
	out := []string{"fmt", "io", "log", "net/http"}
	if len(r.Form) > 0 {
		out = slices.Insert(out, 3, "mime/multipart")
	}
	if len(r.Form) > 0 || r.File != "" {
		out = slices.Insert(out, 0, "bytes")
	}
	if r.reads() || r.sendsFile() {
		out = append(out, "os")
	}
	if r.Body != "" {
		out = append(out, "strings")
	}
	return out
}

// Java is a program for Java 11 and newer.
func Java(r Request) Code {
	r = r.clean()
	p := program{keywords: " import public class static void throws new ", quote: java, plus: " + ", env: func(name string) string { return `System.getenv("` + name + `")` }}
	if len(r.Form) > 0 {
		p.write("import java.io.ByteArrayOutputStream;\n")
	}
	p.write("import java.net.URI;\nimport java.net.http.HttpClient;\nimport java.net.http.HttpRequest;\nimport java.net.http.HttpResponse;\n")
	if len(r.Form) > 0 {
		p.write("import java.nio.charset.StandardCharsets;\n")
	}
	if r.sendsFile() {
		p.write("import java.nio.file.Files;\nimport java.nio.file.Path;\n")
	}
	if len(r.Form) > 0 {
		p.write("import java.util.UUID;\n")
	}
	p.write("\npublic class Main {\n    public static void main(String[] args) throws Exception {\n")
	if len(r.Form) > 0 {
		p.write("        String boundary = UUID.randomUUID().toString();\n        ByteArrayOutputStream form = new ByteArrayOutputStream();\n        form.write((\"--\" + boundary).getBytes());\n")
		for _, piece := range pieces(r.Form) {
			if piece.file != "" {
				p.write("        form.write(Files.readAllBytes(Path.of(")
				p.text(piece.file)
				p.write(")));\n")
				continue
			}
			p.write("        form.write((")
			p.joined(piece.text, "String.join(\"\"", "            ")
			if strings.HasSuffix(piece.text, "--") {
				p.write(" + boundary")
			}
			p.write(").getBytes(StandardCharsets.UTF_8));\n")
		}
		p.write("        form.write(\"--\".getBytes());\n")
	}
	p.write("        HttpRequest req = HttpRequest.newBuilder(URI.create(")
	p.value(r.URL, r.URLEnv)
	p.write("))\n")
	for _, h := range r.Headers {
		p.write("            .header(")
		p.text(h.Name)
		p.write(", ")
		p.value(h.Value, h.Env)
		p.write(")\n")
	}
	if len(r.Form) > 0 {
		p.write("            .header(\"Content-Type\", \"multipart/form-data; boundary=\" + boundary)\n")
	}
	switch {
	case len(r.Form) > 0:
		p.write("            .method(")
		p.text(r.Method)
		p.write(", HttpRequest.BodyPublishers.ofByteArray(form.toByteArray()))\n")
	case r.File != "":
		p.write("            .method(")
		p.text(r.Method)
		p.write(", HttpRequest.BodyPublishers.ofFile(Path.of(")
		p.text(r.File)
		p.write(")))\n")
	case r.Body != "":
		p.write("            .method(")
		p.text(r.Method)
		p.write(", HttpRequest.BodyPublishers.ofString(")
		p.joined(r.Body, "String.join(\"\"", "                ")
		p.write("))\n")
	case r.Method != "GET":
		p.write("            .method(")
		p.text(r.Method)
		p.write(", HttpRequest.BodyPublishers.noBody())\n")
	}
	p.write("            .build();\n        HttpResponse<String> res = HttpClient.newHttpClient()\n            .send(req, HttpResponse.BodyHandlers.ofString());\n" +
		"        System.out.println(res.statusCode() + \" \" + res.body());\n    }\n}\n")
	return p.Code
}

// joined is a text of which each line is a literal, joined when the program runs: a
// constant of Java holds 64 kB at most.
func (p *program) joined(s, join, indent string) {
	pieces := lines(s)
	if len(pieces) < 2 {
		p.text(s)
		return
	}
	p.write(join)
	comma := strings.HasSuffix(join, `""`)
	for _, piece := range pieces {
		if comma {
			p.write(",")
		}
		comma = true
		p.write("\n" + indent)
		p.text(piece)
	}
	p.write(")")
}

// CSharp is a program for C# 9 and newer.
func CSharp(r Request) Code {
	r = r.clean()
	p := program{keywords: " using var new await int ", quote: csharp, plus: " + ", env: func(name string) string { return `Environment.GetEnvironmentVariable("` + name + `")` }}
	content := func(h Header) bool { // .NET keeps the headers that tell of a body with the body
		name := strings.ToLower(h.Name)
		return strings.HasPrefix(name, "content-") || name == "allow" || name == "expires" || name == "last-modified"
	}
	header := func(of string, h Header) {
		p.write(of + ".TryAddWithoutValidation(")
		p.text(h.Name)
		p.write(", ")
		p.value(h.Value, h.Env)
		p.write(");\n")
	}
	p.write("using System;\n")
	if r.sendsFile() {
		p.write("using System.IO;\n")
	}
	p.write("using System.Net.Http;\nusing System.Text;\n\nusing var client = new HttpClient();\nusing var req = new HttpRequestMessage(new HttpMethod(")
	p.text(r.Method)
	p.write("), ")
	p.value(r.URL, r.URLEnv)
	p.write(");\n")
	for _, h := range r.Headers {
		if !content(h) {
			header("req.Headers", h)
		}
	}
	if len(r.Form) > 0 {
		p.write("var form = new MultipartFormDataContent();\n")
		for _, part := range r.Form {
			if part.File == "" {
				p.write("form.Add(new StringContent(")
				p.text(part.Value)
				p.write("), ")
				p.text(part.Name)
			} else {
				p.write("form.Add(new ByteArrayContent(File.ReadAllBytes(")
				p.text(part.File)
				p.write(")), ")
				p.text(part.Name)
				p.write(", ")
				p.text(part.File)
			}
			p.write(");\n")
		}
		p.write("req.Content = form;\n")
	} else if r.sends() || slices.ContainsFunc(r.Headers, content) {
		p.write("req.Content = new ByteArrayContent(")
		if r.File != "" {
			p.write("File.ReadAllBytes(")
			p.text(r.File)
		} else {
			p.write("Encoding.UTF8.GetBytes(")
			p.joined(r.Body, "string.Concat(", "    ")
		}
		p.write("));\n")
		for _, h := range r.Headers {
			if content(h) {
				header("req.Content.Headers", h)
			}
		}
	}
	p.write("using var res = await client.SendAsync(req);\nConsole.WriteLine((int)res.StatusCode + \" \" + await res.Content.ReadAsStringAsync());\n")
	return p.Code
}
