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
	p.write(")\n\nfunc main() {\n\treq, err := http.NewRequest(")
	p.text(r.Method)
	p.write(", ")
	p.value(r.URL, r.URLEnv)
	if r.Body == "" {
		p.write(", nil")
	} else {
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
	p.write("\tres, err := http.DefaultClient.Do(req)\n" + fatal + "\tdefer res.Body.Close()\n\tbody, err := io.ReadAll(res.Body)\n" + fatal +
		"\tfmt.Println(res.StatusCode, string(body))\n}\n")
	return p.Code
}

// imports are those that the program uses, in order.
func imports(r Request) []string {
	out := []string{"fmt", "io", "log", "net/http"}
	if r.reads() {
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
	p.write("import java.net.URI;\nimport java.net.http.HttpClient;\nimport java.net.http.HttpRequest;\nimport java.net.http.HttpResponse;\n\n" +
		"public class Main {\n    public static void main(String[] args) throws Exception {\n        HttpRequest req = HttpRequest.newBuilder(URI.create(")
	p.value(r.URL, r.URLEnv)
	p.write("))\n")
	for _, h := range r.Headers {
		p.write("            .header(")
		p.text(h.Name)
		p.write(", ")
		p.value(h.Value, h.Env)
		p.write(")\n")
	}
	switch {
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
	p.write("using System;\nusing System.Net.Http;\nusing System.Text;\n\nusing var client = new HttpClient();\nusing var req = new HttpRequestMessage(new HttpMethod(")
	p.text(r.Method)
	p.write("), ")
	p.value(r.URL, r.URLEnv)
	p.write(");\n")
	for _, h := range r.Headers {
		if !content(h) {
			header("req.Headers", h)
		}
	}
	if r.Body != "" || slices.ContainsFunc(r.Headers, content) {
		p.write("req.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(")
		p.joined(r.Body, "string.Concat(", "    ")
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
