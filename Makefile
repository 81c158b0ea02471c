# Everything here needs Go and git, nothing else: the tools it uses are built
# at pinned versions into bin/tools. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# One setting for building and testing, so that they share Go's build cache.
# No C compiler is needed.
export CGO_ENABLED ?= 0

BIN     := bin/helios-connect
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
DATE    := $(shell git log -1 --format=%cI 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.dateBuilt=$(DATE)

STATICCHECK_VERSION := v0.7.0
STATICCHECK         := bin/tools/staticcheck-$(STATICCHECK_VERSION)

# What `helios-connect lint` reads. config/expectations holds lists of
# expectations, which the plugins check themselves when they start; prices.yaml
# is for the dashboards.
CONFIGS   = $(filter-out %_benthos_test.yaml config/prices.yaml,$(wildcard config/*.yaml pipelines/*.yaml pipelines/demo/*.yaml pipelines/examples/*.yaml deploy/compose/simulator/*.yaml))
TESTED    = ./pipelines/... config/log.yaml config/production.yaml deploy/compose/simulator/push.yaml
LOCAL_ENV = config/local.env.example

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/helios-connect (the first time takes some minutes)
	@echo "Building $(BIN) $(VERSION) ..."
	@go build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/helios-connect

.PHONY: demo
demo: build ## Run three simulated clouds for 30 s at 1,000 events/s, and judge every verdict
	@$(BIN) demo --duration 30s --rate 1000

# PROFILE=minimal or full; without it, what .env says.
COMPOSE = HELIOS_VERSION='$(VERSION)' HELIOS_BUILD_DATE='$(DATE)' deploy/compose/compose.sh '$(PROFILE)'

.PHONY: up
up: ## Start everything in containers (Docker): Redpanda, PostgreSQL, Helios, Grafana ... PROFILE=minimal for less
	@$(COMPOSE) up

.PHONY: down
down: ## Stop the containers; what they stored stays (docker volume ls)
	@$(COMPOSE) down

.PHONY: logs
logs: ## Follow the logs of the containers
	@$(COMPOSE) logs

.PHONY: test
test: build ## Run all tests; those of servers that aren't installed are skipped, and named
	@echo "Running every test of every package, and those of the pipelines."
	@HELIOS_BIN='$(CURDIR)/$(BIN)' go test -json -timeout 20m ./... | go run ./tests/summary
	@$(BIN) test $(TESTED)
	@echo "make test: all tests passed."

.PHONY: race
race: ## Run the tests of our own packages with the race detector (needs a C compiler)
	@CGO_ENABLED=1 go test -race -short -timeout 20m ./internal/... ./plugins/event/... ./plugins/canonical/... ./plugins/reconcile/... ./plugins/store/... ./plugins/simulator/... ./plugins/telemetry/...

.PHONY: chaos
chaos: build ## Kill the real program at every step between receipt and confirmation, 20 times each, and take its broker and Redis away
	@HELIOS_BIN='$(CURDIR)/$(BIN)' HELIOS_REQUIRE_SERVERS=1 HELIOS_CHAOS_ROUNDS=20 HELIOS_CHAOS_OUTAGE=60 go test -count=1 -v -timeout 60m ./tests/chaos

.PHONY: bench
bench: build ## Measure, side by side in one run, and end with a table (tests/bench/README.md explains it)
	@HELIOS_BIN='$(CURDIR)/$(BIN)' go test -tags bench -p 1 -run '^$$' -bench . -benchmem -timeout 30m ./plugins/canonical ./plugins/store ./plugins/webhook ./plugins/dedupe ./plugins/schema/... ./plugins/reconcile/... ./tests/bench | go run ./tests/bench/table

.PHONY: lint
lint: build $(STATICCHECK) ## Check formatting, code, configs and generated pages
	@unformatted=$$(gofmt -l cmd config deploy grafana internal pipelines plugins tests); \
	 if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	@go vet -tags bench ./...
	@$(STATICCHECK) ./...
	@FILES=./files PARTICIPANTS='a, b' $(BIN) lint -e $(LOCAL_ENV) $(CONFIGS)
	@$(BIN) docs --check
	@$(BIN) dashboards check
	@echo "make lint: nothing to complain about."

$(STATICCHECK):
	@echo "Building staticcheck $(STATICCHECK_VERSION) ..."
	@GOBIN='$(CURDIR)/bin/tools' go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@mv bin/tools/staticcheck $@

.PHONY: generate
generate: build ## Write everything that is generated: docs/components, dashboards, alerts
	@$(BIN) docs
	@$(BIN) dashboards render

.PHONY: clean
clean: ## Remove what was built
	@rm -rf bin
