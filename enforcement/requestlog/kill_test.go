package requestlog

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"gatehouse/models"
)

const childVariable = "GATEHOUSE_TEST_REQUEST_LOG"

// Of what was written when the process was killed, at most the last moments are missing: entries are there without a gap up to one of the last flush, each
// once, and the next process goes on.
func TestKillLosesTheLastMomentsAlone(t *testing.T) {
	if dir := os.Getenv(childVariable); dir != "" {
		writeUntilKilled(t, dir)
	}
	dir, had := t.TempDir(), 0
	for round := range 4 {
		flushed := 0
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKillLosesTheLastMomentsAlone$")
		cmd.Env = append(os.Environ(), childVariable+"="+dir)
		out, err := cmd.StdoutPipe()
		ok(t, err)
		ok(t, cmd.Start())
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, err := fmt.Sscan(lines.Text(), &flushed); err == nil && flushed > 1500+700*round {
				ok(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait() // it was killed
		l := openLog(t, Config{Dir: dir})
		got := all(t, l, models.LogQuestion{})
		fresh := len(got) - had
		if fresh < flushed {
			t.Fatalf("round %d: %d entries, %d were flushed", round, fresh, flushed)
		}
		for i := range fresh {
			if want := fmt.Sprintf("/echo/prod/users/%d", fresh-1-i); got[i].Path != want {
				t.Fatalf("round %d: entry %d is %s, want %s", round, i, got[i].Path, want)
			}
		}
		had = len(got)
		ok(t, l.Close())
	}
}

// writeUntilKilled writes in order, and tells how many are in files.
func writeUntilKilled(t *testing.T, dir string) {
	l := openLog(t, Config{Dir: dir})
	for i := 0; ; i++ {
		e := entry(l, i)
		e.ID[15] = 0 // one buffer: in order
		l.Write(&e)
		if i%97 == 96 {
			l.Flush()
			fmt.Println(i + 1)
		}
	}
}
