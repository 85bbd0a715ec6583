package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"gatehouse/enforcement/accesslog"
	"gatehouse/enforcement/requestid"
	"gatehouse/enforcement/requestlog"
	"gatehouse/handlers"
	"gatehouse/models"
)

// openRequestLog opens the log of single requests. It helps people, and no limit needs it: where it cannot be had, everything else is served, the log says
// so, a metric does, and the pages too.
func (in *instance) openRequestLog(ctx context.Context) {
	if in.config.requestLog == 0 {
		return
	}
	settings, err := in.store.Settings(ctx)
	if err == nil {
		in.requestLog, err = requestlog.Open(requestlog.Config{
			Dir: filepath.Join(in.config.data, logFolder), Size: int64(in.config.requestLog), Settings: settings.Log, Names: in.names(), Log: in.log,
			Now: func() time.Time { return in.now() },
		})
	}
	if err != nil {
		in.log.Error("serving without a log of requests", "error", err)
	}
}

// openAccessLog opens the log of single requests for machines. An operator who asks for one and cannot have it is told at once.
func (in *instance) openAccessLog() error {
	in.accessLog = accesslog.New(accesslog.Config{Log: in.log})
	if err := in.accessLog.Use(in.config.accessLog); err != nil {
		return fmt.Errorf("--access-log: %w", err)
	}
	return nil
}

// names makes the ids of requests: the receipts' if there are any, so that an id finds both; nil: neither receipts nor a log are kept.
func (in *instance) names() *requestid.Names {
	switch {
	case in.receipts != nil:
		return in.receipts.Names()
	case in.requestLog != nil:
		return in.requestLog.Names()
	}
	return nil
}

// keptLog is the request log for pages; nil: there is none.
func (in *instance) keptLog() models.RequestLog {
	if in.requestLog == nil {
		return nil
	}
	return in.requestLog
}

// administeredLog is the request log for administrators; nil: there is none.
func (in *instance) administeredLog() handlers.KeptLog {
	if in.requestLog == nil {
		return nil
	}
	return in.requestLog
}
