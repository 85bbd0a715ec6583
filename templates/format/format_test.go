package format_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/templates/format"
)

// plain makes no-break and thin spaces readable in tables.
func plain(s string) string {
	return strings.NewReplacer("\u00a0", " ", "\u2009", "~").Replace(s)
}

type row[T any] struct {
	in   T
	want string
}

func check[T any](t *testing.T, name string, f func(T) string, rows []row[T]) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		for _, r := range rows {
			if got := plain(f(r.in)); got != r.want {
				t.Errorf("%v: got %q, want %q", r.in, got, r.want)
			}
		}
	})
}

func TestNumbers(t *testing.T) {
	check(t, "Count", format.Count, []row[int64]{{0, "0"}, {999, "999"}, {1000, "1,000"}, {1284067, "1,284,067"}, {-1234, "−1,234"}, {math.MaxInt64, "9,223,372,036,854,775,807"}, {math.MinInt64, "−9,223,372,036,854,775,808"}})
	check(t, "Number", format.Number, []row[float64]{{0, "0"}, {1.5, "1.5"}, {1284.567, "1,284.57"}, {0.1, "0.1"}, {0.00123, "0.0012"}, {-0.001, "−0.001"}, {1e-300, "0"}, {-2.5, "−2.5"}, {math.NaN(), "–"}, {math.Inf(1), "∞"}})
	check(t, "Short", format.Short, []row[float64]{{0, "0"}, {999, "999"}, {12.34, "12.3"}, {1000, "1k"}, {8200, "8.2k"}, {14_000, "14k"}, {999_499, "999k"}, {999_950, "1M"}, {1_284_067, "1.28M"}, {12_840_670, "12.8M"}, {128_406_700, "128M"}, {4_320_000_000, "4.32B"}, {1e14, "100T"}, {1e18, "∞"}, {-1_284_067, "−1.28M"}})
	check(t, "Rate", format.Rate, []row[float64]{{50, "50 requests a second"}, {1, "1 request a second"}, {0.1, "1 request every 10 seconds"}, {0.3, "1 request every 3.3 seconds"}, {0.97, "0.97 requests a second"}, {0, "0 requests a second"}, {1.5, "1.5 requests a second"}})
	check(t, "RPS", format.RPS, []row[float64]{{50, "50 rps"}, {0.1, "0.1 rps"}, {10_000, "10,000 rps"}})
	check(t, "Requests", format.Requests, []row[int64]{{1, "1 request"}, {0, "0 requests"}, {1200, "1,200 requests"}})
	check(t, "Percent", format.Percent, []row[float64]{{0, "0 %"}, {0.0042, "0.42 %"}, {0.642, "64.2 %"}, {0.00001, "<~0.01 %"}, {0.99999, "99.99 %"}, {1, "100 %"}, {1.48, "148 %"}, {-0.031, "−3.1 %"}, {math.NaN(), "–"}, {math.Inf(1), "–"}})
	check(t, "Bytes", format.Bytes, []row[int64]{{0, "0 B"}, {512, "512 B"}, {999, "999 B"}, {1000, "1 kB"}, {1234, "1.2 kB"}, {256_000_000, "256 MB"}, {999_600, "1 MB"}})
	if got := plain(format.PercentOf(1, 3)); got != "33.3 %" {
		t.Errorf("PercentOf(1, 3) is %q", got)
	}
	if got := format.PercentOf(1, 0); got != "–" {
		t.Errorf("PercentOf(1, 0) is %q", got)
	}
}

func TestTimes(t *testing.T) {
	check(t, "Duration", format.Duration, []row[time.Duration]{{0, "0 s"}, {41 * time.Minute, "41 min"}, {100 * time.Second, "1 min 40 s"}, {(7*24 + 8) * time.Hour, "7 d 8 h"}, {24 * time.Hour, "1 d"}, {25*time.Hour + 59*time.Minute, "1 d 1 h"}, {43 * time.Millisecond, "43 ms"}, {-time.Hour, "−1 h"}, {math.MinInt64, "−106,751 d 23 h"}})
	check(t, "Latency", format.Latency, []row[time.Duration]{{400 * time.Microsecond, "0.4 ms"}, {43_400 * time.Microsecond, "43 ms"}, {1234 * time.Millisecond, "1.2 s"}, {999_600 * time.Microsecond, "1 s"}})
	check(t, "Seconds", format.Seconds, []row[float64]{{2, "2 seconds"}, {1, "1 second"}, {3.333, "3.3 seconds"}, {0.02, "0.02 seconds"}, {100, "1 minute 40 seconds"}, {3600, "1 hour"}, {86400 * 2, "2 days"}, {0, "0 seconds"}, {math.Inf(1), "a very long time"}, {math.NaN(), "a very long time"}})
	at := time.Date(2026, 3, 4, 15, 4, 5, 0, time.FixedZone("x", 3600))
	check(t, "Date", format.Date, []row[time.Time]{{at, "4 Mar 2026"}, {time.Time{}, "never"}})
	check(t, "DateTime", format.DateTime, []row[time.Time]{{at, "4 Mar 2026, 15:04 x"}, {time.Time{}, "never"}})
	check(t, "Moment", format.Moment, []row[time.Time]{{at, "4 Mar 2026, 15:04:05 x"}, {time.Time{}, "never"}})
	check(t, "Machine", format.Machine, []row[time.Time]{{at, "2026-03-04T14:04:05Z"}})
	check(t, "Ago", func(d time.Duration) string { return format.Ago(at.Add(-d), at) }, []row[time.Duration]{
		{0, "just now"}, {59 * time.Second, "just now"}, {time.Minute, "1 minute ago"}, {179 * time.Second, "2 minutes ago"}, {3 * time.Hour, "3 hours ago"}, {29 * 24 * time.Hour, "29 days ago"}, {31 * 24 * time.Hour, "1 Feb 2026"},
		{-30 * time.Second, "in 30 seconds"}, {-2 * 24 * time.Hour, "in 2 days"}, {-40 * 24 * time.Hour, "13 Apr 2026"},
	})
	if got := format.Ago(time.Time{}, at); got != "never" {
		t.Errorf("Ago of no time is %q", got)
	}
}

func TestInitials(t *testing.T) {
	check(t, "Initials", format.Initials, []row[string]{{"Mira Okafor", "MO"}, {"developer", "DE"}, {"ana.ruiz@example.com", "AR"}, {"", ""}, {"ö", "Ö"}, {"  x  ", "X"}})
}

// A page must never say that nothing happened, or that all is well, when that is
// only nearly so.
func TestPercentNeverRoundsToTheEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ratio := rapid.Float64Range(1e-12, 1-1e-12).Draw(t, "ratio")
		if got := plain(format.Percent(ratio)); got == "0 %" || got == "100 %" {
			t.Fatalf("%v is written %q", ratio, got)
		}
	})
}

// Every number has an answer of bounded length.
func TestFunctionsAreTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64().Draw(t, "x")
		n := rapid.Int64().Draw(t, "n")
		for _, s := range []string{format.Number(x), format.Rate(x), format.RPS(x), format.Short(x), format.Seconds(x), format.Count(n), format.Bytes(n), format.Duration(time.Duration(n)), format.Latency(time.Duration(n))} {
			if s == "" || len(s) > 60 || strings.Contains(s, "e+") {
				t.Fatalf("%v, %v: %q", x, n, s)
			}
		}
		if s := format.Percent(x); s == "" || strings.Contains(s, "e") {
			t.Fatalf("%v: %q", x, s)
		}
	})
}

// A time without its zone sends somebody to a meeting with a quota an hour late.
func TestTimesNameTheirZone(t *testing.T) {
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for name, want := range map[string][3]string{
		"UTC":                {"1 Dec 2026, 00:00 UTC", "UTC", "1 Dec 2026, 00:00 UTC"},
		"Europe/Berlin":      {"1 Dec 2026, 01:00 CET", "Europe/Berlin, now UTC+1", "1 Dec 2026, 01:00 CET (00:00 UTC)"},
		"America/New_York":   {"30 Nov 2026, 19:00 EST", "America/New York, now UTC−5", "30 Nov 2026, 19:00 EST (1 Dec, 00:00 UTC)"},
		"Asia/Kathmandu":     {"1 Dec 2026, 05:45 UTC+5:45", "Asia/Kathmandu, now UTC+5:45", "1 Dec 2026, 05:45 UTC+5:45 (00:00 UTC)"},
		"America/Sao_Paulo":  {"30 Nov 2026, 21:00 UTC−3", "America/Sao Paulo, now UTC−3", "30 Nov 2026, 21:00 UTC−3 (1 Dec, 00:00 UTC)"},
		"Australia/Adelaide": {"1 Dec 2026, 10:30 ACDT", "Australia/Adelaide, now UTC+10:30", "1 Dec 2026, 10:30 ACDT (00:00 UTC)"},
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		ctx := format.InZone(t.Context(), zone)
		if got := [3]string{plain(format.DateTime(format.Local(ctx, at))), plain(format.ZoneWords(zone, at)), plain(format.Reset(format.Local(ctx, at)))}; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := format.Local(t.Context(), time.Time{}); !got.IsZero() {
		t.Errorf("no time became %v", got)
	}
}
