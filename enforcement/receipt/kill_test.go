package receipt

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gatehouse/models"
)

const childVariable = "GATEHOUSE_TEST_RECEIPTS"

// Every receipt whose id was told is there after kill -9; one that was being written then is none.
func TestReceiptsSurviveKill(t *testing.T) {
	if path := os.Getenv(childVariable); path != "" {
		writeUntilKilled(t, path)
	}
	c := Config{Path: filepath.Join(t.TempDir(), "receipts")}
	for round := range 5 {
		var told []string
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReceiptsSurviveKill$")
		cmd.Env = append(os.Environ(), childVariable+"="+c.Path)
		out, err := cmd.StdoutPipe()
		ok(t, err)
		ok(t, cmd.Start())
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if told = append(told, lines.Text()); len(told) == 500+round*77 {
				ok(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait() // it was killed
		r := open(t, c)
		oldest := max(0, len(told)-int(r.parts[refusals].slots)+1) // it wrote on until the signal came, and may have wrapped
		for i, id := range told[:len(told)-1] {                    // the pipe may have cut the last one
			if i < oldest {
				continue
			}
			if got, err := r.Receipt(id); err != nil || got.KeyID != models.KeyID(i+1) {
				t.Fatalf("round %d: receipt %d of %d is of key %d: %v", round, i, len(told), got.KeyID, err)
			}
		}
		damaged := 0
		for i := range r.parts[refusals].slots {
			if s := r.parts[refusals].slot(i); s.position() != 0 && !s.whole() {
				damaged++
			}
		}
		if damaged > 0 {
			t.Errorf("round %d: %d torn records are taken for records", round, damaged)
		}
		ok(t, r.Close())
	}
}

func writeUntilKilled(t *testing.T, path string) {
	r := open(t, Config{Path: path})
	for i := 1; ; i++ {
		fmt.Println(keep(r, models.KeyID(i)))
	}
}
