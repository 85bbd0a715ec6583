package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"gatehouse/models"
)

// Server is the operator's mail server.
type Server struct {
	Host     string
	Port     int
	User     string
	Password string
	Implicit bool // TLS from the first byte
	From     mail.Address
	TLS      *tls.Config // nil: the system's roots
}

// The ports of RFC 6409 and RFC 8314.
const (
	submissionPort  = 587
	submissionsPort = 465
)

// ParseServer reads smtp://user:password@host:587 and smtps://…:465. What stands for user and password is percent-encoded as in every URL.
func ParseServer(address string) (Server, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Server{}, errors.New("it is no URL") // what is wrong would be told with the password in it
	}
	s := Server{Host: u.Hostname(), Implicit: u.Scheme == "smtps", Port: submissionPort}
	if s.Implicit {
		s.Port = submissionsPort
	}
	if port := u.Port(); port != "" {
		if s.Port, err = strconv.Atoi(port); err != nil || s.Port < 1 || s.Port > 65535 {
			return Server{}, errors.New("its port is none")
		}
	}
	if u.User != nil {
		s.User = u.User.Username()
		s.Password, _ = u.User.Password()
	}
	if u.Scheme != "smtp" && u.Scheme != "smtps" || s.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return Server{}, errors.New("it is no address such as smtp://user:password@mail.example.com:587 or smtps://mail.example.com")
	}
	return s, nil
}

// SMTP hands mails to a server, each over a connection of its own. TLS is used wherever the server offers it; a password, and mail to other machines than this one
// with a password, never travel without it.
type SMTP struct {
	server  Server
	domain  string // of Message-IDs
	options []gomail.Option
}

// NewSMTP returns a Mailer for the server; nothing is dialled yet.
func NewSMTP(s Server) (*SMTP, error) {
	_, domain, _ := strings.Cut(s.From.Address, "@")
	if domain == "" {
		return nil, fmt.Errorf("sender %q is no e-mail address", s.From.Address)
	}
	options := []gomail.Option{gomail.WithPort(s.Port), gomail.WithTimeout(mailTimeout), gomail.WithHELO(domain)}
	switch {
	case s.Implicit:
		options = append(options, gomail.WithSSL())
	case s.User != "" && !isLoopback(s.Host):
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if s.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}
	roots := s.TLS
	if roots == nil {
		roots = &tls.Config{}
	}
	roots = roots.Clone()
	roots.ServerName, roots.MinVersion = s.Host, tls.VersionTLS12
	options = append(options, gomail.WithTLSConfig(roots))
	if _, err := gomail.NewClient(s.Host, options...); err != nil {
		return nil, err
	}
	return &SMTP{server: s, domain: domain, options: options}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Send implements Mailer.
func (s *SMTP) Send(ctx context.Context, m models.Mail) (status int, err error) {
	msg, err := s.message(m)
	if err != nil {
		return 0, &Refusal{err}
	}
	client, err := gomail.NewClient(s.server.Host, s.options...)
	if err != nil {
		return 0, err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if msg.IsDelivered() { // the server took it, and went away without a farewell
		return 250, nil
	}
	if err == nil {
		return 250, nil
	}
	refused := (*gomail.SendError)(nil)
	if !errors.As(err, &refused) {
		return 0, err
	}
	status = refused.ErrorCode()
	if status >= 500 && (refused.Reason == gomail.ErrSMTPRcptTo || refused.Reason == gomail.ErrSMTPData || refused.Reason == gomail.ErrSMTPDataClose) {
		return status, &Refusal{err} // of this receiver or this text; what the server says of the sender is the operator's to mend
	}
	return status, err
}

// message puts a mail into its form. The library encodes header fields; what is no single line is refused before it.
func (s *SMTP) message(m models.Mail) (*gomail.Msg, error) {
	for _, line := range []string{m.Subject, m.To.Email, m.To.Name, m.Unsubscribe, m.ID, s.server.From.Name} {
		if strings.ContainsAny(line, "\r\n\x00") {
			return nil, errors.New("a line break in a header field")
		}
	}
	if to, err := mail.ParseAddress(m.To.Email); err != nil || to.Address != m.To.Email {
		return nil, fmt.Errorf("%q is no e-mail address", m.To.Email)
	}
	msg := gomail.NewMsg()
	msg.FromMailAddress(&s.server.From)
	msg.ToMailAddress(&mail.Address{Name: m.To.Name, Address: m.To.Email}) // which quotes and encodes the name
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID + "@" + s.domain)
	msg.SetDateWithValue(time.Now())
	msg.SetGenHeader(gomail.HeaderUserAgent, "Gatehouse")
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday answers
	if m.Unsubscribe != "" {
		msg.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+m.Unsubscribe+">")
		if strings.HasPrefix(m.Unsubscribe, "https://") { // RFC 8058 3.1: no other
			msg.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
		}
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

// Address is where the server listens, for people.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }
