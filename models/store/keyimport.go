package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// ImportKeys makes and changes an owner's keys as the lines of a small file say, in one transaction: all of them, or none. A line with an Id, or with a value
// that one of his keys has, changes that key; of a developer's key on his plans only whether it is enabled. The error's fields are "line N". An import of
// some bytes is listed with the others.
func (s *Store) ImportKeys(ctx context.Context, actor models.Actor, in models.NewImport, rows []models.KeyImport, now time.Time) (counts models.ImportCounts, err error) {
	ids := freshIDs[models.Key](len(rows))
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		i := s.newKeyImport(t, rows, ids)
		if err := i.judgeAll(); err != nil {
			return err
		}
		var problems models.ImportProblems
		for _, r := range i.results {
			counts.Add(r.Outcome, 1)
			if r.Outcome == models.LineBad {
				problems.Add(r.Line, r.Message)
			}
		}
		if err := problems.Err(); err != nil {
			return err
		}
		if counts.Changes() == 0 {
			return nil
		}
		if err := i.write(); err != nil {
			return err
		}
		if err := t.keysChanged(i.touched...); err != nil {
			return err
		}
		o := object{kind: "key", name: fmt.Sprintf("%d keys", len(rows)), owner: actor.AccountID}
		if in.Bytes != 0 {
			in.ID = newID[models.Import]()
			o = importObject(models.Import{ID: in.ID, OwnerID: actor.AccountID, File: in.File})
			if err := t.putImport(in, counts); err != nil {
				return err
			}
		}
		return t.event("key.import", o, nil, importFacts(models.ImportDone, in.SkipBad, counts))
	})
	return counts, err
}

// freshIDs draws ids in ascending order: rows that are written in the order of their index are written many times as fast.
func freshIDs[T any](n int) []models.ID[T] {
	ids := make([]models.ID[T], n)
	for i := range ids {
		ids[i] = newID[T]()
	}
	slices.Sort(ids)
	return ids
}

// keyImport is some lines of a file under way: what they refer to, then what is to be written.
type keyImport struct {
	s       *Store
	t       *tx
	id      models.ImportID // whose keys are hidden until it brings them to life; zero: they work at once
	rows    []models.KeyImport
	digests []secret.Digest // of the values
	ids     []models.KeyID  // for new keys
	results []models.ImportLine

	plans  map[models.PlanID]models.Plan // of the owner, by which keys are or are to be on
	labels map[models.StageID]string
	keys   map[models.KeyID]models.Key // that the lines name by id or value, and that the owner may see
	on     map[models.KeyID][]models.Membership
	values map[secret.Digest]valueRow
	lines  map[models.KeyID]int // where a key was named

	made, secrets    [][]any // rows to insert
	changed          [][]any // settings to update
	leaving, joining []membershipID
	switched         []keySwitch
	undos            []undo         // how to take changes back
	touched          []models.KeyID // what the gateway must hear of
}

// keySwitch is a developer's key that is to be blocked or unblocked.
type keySwitch struct {
	key     models.Key
	enabled bool
}

// valueRow is a value that some key has.
type valueRow struct {
	Digest    []byte
	KeyID     models.KeyID
	IsCurrent bool
}

func (s *Store) newKeyImport(t *tx, rows []models.KeyImport, ids []models.KeyID) *keyImport {
	i := &keyImport{s: s, t: t, rows: slices.Clone(rows), ids: ids, digests: make([]secret.Digest, len(rows)), results: make([]models.ImportLine, len(rows))}
	for n, r := range i.rows {
		i.digests[n] = s.keyring.Digest(r.Value)
		i.rows[n].Plans = slices.Compact(slices.Sorted(slices.Values(r.Plans)))
	}
	return i
}

// judgeAll decides what every line does.
func (i *keyImport) judgeAll() error {
	if err := i.load(); err != nil {
		return err
	}
	for n := range i.rows {
		i.results[n].Line = i.rows[n].Line
		if problem := i.judge(n); problem != "" {
			i.results[n] = models.ImportLine{Line: i.rows[n].Line, Outcome: models.LineBad, Message: problem}
		}
	}
	return nil
}

// load reads what the lines refer to.
func (i *keyImport) load() error {
	i.values, i.keys = map[secret.Digest]valueRow{}, map[models.KeyID]models.Key{}
	i.on, i.lines = map[models.KeyID][]models.Membership{}, map[models.KeyID]int{}
	var ids []models.KeyID
	for _, r := range i.rows {
		if r.ID != 0 {
			ids = append(ids, r.ID)
		}
	}
	const chunk = 500
	for digests := range slices.Chunk(i.digests, chunk) {
		args := make([]blob, len(digests))
		for n := range digests {
			args[n] = digests[n][:]
		}
		rows, err := selectAll[valueRow](i.t.DB, "values", `SELECT digest, key_id, is_current FROM key_secrets WHERE digest IN ?`, args)
		if err != nil {
			return err
		}
		for _, r := range rows {
			i.values[secret.Digest(r.Digest)] = r
			ids = append(ids, r.KeyID)
		}
	}
	for some := range slices.Chunk(ids, chunk) {
		if err := i.loadKeys(some); err != nil {
			return err
		}
	}
	return i.loadPlans()
}

// loadKeys reads keys with their memberships; those that are neither the owner's nor on his plans are as if they were not there (R9).
func (i *keyImport) loadKeys(ids []models.KeyID) error {
	rows, err := keysByID(i.t.DB, ids)
	if err != nil {
		return err
	}
	memberships, err := membershipsOf(i.t.DB, i.t.actor.AccountID, ids...)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if k := r.key(); i.t.made(k) || len(memberships[k.ID]) > 0 {
			i.keys[k.ID], i.on[k.ID] = k, memberships[k.ID]
		}
	}
	return nil
}

// loadPlans reads the owner's plans that lines name or keys are on.
func (i *keyImport) loadPlans() error {
	wanted := map[models.PlanID]bool{}
	for _, r := range i.rows {
		for _, id := range r.Plans {
			wanted[id] = true
		}
	}
	i.plans = map[models.PlanID]models.Plan{}
	var stages []models.StageID
	for id := range wanted {
		p, err := ownedPlan(i.t.DB, i.t.actor.AccountID, id)
		if models.KindOf(err) == models.KindNotFound {
			continue
		}
		if err != nil {
			return err
		}
		i.plans[id] = p
		stages = append(stages, p.InForce.StageIDs()...)
	}
	if len(stages) == 0 {
		return nil
	}
	var err error
	i.labels, err = stageLabels(i.t.DB, stages)
	return err
}

// judge decides what a line does, or returns a sentence that says why it cannot be done. No sentence repeats a value, or tells whose it is.
func (i *keyImport) judge(n int) (problem string) {
	r := i.rows[n]
	used, isUsed := i.values[i.digests[n]]
	isUsed = isUsed && r.Value != ""
	k, known := i.keys[r.ID]
	switch {
	case r.ID != 0 && !known:
		return "Id: there is no such key here. Leave Id empty to create one."
	case r.ID != 0 && r.Value != "" && !(isUsed && used.KeyID == r.ID && used.IsCurrent):
		return "Key: the value of a key cannot be changed by an import. Rotate the key instead."
	case r.ID == 0 && isUsed:
		if k, known = i.keys[used.KeyID]; !known || !i.t.made(k) || !used.IsCurrent {
			return "Key: this value cannot be used."
		}
	case r.ID == 0:
		return i.create(n)
	}
	if line, ok := i.lines[k.ID]; ok {
		return models.SameKey(line)
	}
	i.lines[k.ID] = r.Line
	i.results[n].KeyID, i.results[n].Outcome = k.ID, models.LineUnchanged
	changes := i.switchKey
	if i.t.made(k) {
		changes = i.update
	}
	isChanged, problem := changes(k, r)
	if isChanged {
		i.results[n].Outcome = models.LineUpdated
		i.touched = append(i.touched, k.ID)
	}
	return problem
}

// create prepares a new key.
func (i *keyImport) create(n int) string {
	r, value := i.rows[n], secret.NewValue(i.rows[n].Value)
	settings, err := models.CustomerKeySettings{Name: r.Name, Description: r.Description, CustomerID: r.CustomerID}.Clean()
	if err != nil {
		return models.Sentence(err)
	}
	if err := secret.CheckImport(r.Value, i.s.keyPrefix); err != nil {
		return "Key: " + err.Error()
	}
	if err := models.CheckExpiry(r.ExpiresAt, i.t.now); err != nil {
		return "Expires: " + models.Sentence(err)
	}
	if problem := i.checkPlans(r.Plans, nil); problem != "" {
		return problem
	}
	id, digest := i.ids[n], i.digests[n]
	i.values[digest] = valueRow{KeyID: id} // the same value on a later line cannot be used
	at := millis(i.t.now)
	i.made = append(i.made, []any{int64(id), int64(i.t.actor.AccountID), settings.Name, settings.Description, settings.CustomerID, r.Enabled, at,
		nullMillis(r.ExpiresAt), nullID(i.id)})
	i.secrets = append(i.secrets, []any{digest[:], int64(id), value.Hint(), lastFour(value), i.s.keyring.Seal([]byte(r.Value), sealedFor(id, digest[:])), at})
	i.join(id, r.Plans)
	if i.id == 0 {
		i.touched = append(i.touched, id)
	}
	i.results[n].KeyID, i.results[n].Outcome = id, models.LineCreated
	return ""
}

func (i *keyImport) join(key models.KeyID, plans []models.PlanID) {
	for _, plan := range plans {
		i.joining = append(i.joining, membershipID{key, plan})
	}
}

// checkPlans says whether a key that is on some plans can be on the wanted ones (R1).
func (i *keyImport) checkPlans(wanted []models.PlanID, on []models.Membership) string {
	var held []models.HeldStage
	for _, id := range wanted {
		p, ok := i.plans[id]
		if !ok {
			return "UsagePlanIds: there is no plan " + id.String() + " of yours."
		}
		if !slices.ContainsFunc(on, func(m models.Membership) bool { return m.PlanID == id }) {
			if err := p.CheckJoin(); err != nil {
				return "UsagePlanIds: " + models.Sentence(err)
			}
		}
		if p.State == models.PlanEnded {
			continue // what it opened is nobody's
		}
		if err := models.CheckOnePlanPerStage(held, id, p.InForce.StageIDs()); err != nil {
			return "UsagePlanIds: " + models.Sentence(err)
		}
		for _, stage := range p.InForce.StageIDs() {
			held = append(held, models.HeldStage{StageID: stage, StageName: i.labels[stage], PlanID: id, PlanName: p.Name()})
		}
	}
	return ""
}
