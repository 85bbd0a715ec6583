package models_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
)

const (
	sampleValue = "abcdefghij0123456789klmnopqrst"
	otherValue  = "zyxwvutsrq9876543210klmnopqrst"
)

var (
	planA = models.NewID[models.Plan](1)
	planB = models.NewID[models.Plan](2)
	keyA  = models.NewID[models.Key](1)
)

// The forms that AWS documents: any order and case of columns, single quotes around a list, space around values, byte order mark, CRLF.
func TestKeyFilesOfEveryDocumentedForm(t *testing.T) {
	plans := planA.String() + "," + planB.String()
	row := func(change func(*models.KeyImport)) []models.KeyImport {
		k := models.KeyImport{Line: 2, Name: "First", Value: sampleValue, Enabled: true}
		change(&k)
		return []models.KeyImport{k}
	}
	for _, c := range []struct {
		name, file string
		want       []models.KeyImport
	}{
		{"two columns", "Key,name\n" + sampleValue + ",First", row(func(*models.KeyImport) {})},
		{"byte order mark and CRLF", "\ufeffName,Key\r\nFirst," + sampleValue + "\r\n", row(func(*models.KeyImport) {})},
		{"bare CR", "Name,Key\rFirst," + sampleValue + "\r", row(func(*models.KeyImport) {})},
		{"space", " NAME , key \n  First , " + sampleValue + " \n", row(func(*models.KeyImport) {})},
		{"unknown columns", "Colour,Name,Key\nred,First," + sampleValue + "\n", row(func(*models.KeyImport) {})},
		{"blank lines", "Name,Key\n\nFirst," + sampleValue + "\n\n", row(func(k *models.KeyImport) { k.Line = 3 })},
		{"list in double quotes", "Enabled,Name,key,UsageplanIds\nFALSE,First," + sampleValue + `,"` + plans + `"`, row(func(k *models.KeyImport) {
			k.Enabled, k.Given.Enabled, k.Plans = false, true, []models.PlanID{planA, planB}
		})},
		{"list in single quotes", "Enabled,Name,UsageplanIds,key\ntrue,First,'" + plans + "'," + sampleValue, row(func(k *models.KeyImport) {
			k.Given.Enabled, k.Plans = true, []models.PlanID{planA, planB}
		})},
		{"plan twice", "Name,Key,UsagePlanIds\nFirst," + sampleValue + `,"` + planA.String() + ", " + planA.String() + `"`, row(func(k *models.KeyImport) {
			k.Plans = []models.PlanID{planA}
		})},
		{"all columns", "Name,Key,Description,Enabled,UsagePlanIds,Id,CustomerId,Expires\nFirst," + sampleValue + ",\"two\nlines\",,," + keyA.String() + ",c-1,2031-01-01\n",
			row(func(k *models.KeyImport) {
				k.Description, k.ID, k.CustomerID = "two\nlines", keyA, "c-1"
				k.ExpiresAt = time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
				k.Given = models.KeyCells{Description: true, CustomerID: true, ExpiresAt: true}
			})},
		{"update without a value", "Name,Id\nFirst," + keyA.String(), row(func(k *models.KeyImport) { k.Value, k.ID = "", keyA })},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := models.ParseKeyCSV(strings.NewReader(c.file), noon)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBrokenKeyFilesAreRefusedWithLineAndReason(t *testing.T) {
	const head = "Name,Key\n"
	for _, c := range []struct {
		name, file, field, reason string
	}{
		{"empty", " \n", "file", "empty"},
		{"heading alone", head, "file", "no keys"},
		{"NUL", head + "a\x00,b", "file", "NUL"},
		{"UTF-16", "\xff\xfeN\x00", "file", "UTF-16"},
		{"Latin-1", head + "caf\xe9," + sampleValue, "file", "UTF-8"},
		{"no heading", sampleValue + ",First\n", "line 1", "name the columns"},
		{"column twice", "Name,Key,key\n", "line 1", "twice"},
		{"many columns", strings.Repeat("a,", 100_000) + "\n", "line 1", "columns"},
		{"wider than a line", strings.Repeat("a,", 1_000_000) + "\n", "line 1", "1 MB"},
		{"cut in a letter", head + "caf\xc3", "file", "UTF-8"},
		{"big-endian UTF-16", "\xfe\xff\x00N", "file", "UTF-16"},
		{"no name", head + "," + sampleValue, "line 2", "Name"},
		{"no value", head + "First,", "line 2", "missing"},
		{"short value", head + "First,abc", "line 2", "20 to 128"},
		{"value with space", head + "First," + sampleValue + " x", "line 2", "ASCII"},
		{"long cell", head + "First," + strings.Repeat("a", 5000), "line 2", "4 KB"},
		{"too few cells", head + "First", "line 2", "cells"},
		{"too many cells", head + "First," + sampleValue + ",x", "line 2", "cells"},
		{"stray quote", head + `a"b,` + sampleValue, "line 2", "quotes"},
		{"open quote", head + "First," + sampleValue + "\n\"", "line 3", "quotes"},
		{"enabled", "Name,Key,Enabled\nFirst," + sampleValue + ",yes", "line 2", "true or false"},
		{"plan", "Name,Key,UsagePlanIds\nFirst," + sampleValue + ",nonsense", "line 2", "UsagePlanIds"},
		{"id", "Name,Key,Id\nFirst," + sampleValue + ",nonsense", "line 2", "Id"},
		{"expiry", "Name,Key,Expires\nFirst," + sampleValue + ",tomorrow", "line 2", "Expires"},
		{"past expiry", "Name,Key,Expires\nFirst," + sampleValue + ",2020-01-01", "line 2", "future"},
		{"value twice", head + "First," + sampleValue + "\nSecond," + sampleValue, "line 3", "line 2"},
		{"id twice", "Name,Id\nFirst," + keyA.String() + "\nSecond," + keyA.String(), "line 3", "line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := models.ParseKeyCSV(strings.NewReader(c.file), noon)
			var e *models.Error
			if rows != nil || !errors.As(err, &e) || e.Kind != models.KindInvalid {
				t.Fatalf("got %v, %v", rows, err)
			}
			if !strings.Contains(e.Fields[c.field], c.reason) {
				t.Errorf("got %v, want %q at %q", e.Fields, c.reason, c.field)
			}
			if strings.Contains(err.Error(), sampleValue) {
				t.Error("the error repeats the key")
			}
		})
	}
}

// No file takes more memory than a line may have, and every one comes to its end.
func TestKeyFilesAreBounded(t *testing.T) {
	for _, c := range []struct {
		name   string
		file   io.Reader
		rows   int // that are read before the end
		reason string
	}{
		{"more keys than a file may have", &lines{n: models.MaxKeyCSVRows + 1}, models.MaxKeyCSVRows, "at most 1,000,000 keys"},
		{"an endless line", io.MultiReader(strings.NewReader("Name,Key\nFirst,"+sampleValue+"\n"), zeros{}), 1, "1 MB"},
		{"an endless quote", io.MultiReader(strings.NewReader("Name,Key\n\""), &lines{n: 1 << 40}), 0, "1 MB"},
		{"an endless file", &lines{n: 1 << 40, pad: strings.Repeat("x", 300_000)}, -1, "256 MB"},
		{"a broken upload", io.MultiReader(strings.NewReader("Name,Key\nFirst,"+sampleValue+"\n"), deadLine{}), 0, "went dead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := models.NewKeyCSV(c.file, noon)
			n := 0
			for err == nil {
				if _, _, err = file.Next(); err == nil {
					n++
				}
			}
			if errors.Is(err, io.EOF) != (c.reason == "") || !strings.Contains(err.Error(), c.reason) || n != c.rows && c.rows >= 0 {
				t.Errorf("%d rows, %v; want %d, %q", n, err, c.rows, c.reason)
			}
			if isMistake := c.name != "a broken upload" && c.reason != ""; isMistake != (models.KindOf(err) == models.KindInvalid) {
				t.Errorf("got the kind %d", models.KindOf(err))
			}
		})
	}
	if _, err := models.ParseKeyCSV(strings.NewReader("Name,Key\n"+strings.Repeat(",\n", 1000)), noon); len(fields(err)) != 20 {
		t.Errorf("%d lines are told of, want 20", len(fields(err)))
	}
}

// lines is a file of n keys.
type lines struct {
	n, at int
	pad   string // of each name
	rest  []byte
}

func (l *lines) Read(p []byte) (int, error) {
	for len(l.rest) < len(p) && l.at <= l.n {
		if l.at == 0 {
			l.rest = append(l.rest, "Name,Key\n"...)
		} else {
			l.rest = fmt.Appendf(l.rest, "n%s,%020d\n", l.pad, l.at)
		}
		l.at++
	}
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.rest)
	l.rest = l.rest[:copy(l.rest, l.rest[n:])]
	return n, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

type deadLine struct{}

func (deadLine) Read([]byte) (int, error) { return 0, errors.New("the line went dead") }

func exported(k models.KeyExport) func(fn func(models.KeyExport) error) error {
	return func(fn func(models.KeyExport) error) error { return fn(k) }
}

// SEC-55: no cell of an export is a formula to a spreadsheet, and our own import still reads what was there.
func TestExportsHoldNoFormulasAndImportAsTheyWere(t *testing.T) {
	for _, name := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''+x", "' =x", "＝1", "plain", "O'Brien", "'quoted'", `a "b", c`} {
		k := models.KeyExport{Value: "=" + sampleValue, KeyRow: models.KeyRow{
			Key:         models.Key{ID: keyA, OwnerID: 1, Name: name, Description: name + "\nx", CustomerID: name, Enabled: true, ExpiresAt: noon},
			Memberships: []models.Membership{{PlanID: planA, State: models.MemberActive}, {PlanID: planB, State: models.MemberActive}},
		}}
		var file strings.Builder
		if err := models.WriteKeyCSV(&file, exported(k)); err != nil {
			t.Fatal(err)
		}
		for cell := range strings.SplitSeq(file.String(), `","`) {
			if strings.ContainsAny(strings.TrimLeft(cell, "\""), "=+-@") && strings.IndexAny(strings.TrimLeft(cell, "\" "), "=+-@") == 0 {
				t.Errorf("a cell begins a formula: %q", cell)
			}
		}
		rows, err := models.ParseKeyCSV(strings.NewReader(file.String()), noon)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		want := []models.KeyImport{{Line: 2, ID: keyA, Value: k.Value, Name: name, Description: name + "\nx", CustomerID: name, Enabled: true,
			ExpiresAt: noon, Plans: []models.PlanID{planA, planB},
			Given: models.KeyCells{Description: true, CustomerID: true, Enabled: true, ExpiresAt: true}}}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%q (-want +got):\n%s", name, diff)
		}
	}
}

func TestABlockedKeyIsExportedAsNotEnabled(t *testing.T) {
	var file strings.Builder
	err := models.WriteKeyCSV(&file, exported(models.KeyExport{KeyRow: models.KeyRow{Key: models.Key{ID: keyA, AppID: 1, Name: "n", Enabled: true},
		Memberships: []models.Membership{{PlanID: planA, State: models.MemberBlocked}}}}))
	if err != nil || !strings.Contains(file.String(), `"false"`) {
		t.Errorf("got %q, %v", file.String(), err)
	}
}

// Whatever comes in, the reader answers with rows that keep their promise or with an error for people, and its rows survive an export.
func FuzzParseKeyCSV(f *testing.F) {
	for _, seed := range []string{
		"Name,Key\nFirst," + sampleValue, "Enabled,Name,key,UsageplanIds\ntrue,First," + sampleValue + ",'0123456789,abcdefghij'",
		"\ufeffName,Id\r\n\"a\r\nb\"," + keyA.String(), "Name,Key\n\"", "Name,Key,Expires\nx," + sampleValue + ",2031-01-01", "'", ",,,\n,,\n",
		"Name,Key,Description\n'=x," + otherValue + ",'\t=",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := models.ParseKeyCSV(strings.NewReader(string(data)), noon)
		if err != nil {
			if models.KindOf(err) != models.KindInvalid {
				t.Fatalf("not an error for people: %v", err)
			}
			return
		}
		for _, k := range rows {
			if k.ID == 0 && (len(k.Value) < 20 || len(k.Value) > 128) || k.Name == "" || k.Line < 1 {
				t.Fatalf("broken row %+v", k)
			}
			k.ID, k.Value, k.Line, k.Plans = keyA, "", 2, nil
			k.Given = models.KeyCells{Description: true, CustomerID: true, Enabled: true, ExpiresAt: true}
			var file strings.Builder
			if err := models.WriteKeyCSV(&file, exported(models.KeyExport{KeyRow: models.KeyRow{Key: models.Key{
				ID: k.ID, Name: k.Name, Description: k.Description, CustomerID: k.CustomerID, Enabled: k.Enabled, ExpiresAt: k.ExpiresAt}}})); err != nil {
				t.Fatal(err)
			}
			again, err := models.ParseKeyCSV(strings.NewReader(file.String()), noon)
			if err != nil {
				t.Fatalf("%+v: %v", k, err)
			}
			if diff := cmp.Diff([]models.KeyImport{k}, again); diff != "" {
				t.Fatalf("the export of a row reads otherwise (-want +got):\n%s", diff)
			}
		}
	})
}
