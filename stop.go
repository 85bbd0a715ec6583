package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Times of an ordered stop.
const (
	// farewellTime is how long answers say that their connections end before any ends.
	farewellTime = 250 * time.Millisecond
	// heldFarewellTime is that where the service manager holds our sockets: connections that nobody uses may stay so long, since nobody who comes is
	// turned away meanwhile. One that is used within it ends with an answer that says so, and not below a request that is on its way.
	heldFarewellTime = 5 * time.Second
	// handshakeTime is for those who were accepted, and are not served yet.
	handshakeTime = time.Second
	// lastTime is for those who are, and sent nothing yet.
	lastTime = 5 * time.Second
	// drainTime is how long requests under way may take after that.
	drainTime = 20 * time.Second
	// warmTime is how long after a start everybody still asks for the first time.
	warmTime = 10 * time.Second
	// cutTime is for the answers of those that took longer.
	cutTime = time.Second
	// waitTime is how long a server waits for the one before it, which may take all of the above and saves what it knows.
	waitTime = time.Minute

	stopStep = 10 * time.Millisecond
)

// stopServing ends the listeners, in an order in which no request is lost, and saves what the gateway holds in memory.
//
// First everything is served as before, but each answer closes its connection: a client would else find one closed on which it has just sent a request. Then
// nobody is accepted any more. Where the service manager holds the sockets, those who come from now on wait in their backlog for the next server. What is
// under way is answered, streams end, connections without a request are closed. Only then the gateway stops to admit.
func (in *instance) stopServing(ctx context.Context) error {
	in.gateway.Leave()
	in.leaveLane()
	in.sayFarewell()
	for _, g := range in.gates {
		if g != in.opsListener { // who watches may, to the end
			g.Shut()
		}
	}
	in.endStreams()
	drain, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	done, finish := context.WithCancel(ctx)
	var streams, servers sync.WaitGroup
	streams.Go(func() { in.gateway.EndStreams(drain, done) })
	in.awaitLast()
	for _, s := range []*http.Server{in.portal, in.data, in.management} {
		servers.Go(func() { in.shutDown(ctx, s) })
	}
	servers.Go(func() { in.closeLane(drain) })
	servers.Wait()
	finish()
	streams.Wait()
	return errors.Join(in.gateway.Drain(drain), in.ops.Close(), in.redirect.Close())
}

func (in *instance) shutDown(ctx context.Context, s *http.Server) {
	ctx, cancel := context.WithTimeout(ctx, drainTime+cutTime)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		in.log.Warn("answers were still under way at the end of the stop", "error", err)
		_ = s.Close()
	}
}

// sayFarewell gives connections time to hear that they end.
func (in *instance) sayFarewell() {
	all := in.connections()
	for _, c := range all {
		c.leave()
	}
	began := time.Now()
	for {
		time.Sleep(stopStep)
		unheard := int(in.laneCounts().Deaf)
		for _, c := range all {
			unheard += c.unheard()
		}
		switch passed := time.Since(began); {
		case passed < farewellTime:
		case !in.held || unheard == 0 || passed > heldFarewellTime:
			return
		}
	}
}

// awaitLast waits for the requests of those who were accepted: http.Server.Shutdown would close a connection on which one has just come, unanswered. Handshakes
// that never end and connections without a request are not waited for longer than it does itself.
func (in *instance) awaitLast() {
	began := time.Now()
	for ; time.Since(began) < lastTime; time.Sleep(stopStep) {
		lane := in.laneCounts()
		accepted, ending := int64(0), int(lane.Open-lane.Deaf)
		for _, g := range in.gates {
			if g == in.portalListener || g == in.gatewayListener || g == in.managementListener {
				accepted += g.accepted.Load()
			}
		}
		for _, c := range in.connections() {
			accepted -= c.served.Load()
			ending += c.ending()
		}
		if ending == 0 && (accepted <= 0 || time.Since(began) > handshakeTime || !in.held) {
			return
		}
	}
}

// warm is for how long requests behind a start are waited for more patiently: while sockets are held, all who waited for the upgrade come at once.
func (in *instance) warm() time.Duration {
	if in.held {
		return warmTime
	}
	return 0
}

// connections are those of the servers whose clients are told before it ends.
func (in *instance) connections() []*connections {
	return []*connections{in.portalConnections, in.dataConnections, in.managementConnections}
}

// farewell makes answers close their connections once the stop has begun; the gateway does so itself. of is set before the first request.
func farewell(of **connections, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (*of).leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// lock holds the data folder. A server whose sockets are held waits for the one before it, as at an upgrade: who comes waits, too, and nobody is turned away.
func (in *instance) lock(ctx context.Context) (release func(), err error) {
	if release, err = lockData(in.config.data); err == nil || len(in.config.sockets) == 0 {
		return release, err
	}
	in.log.Info("waiting for the server that still has the data folder", "folder", in.config.data)
	in.tellManager("STATUS=Waiting for the server before this one to finish.", fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (waitTime+waitTime/2).Microseconds()))
	for deadline := time.Now().Add(waitTime); time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(stopStep):
		}
		if release, err = lockData(in.config.data); err == nil {
			in.tellManager("STATUS=Starting.")
			return release, nil
		}
	}
	return nil, fmt.Errorf("waited %v for it: %w", waitTime, err)
}
