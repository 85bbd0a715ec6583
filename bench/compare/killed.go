package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
)

// killed kills the gateway under load as kill -9 does, starts it again, and tells how many of the requests that were answered are not on record.
func (b *bench) killed(ctx context.Context, o options) error {
	fmt.Printf("\n### killed: kill -9 under load, 16 connections, then another start\n\n| | answered | on record | answered but unrecorded |\n|---|---:|---:|---:|\n")
	lanes := map[string][]string{ours: nil}
	names := []string{ours}
	if b.lanes {
		lanes[standard], names = []string{"--" + laneFlag + "=off"}, append(names, standard)
	}
	for i, name := range names {
		var answered, recorded, lost int64
		for round := range o.rounds {
			data, err := b.copySeeded(fmt.Sprintf("killed-%d-%d", i, round))
			if err != nil {
				return err
			}
			a, r, err := b.killOnce(ctx, data, o.time, append([]string{"--ops-listen", ""}, lanes[name]...))
			if err != nil {
				return err
			}
			answered, recorded, lost = answered+a, recorded+r, lost+max(0, a-r) // what was under way may be on record, too
			b.lost[name] = fmt.Sprintf("%d of %d", lost, answered)
		}
		fmt.Printf("| %s | %d | %d | %d |\n", name, answered, recorded, lost)
	}
	return nil
}

func (b *bench) killOnce(ctx context.Context, data string, d time.Duration, flags []string) (answered, recorded int64, err error) {
	address, cmd, err := b.serve(ctx, data, flags...)
	if err != nil {
		return 0, 0, err
	}
	answers := b.callUntilGone(ctx, address)
	time.Sleep(d)
	if err := cmd.Process.Kill(); err != nil {
		return 0, 0, err
	}
	_ = cmd.Wait() // it was killed
	answered = answers()
	if address, cmd, err = b.serve(ctx, data, flags...); err == nil {
		err = untilReady(ctx, "http://"+address+"/bench/prod/")
	}
	end(cmd) // in order: what the journal had is committed
	if err != nil {
		return 0, 0, err
	}
	recorded, err = recordedIn(ctx, data)
	return answered, recorded, err
}

// untilReady waits for a gateway that listens already, but may not have read yet what it left behind.
func untilReady(ctx context.Context, url string) error {
	for range 300 {
		if status, err := ask(ctx, url, ""); err == nil && status == http.StatusForbidden {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("%s does not become ready", url)
}

// callUntilGone calls until connections fail; answers waits for that, and counts those that came whole.
func (b *bench) callUntilGone(ctx context.Context, address string) (answers func() int64) {
	var count atomic.Int64
	var group sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 10 * time.Second}
	for i := range 16 {
		group.Go(func() {
			for n := i; ; n += 16 {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/bench/prod/", nil)
				if err != nil {
					return
				}
				r.Header.Set("X-Api-Key", b.keys[n%keyCount])
				res, err := client.Do(r)
				if err != nil {
					return
				}
				_, err = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if err != nil {
					return
				}
				if res.StatusCode == http.StatusOK {
					count.Add(1)
				}
			}
		})
	}
	return func() int64 { group.Wait(); return count.Load() }
}

// recordedIn is how many admitted requests the records of a data folder have.
func recordedIn(ctx context.Context, data string) (sum int64, err error) {
	ring, err := secret.OpenKeyring(filepath.Join(data, "keyring.json"))
	if err != nil {
		return 0, err
	}
	s, err := store.Open(ctx, store.Config{Path: filepath.Join(data, "gatehouse.db"), Keyring: ring})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	defer os.RemoveAll(data)
	owner, _, err := s.AccountByEmail(ctx, ownerEmail)
	if err != nil {
		return 0, err
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	points, err := s.UsageSeries(ctx, models.UsageScope{Owner: owner.ID}, models.UsageRange{From: today.AddDate(0, 0, -1), To: today.AddDate(0, 0, 1), Step: models.StepHour})
	for _, p := range points {
		for o, n := range p.Counts {
			if models.Outcome(o) < models.OutcomeThrottled {
				sum += n
			}
		}
	}
	return sum, err
}
