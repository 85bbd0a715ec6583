package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// Config says how to open a store.
type Config struct {
	Path      string // of the SQLite file
	Keyring   *secret.Keyring
	KeyPrefix secret.Prefix // that generated key values begin with; the zero Prefix is "gwk1"
	Log       *slog.Logger
	// Changed is called after a transaction that appended to the change log, before the method returns; nil: nobody listens in this process.
	Changed func(ctx context.Context) error
	// Held is told how long each use case, by the name of its method, held the connection that writes; everybody else waited meanwhile. nil: nobody wants
	// to know.
	Held func(useCase string, d time.Duration)
	// Comparable tries a document before a stage compares requests with it; nil: nobody does, and the gateway finds out.
	Comparable Comparable
	// Modelled tries a model before an API keeps it; nil: nobody does, and the gateway finds out.
	Modelled Modelled
	// Unsynced lets a power cut take back what was committed. It is for tests, which wait for the disk more than for anything else.
	Unsynced bool
}

func (c Config) logger() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// Store is safe for concurrent use.
type Store struct {
	write      *gorm.DB
	read       *gorm.DB
	keyring    *secret.Keyring
	keyPrefix  secret.Prefix
	log        *slog.Logger
	changed    func(ctx context.Context) error
	comparable Comparable
	modelled   Modelled
	folder     *folder
	fold       *gorm.DB      // the folder's
	openings   chan struct{} // holds the one opening that is under way
	atOnce     int           // keysAtOnce, but in tests
	signing    *signingKeys

	stagedUsage atomic.Bool         // there may be a batch that is not all in the tables
	stopAdding  func(part int) bool // before that part of one, in tests; nil: never
}

// readers is the number of connections for reading: enough for a page's queries beside a chart's, few enough for two cores.
const readers = 4

// cacheKiB is how many KiB of pages each connection keeps at most: about what a page of usage reads.
const cacheKiB = "16000"

// Open opens the database file; in an empty one it makes the schema. Its error is a *SchemaError when the file has another schema than this program: an
// older one is for Migrate. It refuses a backup, which is for Restore.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := &Store{keyring: c.Keyring, keyPrefix: c.KeyPrefix, log: c.logger(), changed: c.Changed, comparable: c.Comparable, modelled: c.Modelled, openings: make(chan struct{}, 1), atOnce: keysAtOnce, signing: newSigningKeys()}
	var err error
	if s.write, err = openHandle(c, toWrite, 1); err != nil {
		return nil, err
	}
	if err = prepareSchema(ctx, s.write); err == nil {
		err = refuseBackup(s.write)
	}
	if err == nil {
		s.read, err = openHandle(c, toRead, readers)
	}
	if err == nil {
		err = s.openFolder(ctx, c)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openFolder(ctx context.Context, c Config) (err error) {
	if s.fold, err = openHandle(c, toFold, 1); err != nil {
		return err
	}
	pool, err := s.fold.DB()
	if err != nil {
		return err
	}
	return s.startFolding(ctx, s.write.ConnPool.(*writer), pool)
}

// access is what a handle is for.
type access uint8

const (
	toWrite access = iota // immediate transactions
	toRead                // cannot write
	toFold                // folds the write-ahead log into the file
	toOwn                 // nobody else has the file: it stays one file, without a write-ahead log beside it
)

func openHandle(c Config, use access, connections int) (*gorm.DB, error) {
	if c.Log == nil { // of copies and their marks, which commands make
		c.Log = slog.New(slog.DiscardHandler)
	}
	db, err := gorm.Open(dialector(c, use), &gorm.Config{
		TranslateError:         true,
		SkipDefaultTransaction: true,
		NowFunc:                func() time.Time { return time.Now().UTC() },
		Logger: statementLog{logger.NewSlogLogger(c.logger(), logger.Config{
			SlowThreshold: 500 * time.Millisecond, LogLevel: logger.Warn,
		}), c.logger()},
	})
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", c.Path, err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", c.Path, err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	if use == toWrite {
		queueUp(db, pool, c.Held)
	}
	return db, nil
}

// Close ends all connections; the last one folds the write-ahead log into the file.
func (s *Store) Close() error {
	if s.folder != nil {
		s.folder.end()
	}
	var problems []error
	for _, db := range []*gorm.DB{s.fold, s.read, s.write} {
		if db != nil {
			problems = append(problems, closeHandle(db))
		}
	}
	return errors.Join(problems...)
}

func closeHandle(db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

// tx is one changing use case under way.
type tx struct {
	*gorm.DB
	actor   models.Actor
	now     time.Time
	keyring *secret.Keyring
	atOnce  int // rows of keys or subscriptions that it may write
	changes bool
	signing bool               // access keys, or who they act for, may have changed
	tried   map[contract]error // what requests were tried to be compared with; nil: that is not asked
}

// change runs a use case in an immediate transaction. Errors from fn roll it back. When fn noted a change, the gateway has applied it by the time that
// change returns. Denied when the actor may not act any more.
func (s *Store) change(ctx context.Context, actor models.Actor, now time.Time, fn func(*tx) error) error {
	t := &tx{actor: actor, now: now.UTC().Truncate(time.Millisecond), keyring: s.keyring, atOnce: s.atOnce}
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t.DB = db
		if err := t.checkActor(); err != nil {
			return err
		}
		if err := t.endDuePlans(); err != nil {
			return err
		}
		return fn(t)
	})
	if t.signing {
		s.signing.changed()
	}
	if err != nil {
		return translate(err)
	}
	if !t.changes || s.changed == nil {
		return nil
	}
	if err := s.changed(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("tell the gateway: %w", err)
	}
	return nil
}

// changed appends to the change log that the gateway follows; ids are of plans, keys or imports, none for topology.
func (t *tx) changed(kind models.ChangeKind, ids ...int64) error {
	if kind == models.ChangeTopology {
		ids = []int64{0}
	}
	t.changes = t.changes || len(ids) > 0
	values := make([][]any, len(ids))
	for i, id := range ids {
		values[i] = []any{string(kind), id, millis(t.now)}
	}
	return t.runMany("append change", `INSERT INTO changes (version, kind, id, at) SELECT coalesce(max(version), 0) + 1, ?, ?, ? FROM changes`, values)
}

// newID draws an id.
func newID[T any]() models.ID[T] {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return models.NewID[T](binary.LittleEndian.Uint64(b[:]))
}

// blob binds bytes as one value: of a bare []byte that follows a parenthesis, as in VALUES (?, …), gorm makes a list of numbers.
type blob []byte

// Value implements driver.Valuer.
func (b blob) Value() (driver.Value, error) { return []byte(b), nil }

// millis stores a time; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// nullMillis stores a time; the zero time is NULL.
func nullMillis(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: millis(t), Valid: !t.IsZero()}
}

// timeOf reads what millis and nullMillis store.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func nullTime(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return timeOf(ms.Int64)
}

// LevelStatements is the level of a log that gets each statement. There are dozens a second on a server that does nothing, which would hide all else that is
// for debugging.
const LevelStatements = slog.LevelDebug - 4

// statementLog logs slow statements, and all of them to a log that takes LevelStatements. Failed ones are returned, and most are no fault: a name that is
// taken is a person's to change.
type statementLog struct {
	logger.Interface
	log *slog.Logger
}

var _ gorm.ParamsFilter = statementLog{}

// ParamsFilter implements gorm.ParamsFilter: values stay out of the log.
func (statementLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// LogMode implements logger.Interface.
func (l statementLog) LogMode(level logger.LogLevel) logger.Interface {
	return statementLog{l.Interface.LogMode(level), l.log}
}

// Trace implements logger.Interface.
func (l statementLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	if l.log != nil && l.log.Enabled(ctx, LevelStatements) {
		text, _ := statement()
		l.log.Log(ctx, LevelStatements, "statement", "sql", text)
	}
	l.Interface.Trace(ctx, begin, statement, nil)
}
