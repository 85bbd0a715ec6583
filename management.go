package main

import (
	"cmp"
	"flag"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/enforcement/validation"
	"gatehouse/handlers"
	"gatehouse/handlers/management"
	"gatehouse/web"
)

// managementSettings are what the operator chose for the management API.
type managementSettings struct {
	listen    string // address; "": there is none
	insecure  bool   // other machines may reach it unencrypted
	accountID string // 12 digits, in ARNs
	url       string // under which programs reach it
}

const defaultAccountID = "000000000000"

func (m *managementSettings) flags(fs *flag.FlagSet) {
	fs.StringVar(&m.listen, "management-listen", "127.0.0.1:8082", "`address` of the management API, for the AWS CLI, SDKs and Terraform; empty: off")
	fs.BoolVar(&m.insecure, "management-insecure", false, "let other machines reach the management API without TLS: the values of keys travel in clear")
	fs.StringVar(&m.accountID, "account-id", defaultAccountID, "12 `digits` that stand for this installation in the management API's ARNs")
	managementURLFlag(fs, &m.url, "http:// or, with a certificate, https:// and the management API's address")
}

func managementURLFlag(fs *flag.FlagSet, url *string, otherwise string) {
	fs.StringVar(url, "management-url", "", "`URL` under which programs reach the management API (default: "+otherwise+")")
}

// managementProblems returns what is wrong with the settings of the management API. Who listens in on it learns the values of keys; so other machines reach it
// encrypted, or by the operator's word. A socket, which a service manager may hold, counts as open to them.
func (c *config) managementProblems() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	m := &c.management
	if len(m.accountID) != len(defaultAccountID) && m.accountID != "" || strings.Trim(m.accountID, "0123456789") != "" {
		add("--account-id: %q is not 12 digits", m.accountID)
	}
	if _, _, err := net.SplitHostPort(m.listen); err != nil && c.sockets[managementListener] == nil {
		return problems // there is none, or it is no address, which is said elsewhere
	}
	if !m.insecure && !c.encryption.speaks(managementListener) && !listensOnLoopback(m.listen) {
		add("--management-listen: other machines reach %s, and nothing there is encrypted: give it a certificate (--acme, or --tls-cert and --tls-key, with management among --tls-listeners), "+
			"listen on 127.0.0.1:8082, or accept by --management-insecure that the values of keys travel in clear", m.listen)
	}
	return problems
}

// endpoint is where programs reach it; "": there is none.
func (m *managementSettings) endpoint() string {
	if m.listen == "" {
		return ""
	}
	return m.url
}

// addresses are the lines that say where everything is.
func (c *config) addresses() string {
	text := fmt.Sprintf("Portal   %s\nGateway  %s\n", c.publicURL, c.gatewayURL)
	if c.management.listen != "" {
		text += fmt.Sprintf("Management  %s\n", c.management.url)
	}
	return text
}

// openManagement makes the server of the management API. It is never served where there is no listener.
func (in *instance) openManagement() {
	api := management.New(management.Config{
		Records: in.store, Keys: in.store, Documents: in.documents, AccountID: cmp.Or(in.config.management.accountID, defaultAccountID), GatewayURL: in.config.gatewayURL, Now: in.now, Log: in.log,
		Words: handlers.PlanWords, Settle: in.gateway.Commit, Learn: in.gateway.Learn, CheckModel: validation.CheckModel,
	})
	in.management = web.NewServer(in.trust.Handler(in.answerRefused(farewell(&in.managementConnections, in.numbers.countCalls(api.Handler())))), in.log)
	in.managementConnections = in.numbers.watch(managementListener, in.management)
}

// countCalls counts the answers of the management API.
func (n *numbers) countCalls(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, answer := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		n.calls.WithLabelValues(strconv.Itoa(answer.status)).Inc()
		n.callTime.Observe(time.Since(began).Seconds())
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
