package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/store"
)

// region is what clients are told to sign for: they need one, and the management API takes any.
const region = "us-east-1"

// accessKeyView is an access key as --json prints it.
type accessKeyView struct {
	ID           string    `json:"accessKeyId"`
	Account      string    `json:"account"` // e-mail
	Name         string    `json:"name"`
	State        string    `json:"state"` // active, disabled, expired, revoked
	CreatedAt    time.Time `json:"createdAt"`
	ExpiresAt    time.Time `json:"expiresAt,omitzero"`
	LastUsedAt   time.Time `json:"lastUsedAt,omitzero"`
	LastUsedFrom string    `json:"lastUsedFrom,omitempty"`
}

func viewOfAccessKey(k models.AccessKey, email string) accessKeyView {
	return accessKeyView{ID: k.ID, Account: email, Name: k.Name, State: string(k.State(time.Now())), CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, LastUsedAt: k.LastUsedAt, LastUsedFrom: k.LastUsedFrom}
}

// credentialFlags are what the credential commands take.
type credentialFlags struct {
	config
	email, name, expires string
	id                   string // of the key: the one that is brought along, or the one to change
	secretStdin          bool
}

// credential runs the commands of access keys. They work beside a running server: a new key works at once, a stopped one for at most a second longer.
func credential(ctx context.Context, p program, args []string) error {
	actions := map[string]func(context.Context, program, *store.Store, credentialFlags) error{
		"create": credentialCreate, "list": credentialList,
		"disable": credentialChange(func(ctx context.Context, s *store.Store, k models.AccessKey) error {
			return s.SetAccessKeyEnabled(ctx, models.CommandLine(), k.AccountID, k.ID, false, time.Now())
		}),
		"enable": credentialChange(func(ctx context.Context, s *store.Store, k models.AccessKey) error {
			return s.SetAccessKeyEnabled(ctx, models.CommandLine(), k.AccountID, k.ID, true, time.Now())
		}),
		"revoke": credentialChange(func(ctx context.Context, s *store.Store, k models.AccessKey) error {
			return s.RevokeAccessKey(ctx, models.CommandLine(), k.AccountID, k.ID, time.Now())
		}),
	}
	if len(args) == 0 || actions[args[0]] == nil {
		return fmt.Errorf("%w: say create, list, disable, enable or revoke", errUsage)
	}
	var f credentialFlags
	set := p.flagSet("credential " + args[0])
	f.dataFlags(set)
	set.BoolVar(&f.json, "json", false, "print one JSON object")
	switch args[0] {
	case "create":
		set.StringVar(&f.email, "account", "", "e-mail `address` of the owner or administrator whom the key acts for")
		set.StringVar(&f.name, "name", "command line", "`name` of the key")
		set.StringVar(&f.expires, "expires", "", "`when` the key ends: after a time such as 12h or 90d, or at a day such as 2030-12-31 or an instant; without it never")
		set.StringVar(&f.id, "access-key-id", "", "`id` of a key that is brought along, with --secret-access-key-stdin; without it both are made")
		set.BoolVar(&f.secretStdin, "secret-access-key-stdin", false, "read the secret of a key that is brought along from standard input")
		managementURLFlag(set, &f.management.url, "http://127.0.0.1:8082")
	case "list":
		set.StringVar(&f.email, "account", "", "e-mail `address` of the account; without it those of all are listed")
	}
	names, err := p.parseNames(set, args[1:])
	if err != nil {
		return err
	}
	f.finish()
	if err := f.check(args[0], names); err != nil {
		return err
	}
	s, _, err := openRecords(ctx, f.config, slog.New(slog.NewTextHandler(p.stderr, nil)), nil)
	if err != nil {
		return err
	}
	return errors.Join(actions[args[0]](ctx, p, s, f), s.Close())
}

func (f *credentialFlags) check(action string, names []string) error {
	problems := f.urlProblems()
	switch {
	case action == "create" && f.email == "":
		problems = append(problems, errors.New("name the account with --account"))
	case action == "create" && (f.id != "") != f.secretStdin:
		problems = append(problems, errors.New("--access-key-id and --secret-access-key-stdin go together"))
	case (action == "create" || action == "list") && len(names) > 0:
		problems = append(problems, fmt.Errorf("%q is not a flag", names[0]))
	case action != "create" && action != "list":
		if len(names) != 1 || names[0] == "" {
			problems = append(problems, errors.New("name one key by its id"))
			break
		}
		f.id = names[0]
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w: %w", errUsage, errors.Join(problems...))
	}
	return needDatabase(f.data)
}

func credentialCreate(ctx context.Context, p program, s *store.Store, f credentialFlags) error {
	now := time.Now()
	in := models.NewAccessKey{Name: f.name, ID: f.id}
	var err error
	if in.ExpiresAt, err = parseExpiry(f.expires, now); err != nil {
		return fmt.Errorf("%w: --expires: %w", errUsage, err)
	}
	if f.secretStdin {
		if in.Secret, err = readLine(p.stdin); err != nil {
			return fmt.Errorf("read secret: %w", err)
		}
	}
	if _, err := in.Clean(now); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	a, _, err := s.AccountByEmail(ctx, f.email)
	if err != nil {
		return missing(f.email, err)
	}
	k, v, err := s.CreateAccessKey(ctx, models.CommandLine(), a.ID, in, now)
	if err != nil {
		return err
	}
	endpoint := f.management.url
	if endpoint == "" {
		endpoint = "http://127.0.0.1:8082"
	}
	view := struct {
		accessKeyView
		Secret   string `json:"secretAccessKey"`
		Region   string `json:"region"`
		Endpoint string `json:"endpoint"`
	}{viewOfAccessKey(k, a.Email), v.Reveal(), region, endpoint}
	return p.print(f.json, view, "An access key for %s. Its secret is shown here only.\n\nexport AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nexport AWS_DEFAULT_REGION=%s\naws --endpoint-url %s apigateway get-rest-apis",
		a.Email, k.ID, shellQuoted(v.Reveal()), region, endpoint)
}

// shellQuoted writes a text as one word of a shell.
func shellQuoted(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+=_-.") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// readLine takes the first line of r.
func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// parseExpiry reads when something ends: a time from now on, a day, which is its beginning in UTC, or an instant. An empty text is never.
func parseExpiry(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, int(n)), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time such as 12h or 90d nor a day such as 2030-12-31", s)
}

func credentialList(ctx context.Context, p program, s *store.Store, f credentialFlags) error {
	accounts, err := credentialAccounts(ctx, s, f.email)
	if err != nil {
		return err
	}
	views := []accessKeyView{}
	for _, a := range accounts {
		keys, err := s.AccessKeys(ctx, a.ID)
		if err != nil {
			return err
		}
		for _, k := range keys {
			views = append(views, viewOfAccessKey(k, a.Email))
		}
	}
	if f.json {
		return p.print(true, map[string]any{"credentials": views}, "")
	}
	for _, v := range views {
		used := "never used"
		if !v.LastUsedAt.IsZero() {
			used = "used " + v.LastUsedAt.Format(time.DateOnly) + " from " + v.LastUsedFrom
		}
		fmt.Fprintf(p.stdout, "%s  %-8s  %s  %s  %s\n", v.ID, v.State, v.Account, v.Name, used)
	}
	return nil
}

// credentialAccounts are the account that is named, or all.
func credentialAccounts(ctx context.Context, s *store.Store, email string) (accounts []models.Account, err error) {
	if email != "" {
		a, _, err := s.AccountByEmail(ctx, email)
		if err != nil {
			return nil, missing(email, err)
		}
		return []models.Account{a}, nil
	}
	page := models.Page{Limit: 200}
	for {
		rows, err := s.Accounts(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, row := range rows.Items {
			accounts = append(accounts, row.Account)
		}
		if page.After = rows.Next; page.After == "" {
			return accounts, nil
		}
	}
}

// credentialChange does something to the key that is named and prints how it stands then.
func credentialChange(do func(context.Context, *store.Store, models.AccessKey) error) func(context.Context, program, *store.Store, credentialFlags) error {
	return func(ctx context.Context, p program, s *store.Store, f credentialFlags) error {
		k, err := s.AccessKey(ctx, f.id)
		if models.KindOf(err) == models.KindNotFound {
			return fmt.Errorf("there is no access key %q", f.id)
		} else if err != nil {
			return err
		}
		if err := do(ctx, s, k); err != nil {
			return err
		}
		if k, err = s.AccessKey(ctx, k.ID); err != nil {
			return err
		}
		a, err := s.Account(ctx, k.AccountID)
		if err != nil {
			return err
		}
		v := viewOfAccessKey(k, a.Email)
		return p.print(f.json, v, "%s of %s is %s.", v.ID, v.Account, v.State)
	}
}
