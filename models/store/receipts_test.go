package store_test

import (
	"testing"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store/storetest"
)

// refused is a receipt of a request to the world's API.
func (w *world) refused(key models.Key, st models.Stage, p models.Plan) models.Receipt {
	return models.Receipt{ID: "0123456789abcdef0123456789abcdef", At: w.now, KeyID: key.ID, AppID: key.AppID, PlanID: p.ID, PlanVersion: p.Version, APIID: st.APIID, StageID: st.ID,
		Method: "GET /users", Outcome: models.OutcomeThrottled, Problem: "throttled", Status: 429, Layer: limit.LayerPlan}
}

func TestReceiptIsForTheOwnersOfKeyAndAPIAlone(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	p := w.plan("Free", st)
	made, customer := w.subscribe(p, "App"), w.customerKey("Acme", p)
	strangers := map[string]models.AccountID{"another owner": w.stranger().ID, "another developer": storetest.Developer(t, w.Store).ID, "an administrator": storetest.Admin(t, w.Store).ID, "nobody": 0}
	for name, r := range map[string]models.Receipt{"a developer's key": w.refused(made.Key, st, p), "a customer's key": w.refused(customer, st, p)} {
		t.Run(name, func(t *testing.T) {
			d, err := w.ReceiptDetail(t.Context(), w.owner.ID, r)
			ok(t, err)
			if !d.OwnAPI || d.OwnKey != (r.KeyID == customer.ID) || d.APIName != "ECHO" || d.APISlug != "echo" || d.StageName != "prod" || d.Plan.Name != "Free" || d.Key.ID != r.KeyID || d.Member != models.MemberActive {
				t.Errorf("the API's owner sees %+v", d)
			}
			rows, err := w.ReceiptRows(t.Context(), w.owner.ID, r.KeyID, []models.Receipt{r})
			ok(t, err)
			if len(rows) != 1 || rows[0].APIName != "ECHO" || rows[0].StageName != "prod" || rows[0].Receipt != r {
				t.Errorf("the API's owner's list has %+v", rows)
			}
			for who, id := range strangers {
				_, err := w.ReceiptDetail(t.Context(), id, r)
				wantKind(t, who, err, models.KindNotFound)
				if rows, err := w.ReceiptRows(t.Context(), id, r.KeyID, []models.Receipt{r}); err != nil || len(rows) != 0 {
					t.Errorf("the list of %s has %+v, %v", who, rows, err)
				}
			}
		})
	}
	d, err := w.ReceiptDetail(t.Context(), w.developer.ID, w.refused(made.Key, st, p))
	ok(t, err)
	if !d.OwnKey || d.OwnAPI || d.Key.Name == "" || d.AppName != "App" || d.SubscriptionID != made.Subscription.ID {
		t.Errorf("the developer sees %+v", d)
	}
	_, err = w.ReceiptDetail(t.Context(), w.developer.ID, w.refused(customer, st, p))
	wantKind(t, "a customer's key, by a developer", err, models.KindNotFound)
	unknown := w.refused(made.Key, st, p)
	unknown.KeyID = models.NewID[models.Key](99)
	_, err = w.ReceiptDetail(t.Context(), w.owner.ID, unknown)
	wantKind(t, "a key that is not there", err, models.KindNotFound)
}

// A key of somebody else's that knocks at an API without a plan is known to the API's owner by its id alone.
func TestReceiptOfAKeyOnNoPlanOfTheOwnersHidesWhoseItIs(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	made := w.subscribe(w.plan("Free", st), "Secret app")
	rival := w.stranger()
	api := w.newAPI(rival, "rival")
	r := w.refused(made.Key, models.Stage{APIID: api.ID, ID: models.NewID[models.Stage](7)}, models.Plan{})
	d, err := w.ReceiptDetail(t.Context(), rival.ID, r)
	ok(t, err)
	if !d.OwnAPI || d.OwnKey || d.Key != (models.Key{}) || d.AppName != "" || d.AccountEmail != "" || d.Member != "" || d.StageName != "" {
		t.Errorf("the other owner sees %+v", d)
	}
	_, err = w.ReceiptDetail(t.Context(), w.owner.ID, r)
	wantKind(t, "the owner of the key's plan, of a call of another's API", err, models.KindNotFound)
	d, err = w.ReceiptDetail(t.Context(), w.developer.ID, r)
	ok(t, err)
	if d.Key.ID != made.Key.ID || d.APIName != "RIVAL" {
		t.Errorf("the developer sees %+v", d)
	}
	both := []models.Receipt{r, w.refused(made.Key, st, models.Plan{})}
	for who, want := range map[models.AccountID]int{w.developer.ID: 2, w.owner.ID: 1, rival.ID: 1} {
		if rows, err := w.ReceiptRows(t.Context(), who, made.Key.ID, both); err != nil || len(rows) != want {
			t.Errorf("%s sees %d of 2 refusals, want %d: %v", who, len(rows), want, err)
		}
	}
}

func TestReceiptOutlivesWhatItNames(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	p := w.plan("Free", st)
	made := w.subscribe(p, "App")
	r := w.refused(made.Key, st, p)
	ok(t, w.EndPlan(t.Context(), w.asOwner(), p.ID, w.later(), w.now))
	ok(t, w.EndDuePlans(t.Context(), w.later()))
	d, err := w.ReceiptDetail(t.Context(), w.developer.ID, r)
	ok(t, err)
	if d.Member != models.MemberEnded || d.PlanEndsAt.IsZero() {
		t.Errorf("of a plan that ended: %+v", d)
	}
	ok(t, w.DeleteAPI(t.Context(), w.asOwner(), w.api.ID, w.later()))
	d, err = w.ReceiptDetail(t.Context(), w.developer.ID, r)
	ok(t, err)
	if d.APIName != "" || d.StageName != "" || d.Key.ID != made.Key.ID {
		t.Errorf("of a deleted API: %+v", d)
	}
	rows, err := w.ReceiptRows(t.Context(), w.developer.ID, made.Key.ID, []models.Receipt{r})
	if err != nil || len(rows) != 1 {
		t.Errorf("the list has %v, %v", rows, err)
	}
	_, err = w.ReceiptDetail(t.Context(), w.owner.ID, r)
	wantKind(t, "who was the API's owner", err, models.KindNotFound)
}
