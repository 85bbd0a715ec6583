package main

import (
	"context"
	"time"

	"gatehouse/jobs"
)

// How often what is old is forgotten and what ends soon is told, and the end of plans is noted, while serving.
const (
	pruneEvery = time.Hour
	endEvery   = time.Second
)

// prune forgets what is older than its retention, by the time that has come for certain: what is forgotten stays so.
func (in *instance) prune(ctx context.Context) error {
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		in.closeMonths(ctx)
		if err := in.store.RefreshCustomers(ctx, in.gateway.Reached()); err != nil && ctx.Err() == nil {
			in.log.Error("look how customers call", "error", err)
		}
		if err := in.store.PruneUsage(ctx, in.gateway.Reached()); err != nil && ctx.Err() == nil {
			in.log.Error("forget old usage", "error", err)
		}
		if err := in.store.PruneStages(ctx); err != nil && ctx.Err() == nil {
			in.log.Error("forget stages that keys do not call any more", "error", err)
		}
		if err := in.store.PruneCallers(ctx, in.gateway.Reached()); err != nil && ctx.Err() == nil {
			in.log.Error("forget callers of old values", "error", err)
		}
		if err := in.store.TellCertificates(ctx, in.gateway.Reached()); err != nil && ctx.Err() == nil {
			in.log.Error("tell of certificates that end", "error", err)
		}
		if err := in.store.PruneMessages(ctx, in.gateway.Reached()); err != nil && ctx.Err() == nil {
			in.log.Error("forget old messages", "error", err)
		}
		if in.recorder != nil {
			in.recorder.Trim(in.gateway.Reached())
		}
		if in.requestLog != nil {
			in.requestLog.Trim(in.gateway.Reached())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// closeMonths makes the statements of months that are over, when everything that was metered is committed, and by the time that has come for certain: what is
// closed stays so.
func (in *instance) closeMonths(ctx context.Context) {
	err := in.gateway.Commit(ctx)
	if err == nil {
		err = in.store.CloseMonths(ctx, in.gateway.Reached())
	}
	if err != nil && ctx.Err() == nil {
		in.log.Error("close statements", "error", err)
	}
}

// endPlans notes the end of plans whose date has come, for those who look at them; the gateway needs nobody to tell it.
func (in *instance) endPlans(ctx context.Context) error {
	ticker := time.NewTicker(endEvery)
	defer ticker.Stop()
	for {
		if err := in.store.EndDuePlans(ctx, in.gateway.Reached()); err != nil && ctx.Err() == nil {
			in.log.Error("note the end of plans", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// publishPlans brings drafts into force whose time has come, by the time that has come for certain: a clock that is set forward for a moment publishes nothing.
func (in *instance) publishPlans(ctx context.Context) error {
	ticker := time.NewTicker(endEvery)
	defer ticker.Stop()
	for {
		if err := in.store.PublishDuePlans(ctx, in.gateway.Reached()); err != nil && ctx.Err() == nil {
			in.log.Error("publish plans as scheduled", "error", err)
		}
		if err := in.store.RemindOfSunsets(ctx, in.gateway.Reached()); err != nil && ctx.Err() == nil {
			in.log.Error("remind of sunsets", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// changeNotices tells people of changes that others make.
func (in *instance) changeNotices() *jobs.ChangeNotices {
	n := &jobs.ChangeNotices{Store: in.store, Log: in.log, Now: in.now}
	if in.recorder != nil {
		n.Arrivals = in.recorder
	}
	return n
}

// alertEvery is how often alerts look at what was metered.
const alertEvery = 30 * time.Second

// raiseAlerts queues what alerts are to tell, and the digests of owners.
func (in *instance) raiseAlerts(ctx context.Context) error {
	ticker := time.NewTicker(alertEvery)
	defer ticker.Stop()
	for {
		if err := in.store.RaiseAlerts(ctx, in.now()); err != nil && ctx.Err() == nil {
			in.log.Error("raise alerts", "error", err)
		}
		if err := in.store.TellWeeks(ctx, in.now()); err != nil && ctx.Err() == nil {
			in.log.Error("tell owners of their week", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
