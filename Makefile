# What one does with Latchkey. `make` alone lists the targets.
GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
# Real browsers and crashes run without the race detector, which slows them down and finds nothing in them.
SLOW = /(e2e|replicas)$$

.DEFAULT_GOAL := help
.PHONY: help run build test test-quick test-tools test-frontend-tools test-e2e lint fmt fuzz aaguids bench screenshots

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## run the server on an empty folder of its own: http://localhost:8080
	$(GO) run ./cmd/latchkey serve

build: ## build the server
	$(GO) build -trimpath -o latchkey ./cmd/latchkey

test: test-tools ## everything, with the race detector; installs what is missing; fails if anything was left out
	LATCHKEY_REQUIRE_ALL=1 $(GO) test -race -timeout 20m $$($(GO) list ./... | grep -Ev '$(SLOW)')
	LATCHKEY_REQUIRE_ALL=1 $(GO) test -count=1 -timeout 15m ./e2e ./replicas

test-quick: ## what passes with Go alone
	$(GO) test ./...

test-tools: test-frontend-tools # a real browser and a real PostgreSQL, from Debian's packages; the tests start servers of their own
	@command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  echo "make test: installing postgresql with apt-get, for the tests of the second store"; \
	  $$( [ "$$(id -u)" = 0 ] || echo sudo ) sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql' || { \
	    echo "make test: postgresql could not be installed: put its initdb and postgres on the PATH by hand, or run make test-quick" >&2; exit 1; }; }
	@command -v chromium >/dev/null 2>&1 || { \
	  echo "make test: installing chromium with apt-get, for the tests in real pages"; \
	  $$( [ "$$(id -u)" = 0 ] || echo sudo ) sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium' || { \
	    echo "make test: chromium could not be installed: install a chromium on the PATH by hand, or run make test-quick" >&2; exit 1; }; }

test-frontend-tools: # the TypeScript compiler and a bundler, for the types of latchkey.js; versions are pinned in its lock file
	@command -v npm >/dev/null 2>&1 || { \
	  echo "make test: installing npm with apt-get, for the types of latchkey.js"; \
	  $$( [ "$$(id -u)" = 0 ] || echo sudo ) sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm' || { \
	    echo "make test: npm could not be installed: install it by hand, or run make test-quick" >&2; exit 1; }; }
	@cd web/testdata/frontend && { cmp -s package-lock.json node_modules/.installed-lock || { npm ci --ignore-scripts --silent && cp package-lock.json node_modules/.installed-lock; }; }

lint: ## formatting, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

fmt: ## format
	gofmt -w $$(git ls-files '*.go')

# A target whose time ends at a bad moment says "context deadline exceeded" and fails; one that found
# something names its failing input.
fuzz: ## fuzz each parser of outside input for a minute; FUZZTIME changes that
	@set -e; bin=$$(mktemp -d); trap 'rm -rf "$$bin"' EXIT; cache=$$($(GO) env GOCACHE)/fuzz/$$($(GO) list -m); \
	for d in $$(grep -l '^func Fuzz' $$(git ls-files '*_test.go') | xargs -n1 dirname | sort -u); do \
	  $(GO) test -c -fuzz=Fuzz -o "$$bin/fuzz" "./$$d"; \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$d/*_test.go | cut -c6-); do \
	    echo "$$d $$f"; (cd "$$d" && "$$bin/fuzz" -test.run '^$$' -test.fuzz "^$$f$$" -test.fuzztime $${FUZZTIME:-60s} -test.fuzzcachedir "$$cache/$$d" -test.timeout 0) >"$$bin/log" 2>&1 || \
	      { grep -q 'context deadline exceeded' "$$bin/log" && ! grep -Eq 'Failing input|panic:|_test.go:' "$$bin/log"; } || { cat "$$bin/log"; exit 1; }; \
	    tail -n 2 "$$bin/log" | head -n 1; \
	  done; \
	done

bench: ## measure sign-ins over loopback, on SQLite and PostgreSQL: bench/RESULTS.md; needs a quiet machine and some minutes; BENCHFLAGS=-large adds a million passkeys
	@mkdir -p bench/.work && $(GO) build -trimpath -o bench/.work/latchkey ./cmd/latchkey && $(GO) build -o bench/.work/bench ./bench
	bench/.work/bench -latchkey bench/.work/latchkey -dir bench/.work -out bench/RESULTS.md $(BENCHFLAGS)

screenshots: ## pictures of every page, in e2e/screenshots
	LATCHKEY_REQUIRE_ALL=1 $(GO) test -count=1 -run 'Screenshots' ./e2e

aaguids: ## refresh the names of authenticators
	./internal/aaguid/refresh.sh
