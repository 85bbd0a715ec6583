package enforcement_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/enforcement"
	"gatehouse/models/limit"
)

// What it cannot promise it says by name, as long as that lasts and no longer.
func TestReadyNamesItsTroubleWhileItLasts(t *testing.T) {
	check := func(t *testing.T, g *enforcement.Gateway, want string) {
		t.Helper()
		err := g.Ready()
		if got := g.Trouble(); got != want || (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want+": ") {
			t.Errorf("Trouble = %q, Ready = %v, want %q", got, err, want)
		}
	}
	t.Run("nothing loaded", func(t *testing.T) {
		check(t, enforcement.New(newOne(t, nil).config(t)), "not-ready")
	})
	t.Run("a stop", func(t *testing.T) {
		o := newOne(t, nil)
		check(t, o.g, "")
		o.g.Leave()
		check(t, o.g, enforcement.TroubleStopping)
	})
	t.Run("the records away", func(t *testing.T) {
		o := newOne(t, nil)
		o.breakDown(errAway)
		_ = o.g.CatchUp(context.Background())
		check(t, o.g, enforcement.TroubleRecordsAway)
		o.breakDown(nil)
		catchUp(t, o.g)
		check(t, o.g, "")
	})
}

// A balancer that sends nothing to a server that is not ready must not keep it so.
func TestTheLedgerIsFoundAgainWithoutRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		st := w.addAPI("echo", "http://192.0.2.1", "GET /a")
		plan := w.addPlan("Free", quota(10, limit.PeriodDay), st)
		key, value := w.addKey(plan)
		g := w.gateway(t)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		w.ledgerFails(errAway)
		if got := g.Admit("echo", "prod", "GET", "/a", value); got != "ledger-away" || g.Trouble() != got {
			t.Errorf("%q, trouble %q", got, g.Trouble())
		}
		time.Sleep(3 * time.Second)
		if g.Trouble() != "ledger-away" {
			t.Error("it says that the ledger is back")
		}
		w.ledgerFails(nil)
		time.Sleep(2 * time.Second)
		if err := g.Ready(); err != nil {
			t.Errorf("the ledger is back: %v", err)
		}
		w.ledgerFails(errAway)
		_ = g.Admit("echo", "prod", "GET", "/a", value)
		w.change(key, nil)
		time.Sleep(3 * time.Second)
		if err := g.Ready(); err != nil {
			t.Errorf("nobody asks the ledger: %v", err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
