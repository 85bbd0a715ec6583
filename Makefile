# `make test` is everything that must pass; it installs what it needs on a fresh Debian machine. The other targets are its parts and the long runs.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: test deps check unit browser nocgo generate build bench demo

test: deps check unit nocgo

# What tests need besides Go: a C compiler for the race detector, a browser.
deps:
	@.ci/deps

# Formatting, vet, staticcheck, generated code up to date.
check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' | grep -v '_templ\.go$$')); test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }
	go tool templ generate -path . >/dev/null
	@git diff --exit-code --stat -- '*_templ.go' || { echo "generated templates are out of date: commit what 'make generate' made"; exit 1; }
	go mod tidy -diff
	go vet ./...
	go run $(STATICCHECK) ./...

# Unit, property, import-rule, whole-program, real-client and browser tests, with the race detector.
unit:
	go test -race -shuffle=on -timeout 14m ./...

# The build without a C compiler keeps working: the other SQLite driver.
nocgo:
	CGO_ENABLED=0 go test ./models/store/

browser:
	go test -count=1 ./e2e/

generate:
	go tool templ generate -path .

build:
	go build -tags nomsgpack -trimpath -ldflags='-s -w' -o gatehouse .

bench:
	go test -run '^$$' -bench . -benchmem ./bench/

demo:
	go run . demo
