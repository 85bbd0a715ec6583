package e2e

import (
	"database/sql"
	"log/slog"
	"path/filepath"
	"time"

	"gatehouse/enforcement/recording"
	"gatehouse/models"
)

// requests are a key's requests by what became of them.
type requests struct{ admitted, failed, throttled, overQuota int64 }

// checkRecording holds what was recorded for rehearsals against the usage, by key: it is the same, to the unit, and nothing is missing. The server has stopped.
func (k *killed) checkRecording() {
	k.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(k.data, "gatehouse.db")+"?mode=ro")
	if err != nil {
		k.Fatal(err)
	}
	defer db.Close()
	var at models.JournalPosition
	if err := db.QueryRow(`SELECT segment, "offset" FROM journal`).Scan(&at.Segment, &at.Offset); err != nil {
		k.Fatal(err)
	}
	r, err := recording.Open(filepath.Join(k.data, "recording"), recording.Config{Committed: at, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		k.Fatal(err)
	}
	defer r.Close()
	for _, c := range k.keys {
		key, err := models.ParseID[models.Key](c.key)
		if err != nil {
			k.Fatal(err)
		}
		var want, got requests
		var plan int64
		err = db.QueryRow(`SELECT max(plan_id), sum(o0+o1+o2+o3+o4+o5+o6), sum(o4+o5), sum(o7), sum(o8) FROM usage_minutes WHERE kind = 1 AND id = ?`, int64(key)).
			Scan(&plan, &want.admitted, &want.failed, &want.throttled, &want.overQuota)
		if err != nil {
			k.Fatal(err)
		}
		covered, err := r.Read(k.Context(), models.PlanID(plan), time.Unix(0, 0), func(some []models.Arrival, _ float64) error {
			for _, a := range some {
				got.admitted += a.Admitted
				got.failed += a.Failed
				got.throttled += a.Throttled
				got.overQuota += a.OverQuota
			}
			return nil
		})
		if err != nil {
			k.Fatal(err)
		}
		k.Logf("%s: recorded %+v", c.name, got)
		if got != want || covered.Lost != 0 || covered.Damaged != 0 || len(covered.Gaps) > 0 {
			k.Errorf("%s: recorded %+v, usage is %+v; of the recording is said %+v", c.name, got, want, covered)
		}
	}
}
