package store_test

import (
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

func TestADomainLeadsNowhereBeforeItIsProvedAndToOneStageAlone(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	first, firstAPI, firstStage := domainOwner(t, s, "first")
	second, secondAPI, secondStage := domainOwner(t, s, "second")
	add := func(owner models.Account, api models.APIID, stage models.StageID) models.Domain {
		t.Helper()
		d, err := s.AddDomain(ctx, storetest.Actor(owner), api, models.Domain{StageID: stage, Host: "API.example.com.", BasePath: "v1"}, now)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	one, two := add(first, firstAPI, firstStage), add(second, secondAPI, secondStage)
	if one.Host != "api.example.com" || one.BasePath != "/v1" || one.Proof == two.Proof || one.Active() {
		t.Fatalf("got %+v", one)
	}
	if _, err := s.AddDomain(ctx, storetest.Actor(first), firstAPI, models.Domain{StageID: firstStage, Host: "api.example.com"}, now); models.KindOf(err) != models.KindConflict {
		t.Errorf("twice on a stage: %v", err)
	}
	if _, err := s.AddDomain(ctx, storetest.Actor(second), firstAPI, models.Domain{StageID: firstStage, Host: "b.example.com"}, now); models.KindOf(err) != models.KindNotFound {
		t.Errorf("a stranger's stage: %v", err)
	}
	leads := func(want models.StageID) {
		t.Helper()
		topology, err := s.Topology(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var got models.StageID
		for _, d := range topology.Domains {
			got = d.Stage
		}
		if got != want || len(topology.Domains) > 1 {
			t.Errorf("got %v, want %v", topology.Domains, want)
		}
	}
	note := func(d models.Domain, problem string, proofs ...string) {
		t.Helper()
		if err := s.NoteDomain(ctx, d.ID, models.DomainCheck{Proofs: proofs, Known: true, Problem: problem}, now); err != nil {
			t.Fatal(err)
		}
	}
	leads(0)
	note(one, "", "gatehouse=somethingelse", two.Proof)
	leads(0)
	version, _ := s.Version(ctx)
	note(one, "", one.Proof)
	leads(firstStage)
	if after, _ := s.Version(ctx); after <= version {
		t.Error("the gateway is not told")
	}

	note(two, "", one.Proof, two.Proof) // both show theirs: who has it keeps it
	leads(firstStage)
	note(one, "")
	leads(firstStage)
	if d, _ := s.Domain(ctx, first.ID, firstAPI, firstStage, one.ID); d.Problem == "" {
		t.Error("a proof that is gone is no problem")
	}
	note(two, "", two.Proof) // the first one's is gone
	leads(secondStage)
	if d, err := s.Domain(ctx, first.ID, firstAPI, firstStage, one.ID); err != nil || d.Active() || d.Problem == "" {
		t.Errorf("who lost a host is told so: %+v, %v", d, err)
	}

	if err := s.RemoveDomain(ctx, storetest.Actor(first), secondAPI, secondStage, two.ID, now); models.KindOf(err) != models.KindNotFound {
		t.Errorf("a stranger removes: %v", err)
	}
	if err := s.RemoveDomain(ctx, storetest.Actor(second), secondAPI, secondStage, two.ID, now); err != nil {
		t.Fatal(err)
	}
	leads(0)
}

func TestAnApprovedDomainIsTakenFromNobody(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	admin := storetest.Admin(t, s)
	first, firstAPI, firstStage := domainOwner(t, s, "first")
	second, secondAPI, secondStage := domainOwner(t, s, "second")
	one, err := s.AddDomain(ctx, storetest.Actor(first), firstAPI, models.Domain{StageID: firstStage, Host: "api.internal.example"}, now)
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.AddDomain(ctx, storetest.Actor(second), secondAPI, models.Domain{StageID: secondStage, Host: "api.internal.example"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ApproveDomain(ctx, storetest.Actor(first), one.ID, now); models.KindOf(err) != models.KindDenied {
		t.Errorf("an owner approves: %v", err)
	}
	if err := s.ApproveDomain(ctx, storetest.Actor(admin), one.ID, now); err != nil {
		t.Fatal(err)
	}
	if err := s.ApproveDomain(ctx, storetest.Actor(admin), two.ID, now); models.KindOf(err) != models.KindConflict {
		t.Errorf("the same host twice: %v", err)
	}
	if err := s.NoteDomain(ctx, two.ID, models.DomainCheck{Proofs: []string{two.Proof}, Known: true}, now); err != nil {
		t.Fatal(err)
	}
	list, err := s.AllDomains(ctx, models.Page{})
	if err != nil || len(list.Items) != 2 {
		t.Fatalf("got %+v, %v", list, err)
	}
	for _, d := range list.Items {
		if d.Active() != (d.ID == one.ID) {
			t.Errorf("%s of %s: active %v", d.Host, d.Owner, d.Active())
		}
	}
	later := now.Add(models.DomainWaiting + time.Minute)
	if err := s.ForgetDomains(ctx, later); err != nil {
		t.Fatal(err)
	}
	if list, err = s.AllDomains(ctx, models.Page{}); err != nil || len(list.Items) != 1 || list.Items[0].ID != one.ID {
		t.Errorf("what nobody proved is kept, or what is approved is not: %+v, %v", list.Items, err)
	}
	if due, err := s.DomainsToCheck(ctx, later); err != nil || len(due) != 1 {
		t.Errorf("due: %v, %v", due, err)
	}
	if err := s.RefuseDomain(ctx, storetest.Actor(admin), one.ID, later); err != nil {
		t.Fatal(err)
	}
}

// domainOwner is an owner with a stage.
func domainOwner(t *testing.T, s *store.Store, slug string) (models.Account, models.APIID, models.StageID) {
	t.Helper()
	owner := storetest.Owner(t, s)
	in := models.NewAPI{Name: slug, Slug: slug, KeySource: models.DefaultKeySource()}
	api, err := s.CreateAPI(t.Context(), storetest.Actor(owner), in, storetest.Now())
	if err != nil {
		t.Fatal(err)
	}
	stage, err := s.CreateStage(t.Context(), storetest.Actor(owner), api.ID, models.Stage{Name: "prod", Upstream: "https://example.com"}, storetest.Now())
	if err != nil {
		t.Fatal(err)
	}
	return owner, api.ID, stage.ID
}
