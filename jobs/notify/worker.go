package notify

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"gatehouse/models"
)

// Store is the queue. The store implements it, and documents it.
type Store interface {
	ClaimMessage(ctx context.Context, by models.Channel, now time.Time, lease time.Duration) (models.Delivery, error)
	FinishMessage(ctx context.Context, d models.Delivery, out models.Delivered, now time.Time) error
	ReleaseClaims(ctx context.Context, now time.Time) error
}

// Mailer hands a mail to a server. Status is the server's, or 0 when it gave none; a Refusal in the error's chain says that trying again is no use.
type Mailer interface {
	Send(ctx context.Context, m models.Mail) (status int, err error)
}

// Config is what a Worker needs.
type Config struct {
	Store Store
	Mail  Mailer // nil: there is no server, and mails are kept for the administrator's outbox
	// Write makes the mail of a delivery.
	Write func(ctx context.Context, d models.Delivery) (models.Mail, error)
	// Dial reaches the addresses of webhooks, and no others than may be dialled.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Patience is how long an address may take for its answer; 0: models.WebhookTimeout.
	Patience time.Duration
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now
	// Noted is told what came of each try, for metrics; nil: nobody wants to know.
	Noted func(by models.Channel, state models.MessageState)
}

// Worker delivers what is due.
type Worker struct {
	Config
	hooks *hooks
	wake  chan struct{}
}

// How many deliveries are under way at once, how long one may take, and for how long it is claimed: longer, so that nobody takes it meanwhile.
const (
	mailWorkers    = 2
	webhookWorkers = 4
	mailTimeout    = time.Minute
	lease          = 5 * time.Minute
	lookEvery      = time.Second
)

// New returns a Worker that does nothing until Run.
func New(c Config) *Worker {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Noted == nil {
		c.Noted = func(models.Channel, models.MessageState) {}
	}
	if c.Patience == 0 {
		c.Patience = models.WebhookTimeout
	}
	return &Worker{Config: c, hooks: newHooks(c.Dial, c.Patience), wake: make(chan struct{}, 1)}
}

// Run delivers until ctx ends; then it returns nil. A delivery that is under way then is finished first.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.Store.ReleaseClaims(ctx, w.Now()); err != nil {
		return err
	}
	var group sync.WaitGroup
	for range mailWorkers {
		group.Go(func() { w.work(ctx, models.ByMail) })
	}
	for range webhookWorkers {
		group.Go(func() { w.work(ctx, models.ByWebhook) })
	}
	group.Wait()
	return nil
}

func (w *Worker) work(ctx context.Context, by models.Channel) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		some, err := w.Next(ctx, by)
		if err != nil && ctx.Err() == nil {
			w.Log.Error("deliver notices", "channel", string(by), "error", err)
		}
		if some && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// Next delivers what is due first and reports whether there was something.
func (w *Worker) Next(ctx context.Context, by models.Channel) (some bool, err error) {
	d, err := w.Store.ClaimMessage(ctx, by, w.Now(), lease)
	if models.KindOf(err) == models.KindNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ctx = context.WithoutCancel(ctx) // a stop waits for what is under way: it would be told twice otherwise
	var out models.Delivered
	if by == models.ByMail {
		out = w.mail(ctx, d)
	} else {
		out = w.webhook(ctx, d)
	}
	w.Noted(by, out.State)
	return true, w.Store.FinishMessage(ctx, d, out, w.Now())
}

// retry says that a try failed and when the next one is, or that it was the last.
func (w *Worker) retry(d models.Delivery, a models.Attempt, delay func(int, float64) (time.Duration, bool)) models.Delivered {
	wait, more := delay(d.Messages[0].Attempts, rand.Float64())
	if !more {
		return models.Delivered{State: models.MessageFailed, Reason: a.Problem, Attempt: &a}
	}
	return models.Delivered{State: models.MessageWaiting, Reason: a.Problem, Attempt: &a, Due: w.Now().Add(wait)}
}
