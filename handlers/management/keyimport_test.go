package management

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

type importedKeys struct{ IDs, Warnings []string }

// A file makes keys and changes those whose values there are: twice the same file is once (spec 4).
func TestImportingKeys(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	plan := planOnWire(r, "Gold", api, "prod")
	file := "Enabled,Name,key,UsageplanIds\nTRUE,First,value-number-one-0000000,'" + plan + "'\nfalse,Second,value-number-two-0000000,\nfalse,Third,short,\n"
	var a, b importedKeys
	r.call("POST", "/apikeys?mode=import&format=csv", file).is(201).read(&a)
	if len(a.IDs) != 2 || len(a.Warnings) != 1 || !strings.HasPrefix(a.Warnings[0], "Line 4: ") {
		t.Fatalf("got %+v, want two keys and a warning", a)
	}
	if name := r.call("GET", "/apikeys/"+a.IDs[0], "").is(200).member("name"); name != "First" {
		t.Errorf("the first id is that of %s", name)
	}
	r.call("GET", "/usageplans/"+plan+"/keys/"+a.IDs[0], "").is(200)
	r.call("POST", "/apikeys?mode=import&format=csv", strings.Replace(file, "Second", "Other", 1)).is(201).read(&b)
	if fmt.Sprint(b.IDs) != fmt.Sprint(a.IDs) {
		t.Errorf("again: got %v, want %v", b.IDs, a.IDs)
	}
	if name := r.call("GET", "/apikeys/"+a.IDs[1], "").is(200).member("name"); name != "Other" {
		t.Errorf("the second key is called %s", name)
	}
	r.call("POST", "/apikeys?mode=import&format=csv&failonwarnings=true", "Name,Key\nNew,value-number-three-000000\nBad,short\n").refused(400, "BadRequestException", "Nothing was imported")
	var list keyList
	r.call("GET", "/apikeys", "").is(200).read(&list)
	if len(list.Item) != 2 {
		t.Errorf("there are %d keys, want 2", len(list.Item))
	}
	twice := "Name,Key\nOne,value-number-four-000000\nTwo,value-number-four-000000\n"
	r.call("POST", "/apikeys?mode=import&format=csv", twice).is(201).read(&a)
	if len(a.IDs) != 1 || r.call("GET", "/apikeys/"+a.IDs[0], "").is(200).member("name") != "Two" {
		t.Errorf("of two lines with a value the later does not hold: %v", a)
	}
	r.call("POST", "/apikeys?mode=import&format=xml", file).refused(400, "ValidationException", "1 validation error detected")
	r.call("POST", "/apikeys?mode=import&format=csv", "Nothing\n").refused(400, "BadRequestException", "")
}

// The largest file that a call may bring is imported within the 20 seconds in which it must be answered.
func BenchmarkImport100000Keys(b *testing.B) {
	var file strings.Builder
	for b.Loop() {
		r := newRig(b)
		file.Reset()
		file.WriteString("Name,Key\n")
		for i := range mostImported {
			fmt.Fprintf(&file, "Key %d,value-number-%020d\n", i, i)
		}
		began := time.Now()
		r.call("POST", "/apikeys?mode=import&format=csv", file.String()).is(201)
		b.ReportMetric(time.Since(began).Seconds(), "s/import")
		began = time.Now()
		r.call("GET", "/apikeys?limit=500", "").is(200)
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms/page")
	}
}
