package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxConfigFile bounds a file of settings: a mistyped name must not read a database.
const maxConfigFile = 1 << 20

// setting is a line of a file of settings.
type setting struct {
	line        int
	name, value string
}

// readSettings reads a file of settings: "name = value" on a line, with the names of flags; a flag that may stand several times may do so here. Lines that
// begin with # and empty ones are left out. Its problems are of lines that are no setting; err says that there is no file to read.
func readSettings(path string) (found []setting, problems []error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err == nil && len(text) > maxConfigFile {
		err = fmt.Errorf("%s is no file of settings: it is larger than %s", path, size(maxConfigFile))
	}
	if err != nil {
		return nil, nil, err
	}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	lines.Buffer(nil, maxConfigFile+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t") {
			problems = append(problems, fmt.Errorf("%s, line %d: it is not name = value", path, n)) // it may be a secret: it is not repeated
			continue
		}
		found = append(found, setting{n, name, strings.TrimSpace(value)})
	}
	return found, problems, nil
}

// fromFile sets the flags that were neither given nor in the environment. What other commands take is passed over: all read the same file.
func fromFile(fs *flag.FlagSet, path string) error {
	settings, problems, err := readSettings(path)
	if err != nil {
		return err
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	known, several := settingNames()
	seen := map[string]int{}
	for _, s := range settings {
		add := func(format string, args ...any) {
			problems = append(problems, fmt.Errorf("%s, line %d: "+format, append([]any{path, s.line}, args...)...))
		}
		first, again := seen[s.name]
		seen[s.name] = s.line
		switch {
		case !known[s.name] || s.name == configFlag:
			add("there is no setting %q", s.name)
		case again && !several[s.name]:
			add("%s stands on line %d already", s.name, first)
		case given[s.name] || fs.Lookup(s.name) == nil:
		default:
			if err := fs.Set(s.name, s.value); err != nil {
				add("%s: %w", s.name, err)
			}
		}
	}
	return errors.Join(problems...)
}

// settingNames are the flags of serve, which are all that a file may have, and those that may stand several times.
func settingNames() (known, several map[string]bool) {
	known, several = map[string]bool{}, map[string]bool{}
	settingFlags(new(config)).VisitAll(func(f *flag.Flag) {
		known[f.Name] = true
		if _, isList := f.Value.(*list); isList {
			several[f.Name] = true
		}
	})
	return known, several
}

// settingFlags are the flags of serve, for c.
func settingFlags(c *config) *flag.FlagSet {
	fs := flag.NewFlagSet("gatehouse serve", flag.ContinueOnError)
	c.dataFlags(fs)
	c.listenFlags(fs)
	return fs
}

// configFlag is the flag of the file itself.
const configFlag = "config"
