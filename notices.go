package main

import (
	"context"
	"net/mail"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/enforcement"
	"gatehouse/handlers"
	"gatehouse/jobs/notify"
	"gatehouse/models"
)

// openNotices makes the worker that delivers notices; it dials nobody yet.
func (in *instance) openNotices(policy enforcement.AddressPolicy) (*notify.Worker, error) {
	c := notify.Config{Store: in.store, Write: in.mails().Write, Dial: policy.DialContext, Log: in.log, Now: in.now, Noted: in.noteTold}
	server, ok, err := in.config.mailServer()
	if err != nil {
		return nil, err
	}
	if ok {
		smtp, err := notify.NewSMTP(server)
		if err != nil {
			return nil, err
		}
		c.Mail = smtp
	}
	return notify.New(c), nil
}

// mails writes what notices say.
func (in *instance) mails() *handlers.Mails {
	return &handlers.Mails{Product: func(ctx context.Context) string { return in.site.Brand.Look(ctx).Product() }, PublicURL: in.config.publicURL, Digest: func(text string) [32]byte { return in.keyring.TokenDigest(text) }}
}

// checkMail tells where mails go.
func checkMail(c config, r *checked) {
	server, ok, err := c.mailServer()
	switch {
	case err != nil: // said with the other problems
	case !ok:
		r.note("There is no mail server (--smtp-url): invitations, new passwords and alerts by mail wait in the administrator's outbox, /admin/outbox, to be copied by hand. Nobody's address is proved.")
	default:
		r.note("Mails go to %s, from %s.", server.Address(), (&mail.Address{Name: server.From.Name, Address: server.From.Address}).String())
	}
}

// newTold counts what came of deliveries.
func newTold() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_notice_deliveries_total", Help: "Tries to deliver notices, by channel and what came of them: waiting is a try that failed and is made again."},
		[]string{"channel", "state"})
}

func (in *instance) noteTold(by models.Channel, state models.MessageState) {
	in.numbers.told.WithLabelValues(string(by), string(state)).Inc()
}

// queueMetrics asks for the queue when it is asked.
type queueMetrics struct {
	store interface {
		QueueStates(ctx context.Context, now time.Time) (map[models.Channel]models.QueueState, error)
	}
	now func() time.Time
}

// Describe implements prometheus.Collector.
func (queueMetrics) Describe(out chan<- *prometheus.Desc) {
	out <- queueLength()
	out <- queueAge()
}

func queueLength() *prometheus.Desc {
	return prometheus.NewDesc("gatehouse_notice_queue", "Notices that are due or are tried again, by channel.", []string{"channel"}, nil)
}

func queueAge() *prometheus.Desc {
	return prometheus.NewDesc("gatehouse_notice_queue_oldest_seconds", "Age of the oldest notice that is due or is tried again, by channel; 0: there is none.", []string{"channel"}, nil)
}

// Collect implements prometheus.Collector.
func (q queueMetrics) Collect(out chan<- prometheus.Metric) {
	now := q.now()
	states, err := q.store.QueueStates(context.Background(), now)
	if err != nil {
		out <- prometheus.NewInvalidMetric(queueLength(), err)
		return
	}
	for by, state := range states {
		age := 0.0
		if !state.Oldest.IsZero() {
			age = max(0, now.Sub(state.Oldest).Seconds())
		}
		out <- prometheus.MustNewConstMetric(queueLength(), prometheus.GaugeValue, float64(state.Waiting), string(by))
		out <- prometheus.MustNewConstMetric(queueAge(), prometheus.GaugeValue, age, string(by))
	}
}
