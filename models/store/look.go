package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// previewAge is how long an image is kept that no look names: somebody may be looking at a preview of it.
const previewAge = 24 * time.Hour

// Look reads what the portal looks like.
func (s *Store) Look(ctx context.Context) (models.Look, error) {
	return readLook(s.read.WithContext(ctx))
}

func readLook(db *gorm.DB) (models.Look, error) {
	rows, err := selectAll[models.Look](db, "look", `SELECT version, name, accent, logo, icon, headline, intro FROM look WHERE id = 1`)
	if err != nil || len(rows) == 0 {
		return models.Look{}, err
	}
	return rows[0], nil
}

// SaveLook changes what the portal looks like; administrators only. It is a Conflict when somebody else changed it since in.Version. Fields as Look.Clean, and
// "logo" and "icon" where their image is not kept any more.
func (s *Store) SaveLook(ctx context.Context, actor models.Actor, in models.Look, now time.Time) (models.Look, error) {
	if err := mustBeAdmin(actor); err != nil {
		return in, err
	}
	in, err := in.Clean()
	if err != nil {
		return in, err
	}
	err = s.change(ctx, actor, now, func(t *tx) error {
		before, err := readLook(t.DB)
		if err != nil {
			return err
		}
		if before.Version != in.Version {
			return models.Conflict("Somebody else changed the look meanwhile. What you typed is still here: compare, and save again to replace theirs.")
		}
		if err := t.checkLookFiles(in); err != nil {
			return err
		}
		in.Version++
		if err := t.run("save look", `INSERT INTO look (id, version, name, accent, logo, icon, headline, intro) VALUES (1, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name, accent = excluded.accent, logo = excluded.logo, icon = excluded.icon,
				headline = excluded.headline, intro = excluded.intro`, in.Version, in.Name, in.Accent, in.Logo, in.Icon, in.Headline, in.Intro); err != nil {
			return err
		}
		if err := t.run("forget images", `DELETE FROM look_files WHERE hash NOT IN (?, ?) AND at < ?`, in.Logo, in.Icon, millis(t.now.Add(-previewAge))); err != nil {
			return err
		}
		return t.event("look.save", object{kind: "look", name: in.Product()}, lookFacts(before), lookFacts(in))
	})
	return in, err
}

func (t *tx) checkLookFiles(in models.Look) error {
	var p models.Problems
	for field, hash := range map[string]string{"logo": in.Logo, "icon": in.Icon} {
		if hash == "" {
			continue
		}
		n, err := selectOne[int](t.DB, "image", `SELECT count(*) FROM look_files WHERE hash = ?`, hash)
		if err != nil {
			return err
		}
		if n == 0 {
			p.Add(field, "This image is not kept any more. Choose it again.")
		}
	}
	return p.Err()
}

func lookFacts(l models.Look) facts {
	return facts{"name": l.Product(), "accent": l.Colors().Light.Text.String(), "logo": l.Logo, "icon": l.Icon, "headline": l.Headline, "intro": l.Intro}
}

// KeepLookFile keeps an image, as it will be served, for a look to name; administrators only.
func (s *Store) KeepLookFile(ctx context.Context, actor models.Actor, body []byte, now time.Time) (hash string, err error) {
	if err := mustBeAdmin(actor); err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	hash = hex.EncodeToString(sum[:12])
	return hash, s.change(ctx, actor, now, func(t *tx) error {
		return t.run("keep image", `INSERT INTO look_files (hash, body, at) VALUES (?, ?, ?) ON CONFLICT (hash) DO UPDATE SET at = excluded.at`, hash, blob(body), millis(t.now))
	})
}

// LookFile reads an image that was kept.
func (s *Store) LookFile(ctx context.Context, hash string) ([]byte, error) {
	row, err := selectOne[struct{ Body []byte }](s.read.WithContext(ctx), "image", `SELECT body FROM look_files WHERE hash = ?`, hash)
	return row.Body, err
}
