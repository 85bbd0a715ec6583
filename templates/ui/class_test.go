package ui_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the folder of all templates.
const root = ".."

// sources reads the files of all templates whose name matches, generated code and
// tests left out.
func sources(t *testing.T, match func(name string) bool) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !match(path) {
			return err
		}
		body, err := os.ReadFile(path)
		out[path] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Mails have no style sheet but their own.
func template(path string) bool {
	return strings.HasSuffix(path, ".templ") && !strings.Contains(path, "/mail/")
}

func code(path string) bool {
	return template(path) || strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_templ.go") && !strings.HasSuffix(path, "_test.go")
}

var (
	cssComment  = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssString   = regexp.MustCompile(`"[^"]*"|url\([^)]*\)`)
	cssSelector = regexp.MustCompile(`([^{}]*)\{`)
	cssClass    = regexp.MustCompile(`\.([A-Za-z][\w-]*)`)
	classPlain  = regexp.MustCompile(`\bclass="([^"]*)"`)
	classExpr   = regexp.MustCompile(`\bclass=\{([^}]*)\}`)
	goString    = regexp.MustCompile("\"((?:[^\"\\\\]|\\\\.)*)\"|`([^`]*)`")
	compared    = regexp.MustCompile(`[=!]=\s*"[^"]*"`)
	word        = regexp.MustCompile(`[A-Za-z][\w-]*`)
)

// defined are the classes of app.css.
func defined(t *testing.T) map[string]bool {
	t.Helper()
	body, err := os.ReadFile("../../static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	css := cssString.ReplaceAllString(cssComment.ReplaceAllString(string(body), ""), "")
	out := map[string]bool{}
	for _, selector := range cssSelector.FindAllStringSubmatch(css, -1) {
		for _, class := range cssClass.FindAllStringSubmatch(selector[1], -1) {
			out[class[1]] = true
		}
	}
	return out
}

// used are the classes that templates write: those of class="…", and the strings
// inside class={ … } that are not compared with something. A string with a dash at
// its end is completed at run time.
func used(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for path, body := range sources(t, template) {
		for _, match := range classPlain.FindAllStringSubmatch(body, -1) {
			for class := range strings.FieldsSeq(match[1]) {
				out[class] = path
			}
		}
		for _, match := range classExpr.FindAllStringSubmatch(body, -1) {
			for _, text := range goString.FindAllStringSubmatch(compared.ReplaceAllString(match[1], ""), -1) {
				for class := range strings.FieldsSeq(text[1] + text[2]) {
					out[class] = path
				}
			}
		}
	}
	return out
}

// prefixes of classes whose rest is a value: "b" + kind, "spk-" + kind, "l" + n.
var prefixes = []string{"b", "l", "spk-"}

// A class without a rule is a typo, or a look that somebody believes in.
func TestClassesOfTemplatesExist(t *testing.T) {
	have := defined(t)
	for class, path := range used(t) {
		if !have[class] && !slices.Contains(prefixes, class) {
			t.Errorf("%s uses the class %q, which static/app.css does not have", path, class)
		}
	}
}

// A rule that nothing uses is weight on every page and a question to every reader.
func TestClassesOfStyleSheetAreUsed(t *testing.T) {
	known := map[string]bool{}
	for class := range used(t) {
		known[class] = true
	}
	texts := sources(t, code)
	script, err := os.ReadFile("../../static/app.js")
	if err != nil {
		t.Fatal(err)
	}
	texts["app.js"] = string(script)
	// Kinds, verbs and levels reach a class attribute as values, so a word inside
	// any string of the code counts.
	for _, body := range texts {
		for _, text := range goString.FindAllStringSubmatch(body, -1) {
			for _, class := range word.FindAllString(text[1]+text[2], -1) {
				known[class] = true
			}
		}
	}
	var unused []string
	for class := range defined(t) {
		if !known[class] && !generated.MatchString(class) {
			unused = append(unused, class)
		}
	}
	slices.Sort(unused)
	if len(unused) > 0 {
		t.Errorf("static/app.css has classes that no template uses: %s", strings.Join(unused, " "))
	}
}

// generated are classes whose name is put together from a value.
var generated = regexp.MustCompile(`^(b|spk-)(2xx|3xx|4xx|429|5xx)$|^l[123]$`)

var (
	iconCall   = regexp.MustCompile(`\b(?:Icon|SmallIcon|LargeIcon|Small|Large)\("([^"]+)"\)`)
	iconField  = regexp.MustCompile(`\bIcon:\s*"([^"]+)"`)
	staticCall = regexp.MustCompile(`static\.Path\("([^"]+)"\)`)
)

// An icon or a file that is missing would be found by people.
func TestNamedFilesExist(t *testing.T) {
	for path, body := range sources(t, code) {
		for _, find := range []*regexp.Regexp{iconCall, iconField} {
			for _, match := range find.FindAllStringSubmatch(body, -1) {
				if _, err := os.Stat("../../static/icons/" + match[1] + ".svg"); err != nil {
					t.Errorf("%s names the icon %q, which static/icons does not have", path, match[1])
				}
			}
		}
		for _, match := range staticCall.FindAllStringSubmatch(body, -1) {
			if _, err := os.Stat("../../static/" + match[1]); err != nil {
				t.Errorf("%s names the file %q, which static does not have", path, match[1])
			}
		}
	}
}

// Icons are in every binary: those that nothing draws are taken out.
func TestIconsAreUsed(t *testing.T) {
	var all strings.Builder
	for _, folder := range []string{root, "../../handlers"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !code(path) {
				return nil // a folder that is not there has no icons
			}
			body, err := os.ReadFile(path)
			all.Write(body)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	icons, err := filepath.Glob("../../static/icons/*.svg")
	if err != nil {
		t.Fatal(err)
	}
	var unused []string
	for _, path := range icons {
		name := strings.TrimSuffix(filepath.Base(path), ".svg")
		if !strings.Contains(all.String(), `"`+name+`"`) {
			unused = append(unused, name)
		}
	}
	if len(unused) > 0 {
		t.Errorf("no template draws the icons %s", strings.Join(unused, " "))
	}
}
