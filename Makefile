# `make help` lists the targets.
SHELL := /bin/bash -o pipefail
GO    ?= go
BIN   := $(CURDIR)/bin

PROGRAMS := ./cmd/longshore ./cmd/longshore-scheduler ./cmd/longshore-controller-manager ./cmd/longshore-estimator

CORE_PACKAGES := ./scheduler/... ./plugins/...
GENERATE_TOOL := $(GO) tool -modfile=tools/generate/go.mod
LINT_TOOL     := $(GO) tool -modfile=tools/lint/go.mod

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

.PHONY: build
build: ## compile the programs into bin/
	$(GO) build -o $(BIN)/ $(PROGRAMS)

.PHONY: demo
demo: build ## bring up a control plane with three members and show Deployments land there
	BIN=$(BIN) test/demo/demo.sh up

.PHONY: demo-down
demo-down: build ## stop what demo started
	BIN=$(BIN) test/demo/demo.sh down

.PHONY: test
test: ## run every test: units, real API servers, end to end, race detector
	$(GO) vet ./...
	cd cmd/localkube && $(GO) vet .
	$(GO) run ./cmd/longshore local build
	$(GO) test -timeout 40m ./...
	$(MAKE) -s test-race

.PHONY: test-race
test-race: ## run the tests of the scheduler and the plugins under the race detector
	@if command -v "$$($(GO) env CC)" >/dev/null; then \
	  CGO_ENABLED=1 $(GO) test -race -timeout 30m $(CORE_PACKAGES); \
	else \
	  echo "make: no C compiler, so the race detector is left out: install gcc to have it"; \
	fi

.PHONY: bench
bench: ## run the benchmarks, five rounds each of those against a real API server
	$(GO) test -run '^$$' -bench . -skip Memory -benchtime 5x -timeout 2h ./benchmarks/perf
	$(GO) test -run '^$$' -bench . ./benchmarks/decide ./benchmarks/plugin ./benchmarks/estimate

.PHONY: bench-memory
bench-memory: ## measure one scheduler with 10,000 clusters and 100,000 bindings
	$(GO) test -run '^$$' -bench 'Memory/case=memory/clusters=10000' -benchtime 1x -timeout 1h ./benchmarks/perf

.PHONY: generate
generate: ## write deepcopy functions, CRDs, the command reference and the protocols again
	$(GENERATE_TOOL) controller-gen object paths=./apis/...
	$(GENERATE_TOOL) controller-gen crd paths=./apis/... output:crd:dir=./apis/crds
	$(GENERATE_TOOL) buf generate plugins/proto --template plugins/proto/buf.gen.yaml
	$(GENERATE_TOOL) buf build plugins/proto --exclude-source-info --output plugins/examples/python/plugin.binpb
	$(GENERATE_TOOL) buf generate estimator/proto --template estimator/proto/buf.gen.yaml
	$(GO) run ./docs/generate docs/cli

.PHONY: verify-protocol
verify-protocol: ## fail when a protocol breaks what was built against the released one
	$(GENERATE_TOOL) buf lint plugins/proto
	$(GENERATE_TOOL) buf breaking plugins/proto --against plugins/proto/released.binpb
	$(GENERATE_TOOL) buf lint estimator/proto
	$(GENERATE_TOOL) buf breaking estimator/proto --against estimator/proto/released.binpb

.PHONY: release-protocol
release-protocol: ## make the present protocols those that must not be broken
	$(GENERATE_TOOL) buf build plugins/proto --exclude-source-info --output plugins/proto/released.binpb
	$(GENERATE_TOOL) buf build estimator/proto --exclude-source-info --output estimator/proto/released.binpb

.PHONY: verify
verify: ## fail when generated files or go.mod are stale
	test/verify.sh

.PHONY: lint
lint: ## run golangci-lint
	$(LINT_TOOL) golangci-lint run ./...

.PHONY: clean
clean: ## remove what build made
	rm -rf $(BIN)
