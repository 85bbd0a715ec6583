# `make test` is everything that must pass; it installs what it needs on a fresh Debian machine. The other targets are its parts and the long runs.

SHELL := /bin/bash
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: test deps check generated analysis unit race whole browser nocgo generate build bench bench-start import-keys seed-usage demo kill-test test-all lighthouse seed-large bench-compare soak fuzz

# Two parts at a time, for two cores: what one of them waits for, the other uses.
test: deps generated
	$(MAKE) -j2 --output-sync=target race whole analysis nocgo

# What tests need besides Go: a C compiler for the race detector, a browser.
deps:
	@.ci/deps

# Formatting, vet, staticcheck, generated code up to date.
check: generated analysis

generated:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' | grep -v '_templ\.go$$')); test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }
	go tool templ generate -path . >/dev/null
	@git diff --exit-code --stat -- '*_templ.go' || { echo "generated templates are out of date: commit what 'make generate' made"; exit 1; }
	go mod tidy -diff

analysis:
	go vet ./...
	go run $(STATICCHECK) ./...

# Unit, property, import-rule, whole-program, real-client and browser tests. `make test-all` runs everything with the race detector, which takes a test's time
# three times; here it goes only where there is something to race: packages that start goroutines or share memory. The others, what draws every page, what fills
# a store alone, and what runs the real binary go beside them without it. Properties are tried with a quarter of the inputs, other ones each time, and floods
# have a twentieth of their size; `make test-all` has the whole.
unit:
	$(MAKE) -j2 --output-sync=target race whole

CONCURRENT := grep -lE '^[[:space:]]+go |"sync(/atomic)?"' $$(git ls-files '*.go' ':!*_test.go') | xargs -n1 dirname | sort -u | sed 's|^|./|' | xargs go list | grep -vE '^gatehouse/(e2e|handlers$$)'
# Of the pages, which share little, what they share.
SHARED := ^Test(AFewRehearsals|Rehearsal|OneAccountHasFew|ResultIsKept|CloseEnds|Throttle|ASearch|ALookHolds|ALargeFile|AnImport|ASmallFile|LiveUsage|UsageCanBe|ADocumentIsWritten|PagesOfALarge)
ALONE := ^(TestEveryPageOfAGrownPortal|TestMainPagesLookAsTheyShould|TestPagesKeepToTheReadersZone|TestAPlanWithManySubscriptionsEndsAtOneMoment|TestPlanCountsAreWhatIsThere)$$
# What is about the protocol to clients runs on both lanes. Those of e2e have the fast lane on unless they are told otherwise, as the program has.
PROTOCOL := ^Test(HTTP11IsRead|NothingIsSmuggled|NoWordAbout|ATrustedProxys|WebSockets|OnlyWebSockets|ServerSent|Bodies|LargeBodies|Trailers|Expect|Interim|TheAnswerIs|TheUpstreamGets|NoTypeIs|Answers|AnAnswer|AnEarly|AClient|ABody|ASlowUpstream|AnUpstreamThat|AStop|AnOrderedStop|AMove|TimeEnds|AKeyHas|AnAddressHas|Streams|AHeadMay|RefusalsAt|EachRequest|UpstreamsThatFail|ARestartOfTheUpstream)
PROTOCOL_E2E := ^Test(HTTP2IsSpoken|KillsLose|Attack(NoSpelling|NoHeaders|NothingIsSmuggled|Pipelined|AClient|ABroken|Bodies|AnOrdered))
race whole nocgo: export RAPID_CHECKS ?= 25
race:
	set -euo pipefail; packages=$$($(CONCURRENT)); go test -race -shuffle=on -parallel 4 -timeout 10m -skip '$(ALONE)' $$packages
	go test -race -parallel 4 -timeout 10m -run '$(SHARED)' ./handlers/
	GATEHOUSE_TEST_LANE=fast go test -race -parallel 4 -timeout 10m -run '$(PROTOCOL)' -skip '^TestBothLanes' ./enforcement/
whole:
	set -euo pipefail; raced=$$($(CONCURRENT)); packages=$$(go list ./... | grep -vxF "$$raced"); go test -shuffle=on -parallel 4 -timeout 14m $$packages
	GATEHOUSE_FAST_LANE=off GATEHOUSE_KILLS=5 go test -parallel 4 -timeout 10m -run '$(PROTOCOL_E2E)' ./e2e/
	go test -run '$(ALONE)' -timeout 10m . ./models/store/

# The build without a C compiler keeps working: the other SQLite driver.
nocgo:
	CGO_ENABLED=0 go test -timeout 10m ./models/store/

# Everything that `make test` runs, all of it with the race detector, floods and properties in full, and the pages in both themes on both widths.
test-all: deps check
	GATEHOUSE_LOOKS=all GATEHOUSE_FLOODS=all go test -race -shuffle=on -parallel 4 -timeout 60m ./...
	$(MAKE) nocgo

# Lighthouse on the main pages, as a desktop shows them: at least 95 in everything. Needs npm; 200 packages are installed in LIGHTHOUSE.
LIGHTHOUSE ?= node_modules
lighthouse: deps
	npm install --no-save --no-audit --no-fund --prefix "$(dir $(abspath $(LIGHTHOUSE)))" lighthouse@12.8.2
	GATEHOUSE_LIGHTHOUSE=$(abspath $(LIGHTHOUSE))/.bin/lighthouse CHROME_PATH=$$(command -v chromium) go test -tags lighthouse -count=1 -timeout 60m -run TestLighthouse -v ./e2e/

browser:
	go test -count=1 ./e2e/

generate:
	go tool templ generate -path .

build:
	go build -tags nomsgpack -trimpath -ldflags='-s -w' -o gatehouse .

bench:
	go test -run '^$$' -bench . -benchmem ./bench/

# How long a start takes with a million keys. The folder START is seeded once (1 GB, and another while it is made) and used again.
bench-start:
	@test -n "$(START)" || { echo "say where: make bench-start START=/path/with/2/GB"; exit 1; }
	mkdir -p "$(START)"
	GATEHOUSE_START_DATA=$(START) SQLITE_TMPDIR=$(START) go test -run '^$$' -bench '^BenchmarkStart$$' -benchtime 5x -timeout 0 -v .

# Imports a million keys beside callers and changes: seconds, what others notice, memory. Needs 3 GB in TMPDIR.
import-keys:
	GATEHOUSE_IMPORT_KEYS=1000000 go test -run '^$$' -bench '^BenchmarkImport$$' -benchtime 1x -timeout 0 .

# A million keys with usage on each of 90 days, and how long reading any of them takes. The folder USAGE is seeded once and used again: 13 GB there, and
# 5 GB more in SQLITE_TMPDIR while it is made.
seed-usage:
	@test -n "$(USAGE)" || { echo "say where: make seed-usage USAGE=/path/with/20/GB"; exit 1; }
	mkdir -p "$(USAGE)"
	GATEHOUSE_USAGE_DATA=$(USAGE) SQLITE_TMPDIR=$(USAGE) go test -run '^$$' -bench '^BenchmarkUsageOfAnyKey$$' -benchtime 3000x -timeout 0 -v .

# What every page of a grown portal takes beside a trivial one: 100 APIs, 1,000 plans, 100,000 keys, at least 10 million rows of usage and 5 million of the
# request log. The folder LARGE is seeded once, 4 GB and as much again for a while, and used again.
seed-large:
	@test -n "$(LARGE)" || { echo "say where: make seed-large LARGE=/path/with/8/GB"; exit 1; }
	mkdir -p "$(LARGE)"
	GATEHOUSE_BENCH_DATA=$(LARGE) SQLITE_TMPDIR=$(LARGE) go test -run '^$$' -bench '^BenchmarkPages$$' -benchtime 101x -timeout 0 -v .

# Looks for requests that are judged otherwise when they come in other parts, that two readers take for different ones, that are routed otherwise than
# the definition says, or that one lane serves otherwise than the other. What it finds it writes to testdata/fuzz, from where each run of the tests tries it again.
FUZZTIME ?= 30s
fuzz:
	go test -run '^$$' -fuzz '^FuzzHead$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 5s ./enforcement/wire/
	go test -run '^$$' -fuzz '^FuzzChunks$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 5s ./enforcement/wire/
	go test -run '^$$' -fuzz '^FuzzCanonicalPath$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 5s ./enforcement/
	go test -run '^$$' -fuzz '^FuzzRoutes$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 5s ./enforcement/
	go test -run '^$$' -fuzz '^FuzzLanes$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 5s ./enforcement/

demo:
	go run . demo

# Kills the release build 500 times under load, and a build with crash points 20 times at each of them: nothing is lost, and no limit is passed. Then damages
# the journal in every way 16 times between two starts.
kill-test:
	GATEHOUSE_KILLS=500 GATEHOUSE_CRASHES=20 go test -count=1 -timeout 60m -run 'TestKills|TestCrashes|TestADamaged' -v ./e2e/

# The gateway beside Debian's nginx, haproxy and caddy, in turns (bench/compare): processor time per request of all shapes, throughput, latency, memory, and what a
# kill -9 loses. Ten minutes.
bench-compare: build
	@missing=; for p in nginx haproxy caddy wrk h2load; do command -v $$p >/dev/null || test -x /usr/sbin/$$p || missing="$$missing $$p"; done; \
	test -z "$$missing" || { echo "install what it is compared with and the load: apt-get install nginx-light haproxy caddy wrk nghttp2-client"; exit 1; }
	PATH="$$PATH:/usr/sbin" go run ./bench/compare -gatehouse ./gatehouse

# All shapes of requests for half an hour, or for SOAK, beside restarts of the upstream and, at first, of the gateway: every answer is right, memory and file
# descriptors stay.
SOAK ?= 30m
soak:
	GATEHOUSE_SOAK=$(SOAK) go test -tags soak -count=1 -timeout 0 -run '^TestSoak$$' -v ./e2e/
