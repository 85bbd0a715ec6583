package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/models"
)

var (
	goTestCommand = regexp.MustCompile("`go test (\\./\\S+|\\.)(?: -run (?:'([^']+)'|(\\S+)))?`")
	makeCommand   = regexp.MustCompile("`make ([a-z-]+)`")
	testName      = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// A guarantee whose proof was renamed would be proved by a command that runs nothing, and succeeds.
func TestEveryGuaranteeNamesTestsThatExist(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join("docs", "guarantees.md"))
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(manual), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| promise") {
			continue
		}
		line = strings.ReplaceAll(line, `\|`, "\x00")
		cells := strings.Split(line, "|")
		promise, proof := cells[1], strings.ReplaceAll(cells[3], "\x00", "|")
		commands := goTestCommand.FindAllStringSubmatch(proof, -1)
		for _, c := range commands {
			for _, alternative := range strings.Split(c[2]+c[3], "|") {
				if !hasTest(t, c[1], alternative) {
					t.Errorf("%q: %s runs no test for %q", promise, c[0], alternative)
				}
			}
		}
		targets := makeCommand.FindAllStringSubmatch(proof, -1)
		for _, c := range targets {
			if !strings.Contains(string(makefile), "\n"+c[1]+":") {
				t.Errorf("%q: there is no %s", promise, c[0])
			}
		}
		if len(commands)+len(targets) == 0 {
			t.Errorf("%q: no command proves it: %s", promise, proof)
		}
	}
}

func hasTest(t *testing.T, folder, pattern string) bool {
	t.Helper()
	run, err := regexp.Compile(pattern)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range testName.FindAllStringSubmatch(string(text), -1) {
			if run.MatchString(name[1]) {
				return true
			}
		}
	}
	return false
}

// Whoever writes a receiver looks events up in the manual: none is missing, and none stands there that is never sent.
func TestTheManualNamesEveryEvent(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join("docs", "alerts.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\| (?:owner|developer|both|whoever asks) \\|").FindAllStringSubmatch(string(manual), -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			told[name[1]] = true
		}
	}
	for _, kind := range models.NoticeTypes() {
		sent := kind.Side != models.SideNone || kind.Kind == models.NoticeTest
		if told[string(kind.Kind)] != sent {
			t.Errorf("%s: in the manual %v, sent to webhooks %v", kind.Kind, told[string(kind.Kind)], sent)
		}
		delete(told, string(kind.Kind))
	}
	for name := range told {
		t.Errorf("the manual has %s, which there is not", name)
	}
}
