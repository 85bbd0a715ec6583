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
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
	"gatehouse/models/store"
)

const ownerEmail = "owner@example.com"

const (
	ours     = "gatehouse"
	standard = "gatehouse, standard lane"
	ourJob   = "all of it: judge, hashed key, throttle, quota, journal, usage, limit headers, log"
	laneFlag = "fast-lane"

	manageFlag = "management-listen"
)

// seedGatehouse seeds an installation with its own commands and use cases; each instance gets a copy.
func (b *bench) seedGatehouse(ctx context.Context, binary string) error {
	b.binary, b.seeded = binary, filepath.Join(b.dir, "seeded")
	plans, err := b.seed(ctx, binary, b.seeded)
	if err != nil {
		return fmt.Errorf("seed gatehouse: %w", err)
	}
	if err := b.importKeys(binary, b.seeded, plans); err != nil {
		return err
	}
	help, _ := exec.CommandContext(ctx, binary, "serve", "--help").CombinedOutput() // its status says that nothing was served
	b.lanes = strings.Contains(string(help), laneFlag)
	b.manages = strings.Contains(string(help), manageFlag)
	return nil
}

// startGatehouses serves by the release build, with everything on that is on by default: as it is, by its standard lane alone, and with TLS.
func (b *bench) startGatehouses(ctx context.Context) error {
	if err := b.startGatehouse(ctx, "plain", &side{name: ours}); err != nil {
		return err
	}
	if b.lanes {
		if err := b.startGatehouse(ctx, "standard", &side{name: standard}, "--"+laneFlag+"=off"); err != nil {
			return err
		}
	}
	return b.startGatehouse(ctx, "tls", &side{name: ours, secured: "yes"}, "--tls-cert", filepath.Join(b.dir, "tls.crt"), "--tls-key", filepath.Join(b.dir, "tls.key"),
		"--tls-listeners", "gateway")
}

func (b *bench) startGatehouse(ctx context.Context, name string, x *side, flags ...string) error {
	data, err := b.copySeeded(name)
	if err != nil {
		return err
	}
	if x.operations, err = freePort(); err != nil {
		return err
	}
	address, cmd, err := b.serve(ctx, data, append(flags, "--ops-listen", x.operations)...)
	x.job, x.ours, x.cmd = ourJob, true, cmd
	if x.secured == "" {
		x.address = address
	} else {
		x.secured = address
	}
	b.sides = append(b.sides, x)
	return err
}

// copySeeded returns a data folder of its own.
func (b *bench) copySeeded(name string) (string, error) {
	data := filepath.Join(b.dir, name)
	if err := os.CopyFS(data, os.DirFS(b.seeded)); err != nil {
		return "", err
	}
	return data, os.Chmod(filepath.Join(data, "keyring.json"), 0o600)
}

func (b *bench) serve(ctx context.Context, data string, flags ...string) (address string, cmd *exec.Cmd, err error) {
	address, portal, err := ports()
	if err != nil {
		return "", nil, err
	}
	if b.manages { // at a fixed port, and there are several instances
		flags = append(flags, "--"+manageFlag+"=")
	}
	cmd, err = b.start(ctx, address, b.binary, append([]string{"serve", "--data", data, "--gateway-listen", address, "--portal-listen", portal,
		"--allow-upstream", "127.0.0.1/32"}, flags...)...)
	return address, cmd, err
}

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
		{Verb: http.MethodGet, Path: "/", KeyRequired: true}, {Verb: http.MethodGet, Path: "/large", KeyRequired: true}, {Verb: http.MethodPost, Path: "/upload", KeyRequired: true},
	}}, now)
	if err != nil {
		return p, err
	}
	stages := map[string]models.Stage{}
	for name, upstream := range map[string]string{"prod": b.upstream, "few": b.upstream, "sink": b.sink} {
		st, err := s.CreateStage(ctx, actor, api.ID, models.Stage{Name: name, Upstream: "http://" + upstream, Throttle: &limit.Throttle{Rate: 1e6, Burst: 1e6}}, now)
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
	p = benchPlans{prod: plan("Prod", much, stages["prod"], stages["sink"]), few: plan("Few", limit.Throttle{Rate: 1. / 60, Burst: 1}, stages["few"]), free: plan("Free", much, stages["prod"], stages["few"], stages["sink"])}
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
	sides := b.sidesOf(s)
	x := sides[slices.IndexFunc(sides, func(x *side) bool { return x.ours })]
	loaded := make(chan error, 1)
	go func() {
		_, err := b.load(ctx, x, s, script, profileTime+2*time.Second)
		loaded <- err
	}()
	time.Sleep(time.Second) // until it is under load
	res, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", x.operations, int(profileTime.Seconds())))
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
