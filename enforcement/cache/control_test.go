package cache

import (
	"net/http"
	"testing"
	"time"
)

func TestAnswersAreKeptAsLongAsTheyAndTheStageSay(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	anyone, someone := Ask{Store: true, Look: true, MaxAge: -1}, Ask{Store: true, Look: true, MaxAge: -1, Personal: true}
	tests := []struct {
		name   string
		ask    Ask
		status int
		header http.Header
		life   time.Duration
	}{
		{"by the stage", anyone, 200, http.Header{}, time.Minute},
		{"by max-age", anyone, 200, http.Header{"Cache-Control": {"max-age=10"}}, 10 * time.Second},
		{"by s-maxage before max-age", anyone, 200, http.Header{"Cache-Control": {"s-maxage=20, max-age=10"}}, 20 * time.Second},
		{"by the shorter of two", anyone, 200, http.Header{"Cache-Control": {"max-age=10", "Max-Age=5"}}, 5 * time.Second},
		{"by a number in quotes", anyone, 200, http.Header{"Cache-Control": {`max-age="7"`}}, 7 * time.Second},
		{"not by a number that is none", anyone, 200, http.Header{"Cache-Control": {"max-age=ten"}}, 0},
		{"not by a negative number", anyone, 200, http.Header{"Cache-Control": {"max-age=-1"}}, 0},
		{"a day at most", anyone, 200, http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, 24 * time.Hour},
		{"less its age", anyone, 200, http.Header{"Cache-Control": {"max-age=10"}, "Age": {"4"}}, 6 * time.Second},
		{"not when it is too old already", anyone, 200, http.Header{"Cache-Control": {"max-age=10"}, "Age": {"10"}}, 0},
		{"by Expires", anyone, 200, http.Header{"Expires": {now.Add(30 * time.Second).Format(http.TimeFormat)}}, 30 * time.Second},
		{"by Expires after Date", anyone, 200, http.Header{"Expires": {now.Format(http.TimeFormat)}, "Date": {now.Add(-time.Hour).Format(http.TimeFormat)}}, time.Hour},
		{"not by Expires that is no date", anyone, 200, http.Header{"Expires": {"0"}}, 0},
		{"max-age before Expires", anyone, 200, http.Header{"Expires": {"0"}, "Cache-Control": {"max-age=10"}}, 10 * time.Second},
		{"no-store", anyone, 200, http.Header{"Cache-Control": {"max-age=10, no-store"}}, 0},
		{"private", anyone, 200, http.Header{"Cache-Control": {"Private, max-age=10"}}, 0},
		{"private of some fields", anyone, 200, http.Header{"Cache-Control": {`private="x-a, x-b", max-age=10`}}, 0},
		{"no-cache", anyone, 200, http.Header{"Cache-Control": {"no-cache"}}, 0},
		{"a directive in quotes is none", anyone, 200, http.Header{"Cache-Control": {`ext="no-store, private", max-age=10`}}, 10 * time.Second},
		{"a cookie", anyone, 200, http.Header{"Set-Cookie": {"a=1"}}, 0},
		{"a cookie for all", anyone, 200, http.Header{"Set-Cookie": {"a=1"}, "Cache-Control": {"public, max-age=10"}}, 10 * time.Second},
		{"somebody's", someone, 200, http.Header{"Cache-Control": {"max-age=10"}}, 0},
		{"somebody's for all", someone, 200, http.Header{"Cache-Control": {"public"}}, time.Minute},
		{"of a request that wants nothing kept", Ask{Look: true, MaxAge: -1}, 200, http.Header{"Cache-Control": {"public"}}, 0},
		{"Vary *", anyone, 200, http.Header{"Vary": {"Accept", "*"}}, 0},
		{"a part", anyone, 206, http.Header{"Cache-Control": {"max-age=10"}}, 0},
		{"a range", anyone, 200, http.Header{"Content-Range": {"bytes 0-1/2"}}, 0},
		{"events", anyone, 200, http.Header{"Content-Type": {"text/event-stream"}}, 0},
		{"an error", anyone, 500, http.Header{"Cache-Control": {"max-age=10"}}, 0},
		{"404", anyone, 404, http.Header{}, 0},
		{"404 that says how long", anyone, 404, http.Header{"Cache-Control": {"max-age=10"}}, 10 * time.Second},
		{"304", anyone, 304, http.Header{"Cache-Control": {"max-age=10"}}, 0},
	}
	for _, tt := range tests {
		if life, _ := (Rules{TTL: time.Minute, MaxBody: 1}).Life(tt.ask, tt.status, tt.header, now); life != tt.life {
			t.Errorf("%s: kept for %v, want %v", tt.name, life, tt.life)
		}
	}
}

func TestACopyIsStillGoodByItsTagOrItsTime(t *testing.T) {
	a := &Answer{Status: 200, Header: http.Header{"Etag": {`"a,b"`}, "Last-Modified": {"Tue, 10 Mar 2026 12:00:00 GMT"}}}
	tests := []struct {
		request http.Header
		want    bool
	}{
		{http.Header{}, false},
		{http.Header{"If-None-Match": {`"a,b"`}}, true},
		{http.Header{"If-None-Match": {`"c", W/"a,b"`}}, true},
		{http.Header{"If-None-Match": {"*"}}, true},
		{http.Header{"If-None-Match": {`"a"`}, "If-Modified-Since": {"Tue, 10 Mar 2026 12:00:00 GMT"}}, false},
		{http.Header{"If-Modified-Since": {"Tue, 10 Mar 2026 12:00:00 GMT"}}, true},
		{http.Header{"If-Modified-Since": {"Tue, 10 Mar 2026 11:59:59 GMT"}}, false},
		{http.Header{"If-Modified-Since": {"yesterday"}}, false},
	}
	for _, tt := range tests {
		if got := a.NotModified(tt.request); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.request, got, tt.want)
		}
	}
	for _, other := range []*Answer{{Status: 404, Header: a.Header}, {Status: 200, Header: http.Header{}}} {
		if other.NotModified(http.Header{"If-None-Match": {`""`}}) || other.NotModified(http.Header{"If-Modified-Since": {"Tue, 10 Mar 2026 12:00:00 GMT"}}) {
			t.Errorf("%+v is still good", other)
		}
	}
}
