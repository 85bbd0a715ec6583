package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gatehouse/enforcement"
	"gatehouse/enforcement/accesslog"
	"gatehouse/enforcement/crash"
	"gatehouse/enforcement/fast"
	"gatehouse/enforcement/front"
	"gatehouse/enforcement/journal"
	"gatehouse/enforcement/receipt"
	"gatehouse/enforcement/recording"
	"gatehouse/enforcement/requestlog"
	"gatehouse/enforcement/trace"
	"gatehouse/enforcement/validation"
	"gatehouse/handlers"
	"gatehouse/jobs"
	"gatehouse/jobs/notify"
	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/static"
	"gatehouse/web"
	"gatehouse/web/certs"
)

// serve runs the portal and the gateway until ctx ends.
func serve(ctx context.Context, p program, args []string) error {
	hangups := make(chan os.Signal, 1) // from the start: else one that comes too early ends the process
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	c, values, err := p.serveConfig(args)
	if err != nil {
		return err
	}
	if c.sockets, err = inherit(); err != nil {
		return err
	}
	log, level := newLog(p.stderr, &c)
	slog.SetDefault(log) // what libraries print themselves becomes a line of the log, too
	in, err := open(ctx, c, log, false)
	if errors.Is(err, context.Canceled) {
		return nil // stopped before there was anything to stop
	} else if err != nil {
		return err
	}
	in.hangups, in.level, in.settings, in.reread = hangups, level, values, func() (config, settings, error) { return p.serveConfig(args) }
	fmt.Fprint(p.stdout, in.config.addresses())
	if err := in.printSetupLink(ctx, p); err != nil {
		return errors.Join(err, in.close())
	}
	if len(c.allowUpstream) == 0 {
		fmt.Fprintln(p.stdout, "Upstreams on private or loopback addresses are refused; to allow some, add for example --allow-upstream 127.0.0.1/32")
	}
	return in.run(ctx)
}

// printSetupLink prints the one-time link that makes the first administrator, while there is none.
func (in *instance) printSetupLink(ctx context.Context, p program) error {
	some, err := in.store.HasAccounts(ctx)
	if err != nil || some {
		return err
	}
	token, _, err := in.store.CreateLink(ctx, models.CommandLine(), models.NewLink{Kind: models.LinkSetup, Role: models.RoleAdmin}, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\nNobody has an account yet. Open this link within one hour to make the first administrator:\n%s/setup/%s\n\n", in.config.publicURL, token)
	return nil
}

// instance is a Gatehouse with everything open: records, gateway, listeners.
type instance struct {
	config    config
	log       *slog.Logger
	hangups   <-chan os.Signal                          // nil: nothing is read again
	level     *slog.LevelVar                            // of log
	settings  settings                                  // in force
	reread    func() (config, settings, error)          // nil: they stay as they are
	addresses atomic.Pointer[enforcement.AddressPolicy] // that may be dialled
	release   func()                                    // of the data folder
	store     *store.Store
	numbers   *numbers
	keyring   *secret.Keyring
	now       func() time.Time
	journal   *journal.Journal
	gateway   *enforcement.Gateway
	imports   *jobs.Imports
	notices   *notify.Worker
	domains   *jobs.Domains

	recorder   *recording.Recorder // nil: nothing is recorded
	rehearsals *handlers.Rehearsals

	receipts        *receipt.Ring   // nil: none are kept
	withoutReceipts error           // why none are kept that were wanted
	requestLog      *requestlog.Log // nil: none is kept
	accessLog       *accesslog.Log
	tracer          *trace.Tracer // nil: nothing is traced

	portalListener, gatewayListener, opsListener, redirectListener net.Listener
	managementListener                                             net.Listener // nil: there is no management API
	portal, data, management, ops, redirect                        *http.Server
	portalConnections, dataConnections, managementConnections      *connections
	lane                                                           *fast.Lane // nil: the standard lane serves everything
	gates                                                          []*gate
	fronts                                                         fronts
	trust                                                          *front.Trust // whom portal, gateway and management API believe
	held                                                           bool         // the service manager holds our sockets

	documents    *openapi.Reader     // of all documents: so few are read at a time
	certificates *certs.Certificates // nil: nothing speaks TLS
	site         *handlers.Site
	endStreams   context.CancelFunc
}

// open opens everything and loads the gateway, so that what fails fails before anything is served.
func open(ctx context.Context, c config, log *slog.Logger, demo bool) (*instance, error) {
	in := &instance{config: c, log: log, numbers: newNumbers(), documents: openapi.NewReader()}
	var err error
	if in.release, err = in.lock(ctx); err != nil {
		return nil, err
	}
	if err := in.openAll(ctx, demo); err != nil {
		return nil, errors.Join(err, in.close())
	}
	return in, nil
}

func (in *instance) openAll(ctx context.Context, demo bool) error {
	if err := in.openCertificates(); err != nil {
		return err
	}
	if err := in.listen(); err != nil {
		return err
	}
	changed := func(ctx context.Context) error { return in.gateway.CatchUp(ctx) }
	var err error
	if in.store, in.keyring, err = openLocked(ctx, in.config, in.log, changed, alreadyLocked, func(c *store.Config) {
		c.Held, c.Comparable, c.Modelled = in.numbers.noteHold, validation.Check, validation.CheckModel
	}); err != nil {
		return err
	}
	if err := in.store.ForgetOpenings(ctx); err != nil {
		return err
	}
	first := in.addressPolicy(in.config)
	in.addresses.Store(&first)
	policy := enforcement.AddressPolicy{Live: &in.addresses}
	if in.journal, err = in.openJournal(); err != nil {
		return err
	}
	shift := crash.Clock()
	in.now = wallClock(shift)
	in.openRecording(ctx)
	in.openReceipts()
	in.openRequestLog(ctx)
	if err := in.openAccessLog(); err != nil {
		return err
	}
	bounds := in.config.edge.chosen()
	in.trust = front.NewTrust(in.config.edge.trusted())
	in.openTracer()
	in.gateway = enforcement.New(enforcement.Config{
		Bounds: &bounds, Proxies: in.trust,
		Source: in.store, Ledger: in.store, Books: in.store, Journal: in.journal, Recorder: in.arrivals(), ValueUses: in.store, Keyring: in.keyring,
		ProblemURL: in.config.publicURL + "/problems/", Receipts: in.receipts, ReceiptURL: in.config.publicURL + "/requests/", APIsURL: in.config.publicURL + "/apis/",
		Hosts:      in.config.hosts,
		RequestLog: in.requestLog, AccessLog: in.accessLog, Tracer: in.tracer, Names: in.names(), CacheSize: int64(in.config.cacheSize), Policy: policy, Log: in.log, Shift: shift, Warm: in.warm(),
	})
	if err := in.store.StopUnusedValues(ctx, in.now()); err != nil { // nobody used them while nothing was served
		return err
	}
	if err := in.gateway.Load(ctx); err != nil {
		return err
	}
	in.data = enforcement.NewServer(in.gateway, in.log)
	bounds.Apply(in.data)
	in.dataConnections = in.numbers.watch(gatewayListener, in.data)
	if err := in.openFastLane(); err != nil {
		return err
	}
	in.imports = jobs.NewImports(jobs.Config{Store: in.store, Keyring: in.keyring, Dir: filepath.Join(in.config.data, importsFolder),
		Known: in.gateway.Learn, Log: in.log})
	in.domains = &jobs.Domains{Store: in.store, Resolver: in.config.resolver(), Log: in.log, Now: in.now}
	if in.notices, err = in.openNotices(policy); err != nil {
		return err
	}
	var streams context.Context
	streams, in.endStreams = context.WithCancel(context.Background())
	mailSince, err := in.store.MailSince(ctx, in.config.smtpURL != "", in.now())
	if err != nil {
		return err
	}
	in.site = &handlers.Site{
		MailSince: mailSince,
		Accounts:  in.store, Sessions: newSessions(in), Log: in.log, Now: in.now, Demo: demo,
		PublicURL: in.config.publicURL, GatewayURL: in.config.gatewayURL, GatewayDomain: in.config.gatewayDomain, Names: in.gateway, GatewayHost: in.ownGatewayHost(), Gateway: in.gateway, Insecure: insecure(in.config), Streams: streams, Served: in.numbers.notePage, Brand: &handlers.Brand{Store: in.store},
	}
	in.portal = web.NewServer(in.trust.Handler(in.answerRefused(farewell(&in.portalConnections, web.Handler(in.site, in.pages(policy), static.Handler())))), in.log)
	in.portalConnections = in.numbers.watch(portalListener, in.portal)
	in.openManagement()
	in.ops = &http.Server{Handler: in.answerRefused(in.operations()), ReadHeaderTimeout: 10 * time.Second}
	in.redirect = certs.NewServer(in.answerRefused(in.plainHandler()), in.log)
	return nil
}

// openJournal opens what the gateway writes its admissions down in.
func (in *instance) openJournal() (*journal.Journal, error) {
	boot, err := crash.Boot()
	if err != nil {
		return nil, err
	}
	size, err := crash.SegmentSize()
	if err != nil {
		return nil, err
	}
	return journal.Open(journal.Config{
		Dir: filepath.Join(in.config.data, journalFolder), SyncAlways: in.config.journalSync == syncAlways, SegmentSize: size, Boot: boot, Log: in.log,
	})
}

// wallClock is the clock that people and pages see.
func wallClock(shift func() time.Duration) func() time.Time {
	if shift == nil {
		return time.Now
	}
	return func() time.Time { return time.Now().Add(shift()) }
}

// listen takes all addresses first: a port that is in use is said before a database is touched. Port 0 becomes the one that was free.
func (in *instance) listen() error {
	var problems []error
	take := func(name, flag string, address *string) net.Listener {
		l := in.config.sockets[name]
		if l != nil {
			*address, in.held = l.Addr().String(), true
		} else if *address == "" {
			return nil
		} else {
			var err error
			if l, err = net.Listen("tcp", *address); err != nil {
				problems = append(problems, fmt.Errorf("--%s: %w", flag, err))
				return nil
			}
		}
		if _, port, _ := net.SplitHostPort(*address); port == "0" {
			*address = l.Addr().String()
		}
		in.gates = append(in.gates, newGate(l))
		return in.gates[len(in.gates)-1]
	}
	in.portalListener = take(portalListener, "portal-listen", &in.config.portalListen)
	in.gatewayListener = take(gatewayListener, "gateway-listen", &in.config.gatewayListen)
	in.managementListener = take(managementListener, "management-listen", &in.config.management.listen)
	in.opsListener = take(opsListener, "ops-listen", &in.config.opsListen)
	in.redirectListener = take(redirectListener, "http-redirect", &in.config.encryption.redirect)
	in.config.finishURLs()
	return errors.Join(append(problems, in.config.managementProblems()...)...) // the socket of a service manager may be open to others
}

// listeners are all of ours; those that are switched off are nil.
func (in *instance) listeners() []net.Listener {
	return []net.Listener{in.portalListener, in.gatewayListener, in.managementListener, in.opsListener, in.redirectListener}
}

// addressPolicy says which upstreams may be dialled: never our own listeners.
func (in *instance) addressPolicy(c config) enforcement.AddressPolicy {
	allowed, sockets, _ := c.allowed() // what is wrong with the others was said by validate
	policy := enforcement.AddressPolicy{Allow: allowed, Sockets: sockets}
	for _, l := range in.listeners() {
		if l == nil {
			continue
		}
		if address, err := netip.ParseAddrPort(l.Addr().String()); err == nil {
			policy.Own = append(policy.Own, address)
		}
	}
	return policy
}

// run serves until ctx ends or something breaks, then stops in order: no new connections, answers under way finish, usage and levels are saved, the
// database closes.
func (in *instance) run(ctx context.Context) error {
	work, stopWork := context.WithCancelCause(ctx)
	defer stopWork(nil)
	var group sync.WaitGroup
	start := func(name string, fn func() error) {
		group.Go(func() {
			if err := fn(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, context.Canceled) {
				stopWork(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	start("portal", func() error {
		return serveJudged(in.portal, in.encrypted(portalListener, in.bounded(portalListener, in.portalListener)))
	})
	start("gateway", func() error {
		return serveJudged(in.data, in.encrypted(gatewayListener, in.inLane(in.bounded(gatewayListener, in.gatewayListener))))
	})
	if in.managementListener != nil {
		start("management API", func() error {
			return serveJudged(in.management, in.encrypted(managementListener, in.bounded(managementListener, in.managementListener)))
		})
	}
	if in.opsListener != nil {
		start("operations", func() error { return serveJudged(in.ops, in.encrypted(opsListener, in.opsListener)) })
	}
	if in.redirectListener != nil {
		start("plain HTTP", func() error { return serveJudged(in.redirect, in.bounded("redirect", in.redirectListener)) })
	}
	if in.certificates != nil {
		start("certificates", func() error { return in.certificates.Run(work) })
	}
	start("gateway upkeep", func() error { return in.gateway.Run(work) })
	start("usage upkeep", func() error { return in.prune(work) })
	start("plan upkeep", func() error { return in.endPlans(work) })
	start("plan publications", func() error { return in.publishPlans(work) })
	start("change notices", func() error { return in.changeNotices().Run(work) })
	start("imports", func() error { return in.imports.Run(work) })
	start("domains", func() error { return in.domains.Run(work) })
	start("notices", func() error { return in.notices.Run(work) })
	start("alerts", func() error { return in.raiseAlerts(work) })
	start("settings", func() error { in.reloadEach(work); return nil })
	start("documents", func() error { return in.readDocuments(work) })
	in.tellManager(ready)

	<-work.Done()
	cause := context.Cause(work)
	if errors.Is(cause, context.Canceled) {
		cause = nil
	}
	in.log.Info("stopping")
	in.tellManager(stopping)
	err := errors.Join(cause, in.stopServing(context.WithoutCancel(ctx)))
	group.Wait()
	return errors.Join(err, in.close())
}

// serveJudged serves a listener behind the strict judge of HTTP/1.1, as every one is.
func serveJudged(s *http.Server, l net.Listener) error { return s.Serve(enforcement.Judged(s, l)) }

// answerRefused makes a handler answer what the judge refused.
func (in *instance) answerRefused(h http.Handler) http.Handler {
	return enforcement.AnswerRefused(h, in.config.publicURL+"/problems/")
}

// close gives back what open took; it is safe after a part of open.
func (in *instance) close() error {
	var problems []error
	for _, l := range in.listeners() {
		if l != nil {
			_ = l.Close() // closed already when it was served
		}
	}
	ended, end := context.WithCancel(context.Background())
	end()
	in.closeLane(ended) // closed already when it was served
	if in.journal != nil {
		problems = append(problems, in.journal.Close())
	}
	if in.recorder != nil {
		in.rehearsals.Close() // nobody reads it any more
		problems = append(problems, in.recorder.Close())
	}
	if in.requestLog != nil {
		problems = append(problems, in.requestLog.Close())
	}
	in.closeTracer()
	if in.accessLog != nil {
		problems = append(problems, in.accessLog.Close())
	}
	if in.receipts != nil {
		problems = append(problems, in.receipts.Close())
	}
	if in.store != nil {
		problems = append(problems, in.store.Close())
	}
	in.release()
	return errors.Join(problems...)
}
