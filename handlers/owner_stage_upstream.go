package handlers

import (
	"cmp"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// Upstream is the page of how a stage's requests are spread over its targets.
func (o *OwnerStages) Upstream(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.upstreamPage(r, api, s, upstreamForm(s))
	return Page(page), err
}

// SaveUpstream changes it.
func (o *OwnerStages) SaveUpstream(r *Request) (Reply, error) {
	return o.savePart(r, stagePartForm{part: models.StageUpstream, tab: "upstream", read: readUpstream, page: o.upstreamPage, done: "Saved. It holds from the next request on.",
		mine: []string{"upstream", "weight", "target_", "weight_", "health_path", "health_interval", "health_timeout", "unhealthy", "healthy", "breaker_failures", "breaker_pause", "retries",
			"connect", "timeout", "idle", "stream", "certificate", "server_name", "ca"}})
}

func (o *OwnerStages) upstreamPage(r *Request, api models.API, s models.Stage, f *Form) (templ.Component, error) {
	certificates, err := o.Store.ClientCertificates(r.Context(), r.Account.ID)
	if err != nil {
		return nil, err
	}
	v := owner.StageUpstreamView{Frame: stageFrame(r, api, s, "upstream", o.States), Rows: rowsShown(f, models.MaxTargets, "target", "weight"), CertHref: certificatesPath, Now: r.Now,
		Certificates: []ui.Option{{Value: "", Label: "None"}}}
	for _, c := range certificates {
		v.Certificates = append(v.Certificates, ui.Option{Value: c.ID.String(), Label: c.Name + ", ends " + r.Local(c.NotAfter).Format("2 Jan 2006")})
	}
	v.States = o.targetStates(r, s)
	return owner.StageUpstream(stageLayout(r, api, s, "Upstream"), v, f), nil
}

// targetStates says how each target does, as this process sees it.
func (o *OwnerStages) targetStates(r *Request, s models.Stage) (rows []owner.TargetState) {
	if o.States == nil {
		return nil
	}
	targets := append([]models.Target{{URL: s.Upstream, Weight: 1}}, s.Settings.Targets.Others...)
	for i, state := range o.States.Targets(s.ID) {
		if i >= len(targets) { // the settings have changed this instant
			break
		}
		row := owner.TargetState{Address: targets[i].URL, Badge: ui.BadgeProps{Kind: ui.OK, Text: "In service"}, Since: state.Since}
		switch {
		case targets[i].Weight == 0:
			row.Badge = ui.BadgeProps{Kind: ui.Plain, Text: "Weight 0"}
		case state.Unwell:
			row.Badge, row.Text = ui.BadgeProps{Kind: ui.Bad, Text: "Out"}, "Does not answer checks as it should"
		case state.Trying:
			row.Badge, row.Text = ui.BadgeProps{Kind: ui.Warn, Text: "Being tried"}, "The next request shows whether it is back"
		case !state.In:
			row.Badge, row.Text = ui.BadgeProps{Kind: ui.Bad, Text: "Out"}, "Failed for callers"
		}
		if state.Failures > 0 {
			row.Failures = count(int(state.Failures), "failure")
		}
		rows = append(rows, row)
	}
	return rows
}

func upstreamForm(s models.Stage) *Form {
	set := s.Settings
	f := NewForm("upstream", s.Upstream, "timeout", seconds(s.Timeout), "certificate", set.TLS.Certificate.String(), "server_name", set.TLS.ServerName, "ca", set.TLS.CA)
	setNumber(f, "weight", float64(set.Targets.Weight))
	for i, t := range set.Targets.Others {
		f.Set(numbered("target", i+1), t.URL)
		f.Set(numbered("weight", i+1), strconv.Itoa(t.Weight))
	}
	switch n := set.Targets.Retries; {
	case n < 0:
		f.Set("retries", "0")
	default:
		setNumber(f, "retries", float64(n))
	}
	if h := set.Targets.Health; h != nil {
		setOn(f, "health", true)
		f.Set("health_path", h.Path)
		setNumber(f, "health_interval", h.Interval.Seconds())
		setNumber(f, "health_timeout", h.Timeout.Seconds())
		setNumber(f, "unhealthy", float64(h.Unhealthy))
		setNumber(f, "healthy", float64(h.Healthy))
	}
	setOn(f, "breaker", !set.Targets.Breaker.Off)
	setNumber(f, "breaker_failures", float64(set.Targets.Breaker.Failures))
	setNumber(f, "breaker_pause", set.Targets.Breaker.Pause.Seconds())
	setNumber(f, "connect", set.Timeouts.Connect.Seconds())
	setNumber(f, "idle", set.Timeouts.Idle.Seconds())
	setNumber(f, "stream", set.Timeouts.Stream.Minutes())
	setOn(f, "insecure", set.TLS.Insecure)
	return f
}

func readUpstream(_ *Request, f *Form, _ models.API, s *models.Stage) {
	s.Upstream = f.Trimmed("upstream")
	n, problem := parseDecimal(cmp.Or(f.Trimmed("timeout"), seconds(models.DefaultTimeout)))
	if problem != "" {
		f.Fail("timeout", problem)
		n = models.DefaultTimeout.Seconds()
	}
	s.Timeout = time.Duration(max(0, min(n, 1e6)) * float64(time.Second))
	t := models.StageTargets{Weight: optionalNumber(f, "weight"), Retries: number(f, "retries"),
		Breaker: models.Breaker{Off: !f.Checked("breaker"), Failures: optionalNumber(f, "breaker_failures"), Pause: optionalTime(f, "breaker_pause", time.Second)}}
	switch {
	case t.Retries < 0:
		t.Retries = models.NoRetries - 1 // none is written as 0
	case t.Retries == 0 && f.Trimmed("retries") != "":
		t.Retries = models.NoRetries
	}
	for n := range closeRows(f, models.MaxTargets, []string{"target", "weight"}) {
		weight := 1
		if field := numbered("weight", n+1); f.Trimmed(field) != "" {
			weight = number(f, field)
		}
		t.Others = append(t.Others, models.Target{URL: f.Trimmed(numbered("target", n+1)), Weight: weight})
	}
	if f.Checked("health") {
		t.Health = &models.HealthCheck{Path: f.Trimmed("health_path"), Interval: optionalTime(f, "health_interval", time.Second), Timeout: optionalTime(f, "health_timeout", time.Second),
			Unhealthy: optionalNumber(f, "unhealthy"), Healthy: optionalNumber(f, "healthy")}
	}
	s.Settings.Targets = t
	s.Settings.Timeouts = models.StageTimeouts{Connect: optionalTime(f, "connect", time.Second), Idle: optionalTime(f, "idle", time.Second), Stream: optionalTime(f, "stream", time.Minute)}
	certificate, err := models.ParseID[models.ClientCertificate](f.Get("certificate"))
	if err != nil && f.Get("certificate") != "" {
		f.Fail("certificate", "Choose one of your client certificates.")
	}
	s.Settings.TLS = models.UpstreamTLS{CA: f.Trimmed("ca"), ServerName: f.Trimmed("server_name"), Certificate: certificate, Insecure: f.Checked("insecure")}
}

// targetsAllowed judges whether the targets of a stage may be dialled, at their fields. Doubt is a sentence about one that has no address now, or "".
func (o *OwnerStages) targetsAllowed(r *Request, f *Form, s models.Stage) (doubt string) {
	targets := append([]models.Target{{URL: s.Upstream}}, s.Settings.Targets.Others...)
	for i, t := range targets {
		if t.URL == "" {
			continue // integrations say where requests go
		}
		field := "upstream"
		if i > 0 {
			field = numbered("target", i)
		}
		for j, variables := range []map[string]string{s.Settings.Variables, s.Settings.CanaryVariables()} {
			if j > 0 && (s.Settings.Canary == nil || len(s.Settings.Canary.Variables) == 0) {
				break
			}
			address, err := models.ExpandVariables(t.URL, variables)
			if err != nil {
				f.Fail(field, models.Sentence(err)) // Check said so
				continue
			}
			said, err := upstreamAllowed(r.Context(), o.Addresses, address)
			if err != nil {
				f.Fail(field, models.Sentence(err))
			}
			doubt = cmp.Or(doubt, said)
		}
	}
	return doubt
}
