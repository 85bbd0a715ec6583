package store

import (
	"context"
	"reflect"
	"slices"
	"time"

	"gatehouse/models"
)

// ChangeStage changes a part of a stage, at once for callers: change gets the stage as it is and leaves the parts alone that it is not about, so that two pages
// that are open at once do not undo each other. Name and deployment stay. Its errors are those of Stage.Check, Invalid at "canary_deployment" and
// "certificate", "parameters" or "body" where requests cannot be compared with what the stage serves, and change's own. Change may be called several times.
func (s *Store) ChangeStage(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, part models.StagePart, change func(*models.Stage) error, now time.Time) (st models.Stage, err error) {
	err = s.changeServed(ctx, actor, api, now, func(t *tx, a models.API) error {
		before, err := stageOf(t.DB, api, id)
		if err != nil {
			return err
		}
		if st, err = stageOf(t.DB, api, id); err != nil { // change may write into the slices and maps of its copy
			return err
		}
		if err := change(&st); err != nil {
			return err
		}
		st.ID, st.APIID, st.Name, st.Deployment, st.Number, st.UpdatedAt = before.ID, before.APIID, before.Name, before.Deployment, before.Number, before.UpdatedAt
		st.Timeout = st.Timeout.Truncate(time.Millisecond)
		if st.Settings.Cache = withEpoch(before.Settings.Cache, st.Settings.Cache, t.now); part == models.StageCaching {
			st.Settings.ForgetMethodCaching()
		}
		if reflect.DeepEqual(before, st) {
			return nil
		}
		st.UpdatedAt = t.now
		return t.saveStage(a, before, st, "stage."+string(part))
	})
	return st, err
}

// saveStage writes what an owner may change of a stage, tells the gateway and writes an event.
func (t *tx) saveStage(a models.API, before, after models.Stage, action string) error {
	if err := after.Check(); err != nil {
		return err
	}
	if err := t.checkSettings(a, before, after); err != nil {
		return err
	}
	rate, burst := throttleColumns(after.Throttle)
	err := t.run("change stage", `UPDATE stages SET upstream = ?, rate = ?, burst = ?, timeout_ms = ?, settings = ?, canary_id = ?, certificate_id = ?, updated_at = ? WHERE id = ?`,
		after.Upstream, rate, burst, after.Timeout.Milliseconds(), stageSettings(after.Settings), canaryOf(after), nullID(after.Settings.TLS.Certificate), millis(t.now), after.ID)
	if err != nil {
		return err
	}
	if err := t.changed(models.ChangeTopology); err != nil {
		return err
	}
	was, is := stageFacts(before), stageFacts(after)
	for way, differ := range map[string]bool{"request": !slices.Equal(before.Settings.Request, after.Settings.Request), "response": !slices.Equal(before.Settings.Response, after.Settings.Response)} {
		if name := way + " headers"; differ && reflect.DeepEqual(was[name], is[name]) {
			is[way+" header values"] = "changed"
		}
	}
	return t.event(action, stageObject(a, after), was, is)
}

// checkSettings checks what settings name, a canary's deployment and a client certificate, and their rules beside where the stage reads its keys.
func (t *tx) checkSettings(a models.API, before, after models.Stage) error {
	c := after.Settings.Canary
	starts := c != nil && (before.Settings.Canary == nil || before.Settings.Canary.Deployment != c.Deployment)
	anew := starts || after.Settings.Validation != before.Settings.Validation
	if err := firstError(t.checkKeys(a, after), t.checkDocuments(after, after.Deployment, anew)); err != nil {
		return err
	}
	if starts {
		if after.Deployment == 0 {
			return models.Invalid("canary_deployment", "Deploy to the stage first: a canary is for a part of its callers.")
		}
		d, err := deploymentOf(t.DB, a.ID, c.Deployment)
		if models.KindOf(err) == models.KindNotFound {
			return models.Invalid("canary_deployment", "Choose a deployment of this API.")
		}
		if err = firstError(err, t.checkAuthorizers(d)); models.KindOf(err) == models.KindConflict {
			return models.Invalid("canary_deployment", models.Sentence(err))
		} else if err != nil {
			return err
		}
		if err := checkAnswered(after, d); err != nil {
			return err
		}
	}
	if id := after.Settings.TLS.Certificate; id != 0 && id != before.Settings.TLS.Certificate {
		if _, err := clientCertificateOf(t.DB, a.OwnerID, id); models.KindOf(err) == models.KindNotFound {
			return models.Invalid("certificate", "Choose one of your client certificates.")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// checkKeys checks the rules of a stage beside where its deployments read the key: the gateway serves no stage whose rules would change that.
func (t *tx) checkKeys(a models.API, st models.Stage) error {
	if len(st.Settings.Request) == 0 {
		return nil
	}
	type row struct {
		KeyPlace string
		KeyName  string
	}
	rows, err := selectAll[row](t.DB, "places of keys", `SELECT key_place, key_name FROM deployments WHERE id IN (?, ?)`, nullID(st.Deployment), canaryOf(st))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		rows = []row{{string(a.KeySource.Place), a.KeySource.Name}}
	}
	for _, r := range rows {
		if err := st.Settings.CheckKey(models.KeySource{Place: models.KeyPlace(r.KeyPlace), Name: r.KeyName}); err != nil {
			return err
		}
	}
	return nil
}

// StartCanary gives a part of a stage's callers another deployment, or changes the part. Without a deployment it takes a snapshot of the draft (R3) for it, with a note.
// Fields "canary_percent", "canary_deployment", "canary_variables".
func (s *Store) StartCanary(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, c models.Canary, note string, now time.Time) (st models.Stage, err error) {
	if note, err = models.CleanNote(note); err != nil {
		return st, err
	}
	err = s.changeServed(ctx, actor, api, now, func(t *tx, a models.API) error {
		before, err := stageOf(t.DB, api, id)
		if err != nil {
			return err
		}
		c := c // fn may run again
		if c.Deployment == 0 && before.Deployment != 0 {
			d, err := t.snapshot(a, note)
			if err != nil {
				return err
			}
			if err := t.run("note deployment", `UPDATE apis SET undeployed = 0 WHERE id = ?`, api); err != nil {
				return err
			}
			c.Deployment = d.ID
		}
		st = before
		st.Settings.Canary = &c
		if c.Deployment == before.Deployment && len(c.Variables) == 0 {
			return models.Invalid("canary_deployment", "Everybody has this deployment. Choose another one, or give the canary variables of its own.")
		}
		if reflect.DeepEqual(before, st) {
			return nil
		}
		st.UpdatedAt = t.now
		return t.saveStage(a, before, st, "stage."+string(models.StageCanary))
	})
	return st, err
}

// PromoteCanary gives all callers of a stage what its canary's got: deployment and variables. It returns the stage as it is then.
func (s *Store) PromoteCanary(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) (st models.Stage, err error) {
	err = s.endCanary(ctx, actor, api, id, now, func(t *tx, a models.API, before models.Stage) error {
		c := before.Settings.Canary
		d, err := deploymentOf(t.DB, api, c.Deployment)
		if err != nil {
			return err
		}
		st = before
		st.UpdatedAt = t.now
		st.Settings.Variables, st.Settings.Canary = before.Settings.CanaryVariables(), nil
		if d.ID != before.Deployment {
			if err := t.point(before, d); err != nil {
				return err
			}
			st.Deployment, st.Number, st.DeployedAt = d.ID, d.Number, t.now
		}
		return t.saveStage(a, before, st, "stage.canary_promote")
	})
	return st, err
}

// AbortCanary gives all callers of a stage its own deployment again.
func (s *Store) AbortCanary(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error {
	return s.endCanary(ctx, actor, api, id, now, func(t *tx, a models.API, before models.Stage) error {
		after := before
		after.Settings.Canary = nil
		return t.saveStage(a, before, after, "stage.canary_abort")
	})
}

func (s *Store) endCanary(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time, end func(*tx, models.API, models.Stage) error) error {
	return s.changeServed(ctx, actor, api, now, func(t *tx, a models.API) error {
		st, err := stageOf(t.DB, api, id)
		if err != nil {
			return err
		}
		if st.Settings.Canary == nil {
			return models.Conflict("The stage " + st.Name + " has no canary any more.")
		}
		return end(t, a, st)
	})
}

// PurgeCache makes every gateway forget what it keeps of a stage's answers.
func (s *Store) PurgeCache(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		before, err := stageOf(t.DB, api, id)
		if err != nil {
			return err
		}
		if before.Settings.Cache == nil {
			return models.Conflict("The stage " + before.Name + " keeps no answers.")
		}
		after, cache := before, *before.Settings.Cache
		cache.Epoch = nextEpoch(cache.Epoch, t.now)
		after.Settings.Cache = &cache
		return t.saveStage(a, before, after, "stage.purge")
	})
}

// FlushStageAuthorizers makes every gateway forget what the authorizers of an API said of the callers of one stage: each is judged anew there. It may be asked where
// nothing is kept.
func (s *Store) FlushStageAuthorizers(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		before, err := stageOf(t.DB, api, id)
		if err != nil {
			return err
		}
		after := before
		after.Settings.AuthorizerEpoch = nextEpoch(before.Settings.AuthorizerEpoch, t.now)
		return t.saveStage(a, before, after, "stage.flush")
	})
}

// nextEpoch is an epoch that a stage has never had, also where its cache was switched off and on again.
func nextEpoch(last int64, now time.Time) int64 { return max(last+1, now.UnixMilli()) }

// withEpoch is a cache that forgets what it kept where its rules changed.
func withEpoch(before, after *models.StageCache, now time.Time) *models.StageCache {
	if after == nil {
		return nil
	}
	c := *after
	if before == nil {
		c.Epoch = nextEpoch(0, now)
		return &c
	}
	if c.Epoch = before.Epoch; !reflect.DeepEqual(*before, c) {
		c.Epoch = nextEpoch(before.Epoch, now)
	}
	return &c
}

// stageFacts is what events tell of a stage. Values of header rules may be secrets between owner and upstream, and are left out.
func stageFacts(st models.Stage) facts {
	f := throttleFacts(st.Throttle)
	f["name"], f["upstream"], f["timeout"] = st.Name, st.Upstream, st.Timeout.String()
	s := st.Settings
	targetFacts(f, s.Targets)
	timeFacts(f, s)
	if len(s.Variables) > 0 {
		f["variables"] = s.Variables
	}
	if c := s.Canary; c != nil {
		canary := facts{"percent": c.Percent, "deployment": c.Deployment}
		if len(c.Variables) > 0 {
			canary["variables"] = c.Variables
		}
		f["canary"] = canary
	}
	if len(s.Request) > 0 {
		f["request headers"] = ruleFacts(s.Request)
	}
	if len(s.Response) > 0 {
		f["response headers"] = ruleFacts(s.Response)
	}
	if c := s.CORS; c != nil {
		f["cors"] = facts{"origins": c.Origins, "headers": c.Headers, "expose": c.Expose, "maxAge": c.MaxAge.String(), "credentials": c.Credentials}
	}
	if c := s.Cache; c != nil {
		f["cache"] = facts{"ttl": c.TTL.String(), "methods": c.Methods, "vary": c.Vary, "maxBody": c.MaxBody, "bypass": c.Bypass, "epoch": c.Epoch}
		if c.OnlyNamed || len(c.Named) > 0 {
			f["cached methods"], f["only those"] = c.Named, c.OnlyNamed
		}
	}
	if m := s.Maintenance; m != nil {
		on := facts{"message": m.Message}
		if !m.Until.IsZero() {
			on["until"] = m.Until
		}
		f["maintenance"] = on
	}
	if s.Validation != (models.RequestValidation{}) {
		f["validation"] = facts{"parameters": s.Validation.Parameters, "body": s.Validation.Body}
	}
	tlsFacts(f, s.TLS)
	wireFacts(f, s)
	return f
}

// wireFacts are what the management API alone says of a stage.
func wireFacts(f facts, s models.StageSettings) {
	if len(s.Methods) > 0 {
		f["methods"] = s.Methods
	}
	if s.Notes != (models.StageNotes{}) {
		f["notes"] = s.Notes
	}
}

func targetFacts(f facts, t models.StageTargets) {
	if len(t.Others) > 0 {
		list := make([]facts, len(t.Others))
		for i, o := range t.Others {
			list[i] = facts{"url": o.URL, "weight": o.Weight}
		}
		f["targets"], f["weight"] = list, t.Weight
	}
	if t.Retries != 0 {
		f["retries"] = t.Retries
	}
	if h := t.Health; h != nil {
		f["health"] = facts{"path": h.Path, "interval": h.Interval.String(), "timeout": h.Timeout.String(), "unhealthy": h.Unhealthy, "healthy": h.Healthy}
	}
	if t.Breaker != (models.Breaker{}) {
		f["breaker"] = facts{"off": t.Breaker.Off, "failures": t.Breaker.Failures, "pause": t.Breaker.Pause.String()}
	}
}

func timeFacts(f facts, s models.StageSettings) {
	for name, d := range map[string]time.Duration{"connect timeout": s.Timeouts.Connect, "idle timeout": s.Timeouts.Idle, "stream timeout": s.Timeouts.Stream} {
		if d != 0 {
			f[name] = d.String()
		}
	}
	if s.Limits.MaxBody != 0 {
		f["max body"] = s.Limits.MaxBody
	}
}

func tlsFacts(f facts, t models.UpstreamTLS) {
	said := facts{}
	if t.CA != "" {
		said["own authorities"] = true
	}
	if t.ServerName != "" {
		said["server name"] = t.ServerName
	}
	if t.Certificate != 0 {
		said["client certificate"] = t.Certificate
	}
	if t.Insecure {
		said["unchecked"] = true
	}
	if len(said) > 0 {
		f["tls"] = said
	}
}

func ruleFacts(rules []models.HeaderRule) []string {
	said := make([]string, len(rules))
	for i, r := range rules {
		said[i] = string(r.Action) + " " + r.Name
	}
	return said
}
