package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
	"gatehouse/models/store"
)

const ownerEmail = "owner@example.com"

// startGatehouse seeds an installation with its own commands and use cases, and serves it by its release build, with everything on that is on by default.
func (b *bench) startGatehouse(ctx context.Context, binary string) error {
	data := filepath.Join(b.dir, "gatehouse")
	plans, err := b.seed(ctx, binary, data)
	if err != nil {
		return fmt.Errorf("seed gatehouse: %w", err)
	}
	if err := b.importKeys(binary, data, plans); err != nil {
		return err
	}
	address, err := freePort()
	if err != nil {
		return err
	}
	portal, err := freePort()
	if err != nil {
		return err
	}
	if b.operations, err = freePort(); err != nil {
		return err
	}
	cmd, err := b.start(ctx, address, binary, "serve", "--data", data, "--gateway-listen", address, "--portal-listen", portal, "--ops-listen", b.operations,
		"--allow-upstream", "127.0.0.1/32")
	b.sides = append(b.sides, &side{ours, "all of it: judge, hashed key, throttle, quota, journal, usage, limit headers, log", address, cmd})
	return err
}

const ours = "gatehouse"

type benchPlans struct{ prod, few, free models.Plan }

func (b *bench) seed(ctx context.Context, binary, data string) (p benchPlans, err error) {
	create := exec.CommandContext(ctx, binary, "account", "create", "--data", data, "--email", ownerEmail, "--role", "owner", "--password-stdin")
	create.Stdin = strings.NewReader("a long enough password 17\n")
	if out, err := create.CombinedOutput(); err != nil {
		return p, fmt.Errorf("%w: %s", err, out)
	}
	ring, err := secret.OpenKeyring(filepath.Join(data, "keyring.json"))
	if err != nil {
		return p, err
	}
	s, err := store.Open(ctx, store.Config{Path: filepath.Join(data, "gatehouse.db"), Keyring: ring})
	if err != nil {
		return p, err
	}
	defer s.Close()
	owner, _, err := s.AccountByEmail(ctx, ownerEmail)
	if err != nil {
		return p, err
	}
	actor, now := models.Actor{AccountID: owner.ID, Role: owner.Role, Label: owner.Email}, time.Now()
	api, err := s.CreateAPI(ctx, actor, models.NewAPI{Name: "Bench", Slug: "bench", KeySource: models.DefaultKeySource(), Methods: []models.Method{
		{Verb: http.MethodGet, Path: "/", KeyRequired: true}, {Verb: http.MethodGet, Path: "/large", KeyRequired: true}, {Verb: http.MethodPost, Path: "/", KeyRequired: true},
	}}, now)
	if err != nil {
		return p, err
	}
	stages := map[string]models.Stage{}
	for _, name := range []string{"prod", "few"} {
		st, err := s.CreateStage(ctx, actor, api.ID, models.Stage{Name: name, Upstream: "http://" + b.upstream, Throttle: &limit.Throttle{Rate: 1e6, Burst: 1e6}}, now)
		if err != nil {
			return p, err
		}
		if _, err := s.Deploy(ctx, actor, api.ID, st.ID, "", now); err != nil {
			return p, err
		}
		stages[name] = st
	}
	plan := func(name string, t limit.Throttle, stages ...models.Stage) models.Plan {
		if err != nil {
			return models.Plan{}
		}
		terms := models.NewTerms(name)
		terms.Throttle, terms.Quota = &t, &limit.Quota{Limit: 1e12, Period: limit.PeriodMonth}
		for _, st := range stages {
			terms.Stages = append(terms.Stages, models.PlanStage{StageID: st.ID})
		}
		var made models.Plan
		if made, err = s.CreatePlan(ctx, actor, terms, now); err == nil {
			made, err = s.PublishPlan(ctx, actor, made.ID, now)
		}
		return made
	}
	much := limit.Throttle{Rate: 1e5, Burst: 1e5}
	p = benchPlans{prod: plan("Prod", much, stages["prod"]), few: plan("Few", limit.Throttle{Rate: 1. / 60, Burst: 1}, stages["few"]), free: plan("Free", much, stages["prod"], stages["few"])}
	return p, err
}

func (b *bench) importKeys(binary, data string, p benchPlans) error {
	path := filepath.Join(b.dir, "keys.csv")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	_ = w.Write([]string{"Name", "Key", "UsagePlanIds"})
	for i, k := range b.keys {
		plans := p.prod.ID.String() + "," + p.few.ID.String()
		if isFree(i) {
			plans = p.free.ID.String()
		}
		_ = w.Write([]string{fmt.Sprintf("key-%d", i), k, plans})
	}
	if w.Flush(); w.Error() != nil {
		return w.Error()
	}
	out, err := exec.Command(binary, "key", "import", "--data", data, "--account", ownerEmail, path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("import keys: %w: %s", err, out)
	}
	return nil
}

// profileTime is how long the gateway is looked at.
const profileTime = 8 * time.Second

// profile writes where the gateway's processor time goes under a shape.
func (b *bench) profile(ctx context.Context, s shape, path string) error {
	script, err := b.write("profile.lua", b.script(s))
	if err != nil {
		return err
	}
	loaded := make(chan error, 1)
	go func() {
		_, err := b.load(ctx, b.sides[len(b.sides)-1], s, script, profileTime+2*time.Second)
		loaded <- err
	}()
	time.Sleep(time.Second) // until it is under load
	res, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", b.operations, int(profileTime.Seconds())))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if err := <-loaded; err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
