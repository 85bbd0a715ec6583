package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
)

// accountView is an account as --json prints it.
type accountView struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"createdAt"`
}

func viewOf(a models.Account) accountView {
	return accountView{ID: a.ID.String(), Email: a.Email, Name: a.Name, Role: a.Role.String(), Disabled: a.Disabled(), CreatedAt: a.CreatedAt}
}

// accountFlags are what the account commands take.
type accountFlags struct {
	config
	email, name, role string
	passwordStdin     bool
}

// account runs the account commands. They work beside a running server: its gateway and pages see the change at once.
func account(ctx context.Context, p program, args []string) error {
	actions := map[string]func(context.Context, program, *store.Store, accountFlags) error{
		"create": accountCreate, "list": accountList, "set-role": accountSetRole, "reset-password": accountResetPassword,
		"disable": accountDisable(true), "enable": accountDisable(false),
	}
	if len(args) == 0 || actions[args[0]] == nil {
		return fmt.Errorf("%w: say create, list, set-role, reset-password, disable or enable", errUsage)
	}
	var f accountFlags
	set := p.flagSet("account " + args[0])
	f.dataFlags(set)
	set.BoolVar(&f.json, "json", false, "print one JSON object")
	if args[0] != "list" {
		set.StringVar(&f.email, "email", "", "the account's e-mail `address`")
	}
	switch args[0] {
	case "create":
		set.StringVar(&f.name, "name", "", "the person's `name` (default: the part of the address before the @)")
		set.StringVar(&f.role, "role", "developer", "`role`: developer, owner or admin")
		set.BoolVar(&f.passwordStdin, "password-stdin", false, "read the password from standard input")
	case "set-role":
		set.StringVar(&f.role, "role", "", "`role`: developer, owner or admin")
	case "reset-password":
		set.BoolVar(&f.passwordStdin, "password-stdin", false, "read the new password from standard input; without it a one-time link is printed")
		set.StringVar(&f.publicURL, "public-url", "http://127.0.0.1:8080", "`URL` of the portal, for the link")
	}
	if err := p.parse(set, args[1:]); err != nil {
		return err
	}
	f.finish()
	if err := f.check(args[0]); err != nil {
		return err
	}
	s, _, err := openRecords(ctx, f.config, slog.New(slog.NewTextHandler(p.stderr, nil)), nil)
	if err != nil {
		return err
	}
	return errors.Join(actions[args[0]](ctx, p, s, f), s.Close())
}

// check refuses what was called wrongly, and all but create where there is no database: a mistyped folder must not become an empty installation.
func (f *accountFlags) check(action string) error {
	problems := f.urlProblems()
	if action != "list" && f.email == "" {
		problems = append(problems, errors.New("name the account with --email"))
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w: %w", errUsage, errors.Join(problems...))
	}
	if action == "create" {
		return nil
	}
	return needDatabase(f.data)
}

func accountCreate(ctx context.Context, p program, s *store.Store, f accountFlags) error {
	email, err := models.CleanEmail(f.email)
	if err != nil {
		return usage("--email", err)
	}
	role, err := models.ParseRole(f.role)
	if err != nil {
		return usage("--role", err)
	}
	if f.name == "" {
		f.name, _, _ = strings.Cut(email, "@")
	}
	if !f.passwordStdin {
		return fmt.Errorf("%w: give the password on standard input with --password-stdin", errUsage)
	}
	hash, err := readPassword(ctx, p.stdin, email, f.name)
	if err != nil {
		return err
	}
	a, err := s.CreateAccount(ctx, models.CommandLine(), models.NewAccount{Email: email, Name: f.name, PasswordHash: hash, Role: role}, time.Now())
	if err != nil {
		return err
	}
	return p.print(f.json, viewOf(a), "Created %s (%s, %s).", a.Email, a.Role, a.ID)
}

// readPassword takes the first line of r and returns its hash.
func readPassword(ctx context.Context, r io.Reader, known ...string) (string, error) {
	password, err := readLine(r)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	if err := secret.CheckPassword(password, known...); err != nil {
		return "", usage("password", err)
	}
	return secret.NewHasher().Hash(ctx, password)
}

func accountList(ctx context.Context, p program, s *store.Store, f accountFlags) error {
	views := []accountView{}
	page := models.Page{Limit: 200}
	for {
		rows, err := s.Accounts(ctx, page)
		if err != nil {
			return err
		}
		for _, row := range rows.Items {
			views = append(views, viewOf(row.Account))
		}
		if page.After = rows.Next; page.After == "" {
			break
		}
	}
	if f.json {
		return p.print(true, map[string]any{"accounts": views}, "")
	}
	for _, v := range views {
		state := ""
		if v.Disabled {
			state = "  disabled"
		}
		fmt.Fprintf(p.stdout, "%s  %-9s  %s  %s%s\n", v.ID, v.Role, v.Email, v.Name, state)
	}
	return nil
}

func accountSetRole(ctx context.Context, p program, s *store.Store, f accountFlags) error {
	role, err := models.ParseRole(f.role)
	if err != nil {
		return usage("--role", err)
	}
	return withAccount(ctx, p, s, f, func(a models.Account) error {
		return s.SetRole(ctx, models.CommandLine(), a.ID, role, time.Now())
	})
}

func accountDisable(disabled bool) func(context.Context, program, *store.Store, accountFlags) error {
	return func(ctx context.Context, p program, s *store.Store, f accountFlags) error {
		return withAccount(ctx, p, s, f, func(a models.Account) error {
			return s.SetAccountDisabled(ctx, models.CommandLine(), a.ID, disabled, time.Now())
		})
	}
}

func accountResetPassword(ctx context.Context, p program, s *store.Store, f accountFlags) error {
	if f.passwordStdin {
		return withAccount(ctx, p, s, f, func(a models.Account) error {
			hash, err := readPassword(ctx, p.stdin, a.Email, a.Name)
			if err != nil {
				return err
			}
			return s.SetPasswordHash(ctx, models.CommandLine(), a.ID, hash, [32]byte{}, time.Now())
		})
	}
	a, _, err := s.AccountByEmail(ctx, f.email)
	if err != nil {
		return missing(f.email, err)
	}
	token, link, err := s.CreateLink(ctx, models.CommandLine(), models.NewLink{Kind: models.LinkReset, AccountID: a.ID}, time.Now())
	if err != nil {
		return err
	}
	view := map[string]any{"email": a.Email, "link": f.publicURL + "/reset/" + token, "expiresAt": link.ExpiresAt}
	return p.print(f.json, view, "Open this link within 30 minutes to set a new password:\n%s/reset/%s", f.publicURL, token)
}

// withAccount does something to the account that --email names and prints how it stands then.
func withAccount(ctx context.Context, p program, s *store.Store, f accountFlags, do func(models.Account) error) error {
	a, _, err := s.AccountByEmail(ctx, f.email)
	if err != nil {
		return missing(f.email, err)
	}
	if err := do(a); err != nil {
		return err
	}
	if a, err = s.Account(ctx, a.ID); err != nil {
		return err
	}
	state := "enabled"
	if a.Disabled() {
		state = "disabled"
	}
	return p.print(f.json, viewOf(a), "%s is %s, role %s.", a.Email, state, a.Role)
}

func missing(email string, err error) error {
	if models.KindOf(err) == models.KindNotFound {
		return fmt.Errorf("there is no account %q", email)
	}
	return err
}

func usage(what string, err error) error { return fmt.Errorf("%w: %s: %w", errUsage, what, err) }

// print writes a result: one JSON object, or a line for people.
func (p program) print(asJSON bool, v any, format string, args ...any) error {
	if !asJSON {
		_, err := fmt.Fprintf(p.stdout, format+"\n", args...)
		return err
	}
	return json.NewEncoder(p.stdout).Encode(v)
}
