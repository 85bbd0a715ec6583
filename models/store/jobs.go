package store

import (
	"context"

	"gatehouse/models"
)

// ImportJobs lists everybody's imports, newest first, for administrators.
func (s *Store) ImportJobs(ctx context.Context, p models.Page) (models.List[models.ImportJob], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.ImportJob]{}, err
	}
	type row struct {
		Row   importRow `gorm:"embedded"` // an anonymous field would have to be exported
		Email string
	}
	rows, err := selectAll[row](s.read.WithContext(ctx), "imports", `SELECT page.*, a.email FROM (SELECT * FROM imports WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?) AS page
		JOIN accounts a ON a.id = page.owner_id ORDER BY page.created_at DESC, page.id DESC`, from.sort, from.id, limitOf(p)+1)
	if err != nil {
		return models.List[models.ImportJob]{}, err
	}
	return cut(rows, p, func(r row) cursor { return r.Row.at() }, func(r row) models.ImportJob {
		return models.ImportJob{Import: r.Row.imported(), Owner: r.Email}
	}), nil
}

// OpeningJobs lists the plans whose keys are being let into a stage now, for administrators.
func (s *Store) OpeningJobs(ctx context.Context) ([]models.OpeningJob, error) {
	return selectAll[models.OpeningJob](s.read.WithContext(ctx), "openings", `SELECT p.name AS plan, s.name AS stage, a.email AS owner FROM plan_openings o CROSS JOIN plans p ON p.id = o.plan_id
		CROSS JOIN stages s ON s.id = o.stage_id CROSS JOIN accounts a ON a.id = p.owner_id ORDER BY o.plan_id, o.stage_id`)
}
