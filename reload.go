package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// reloads counts what came of reading settings again.
type reloads struct {
	total *prometheus.CounterVec
	good  prometheus.Gauge // 1 while what was read last is in force
	at    prometheus.Gauge
}

func newReloads() reloads {
	r := reloads{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_reloads_total", Help: "Times that settings were read again, by result."}, []string{"result"}),
		good:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatehouse_reload_success", Help: "1 unless settings were read again last and something of them could not be taken."}),
		at:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatehouse_reload_timestamp_seconds", Help: "When settings were read last, in Unix seconds."}),
	}
	r.good.Set(1)
	r.at.SetToCurrentTime()
	return r
}

func (r *reloads) note(err error) {
	result, good := "success", 1.0
	if err != nil {
		result, good = "failure", 0
	}
	r.total.WithLabelValues(result).Inc()
	r.good.Set(good)
	r.at.SetToCurrentTime()
}

// settings are the values of all flags, as text.
type settings map[string]string

// serveConfig reads all settings of serve: flags over environment over the file over defaults.
func (p program) serveConfig(args []string) (c config, s settings, err error) {
	fs := settingFlags(&c)
	fs.SetOutput(p.stderr)
	if err := p.parse(fs, args); err != nil {
		return c, nil, err
	}
	c.finish()
	s = settings{}
	fs.VisitAll(func(f *flag.Flag) { s[f.Name] = f.Value.String() })
	return c, s, c.validate()
}

// live are the settings that change in place, by the flag, and how. What is not here needs a restart. A setting that cannot be taken says why, and stays as it
// was.
func (in *instance) live() map[string]func(c *config) error {
	all := map[string]func(c *config) error{
		"log-level": func(c *config) error {
			in.level.Set(c.logLevel)
			return nil
		},
		"access-log":     func(c *config) error { return in.accessLog.Use(c.accessLog) },
		"allow-upstream": in.allowUpstream,
		"trace-sample": func(c *config) error {
			if in.tracer != nil {
				in.tracer.SetRatio(c.traces.sample)
			}
			return nil
		},
	}
	maps.Copy(all, in.liveEdge())
	return all
}

// allowUpstream changes which private addresses are dialled from now on. Connections that are open and idle end: they may be to others.
func (in *instance) allowUpstream(c *config) error {
	policy := in.addressPolicy(*c)
	in.addresses.Store(&policy)
	in.gateway.ForgetUpstreams()
	return nil
}

// reloadEach reads settings, certificates and the names of log files again at each SIGHUP, until ctx ends.
func (in *instance) reloadEach(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-in.hangups:
			in.tellManager(reloading)
			in.reload()
			in.tellManager(ready)
		}
	}
}

// reload reads again what may change while serving. What is broken leaves in force what was.
func (in *instance) reload() {
	err := errors.Join(in.reloadSettings(), in.reopenLogs(), in.reloadCertificates())
	in.numbers.reloads.note(err)
	if err != nil {
		in.log.Error("not everything was read again: what could not be taken stays as it was", "error", err)
		return
	}
	in.log.Info("settings, certificates and log files were read again")
}

func (in *instance) reopenLogs() error {
	if err := in.accessLog.Reopen(); err != nil {
		return fmt.Errorf("--access-log: %w", err)
	}
	return nil
}

// reloadSettings applies what changed. All of the file must be right before anything of it is taken.
func (in *instance) reloadSettings() error {
	if in.reread == nil {
		return nil
	}
	c, now, err := in.reread()
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	live := in.live()
	var problems []error
	var changed, restart []string
	for _, name := range changedSettings(in.settings, now) {
		apply := live[name]
		if apply == nil {
			restart = append(restart, "--"+name)
			continue
		}
		if err := apply(&c); err != nil {
			problems = append(problems, fmt.Errorf("--%s: %w", name, err))
			continue
		}
		changed = append(changed, "--"+name)
		in.settings[name] = now[name]
	}
	if len(changed) > 0 {
		in.log.Info("settings changed", "settings", strings.Join(changed, " "))
	}
	if len(restart) > 0 {
		in.log.Warn("settings were changed that need a restart: those that were stay in force", "settings", strings.Join(restart, " "))
	}
	return errors.Join(problems...)
}

// changedSettings are the names of the settings whose values differ, in order.
func changedSettings(before, after settings) (names []string) {
	for name, value := range after {
		if before[name] != value {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// newLog is the server's log, and what changes its level.
func newLog(w io.Writer, c *config) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(c.logLevel)
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})), level
}
