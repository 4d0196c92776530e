# `make help` lists the targets.
SHELL := /bin/bash -o pipefail
GO    ?= go
BIN   := $(CURDIR)/bin

CORE_PACKAGES := ./scheduler/...
GENERATE_TOOL := $(GO) tool -modfile=tools/generate/go.mod
LINT_TOOL     := $(GO) tool -modfile=tools/lint/go.mod

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

.PHONY: build
build: ## compile the binaries into bin/
	$(GO) build -o $(BIN)/ ./cmd/...

.PHONY: generate
generate: ## write deepcopy functions, CRDs and the plugin protocol again
	$(GENERATE_TOOL) controller-gen object paths=./apis/...
	$(GENERATE_TOOL) controller-gen crd paths=./apis/... output:crd:dir=./apis/crds
	$(GENERATE_TOOL) buf generate plugins/proto --template plugins/proto/buf.gen.yaml
	$(GENERATE_TOOL) buf build plugins/proto --exclude-source-info --output plugins/examples/python/plugin.binpb

.PHONY: verify-protocol
verify-protocol: ## fail when the plugin protocol breaks plugins built against the released one
	$(GENERATE_TOOL) buf lint plugins/proto
	$(GENERATE_TOOL) buf breaking plugins/proto --against plugins/proto/released.binpb

.PHONY: release-protocol
release-protocol: ## make the present plugin protocol the one that must not be broken
	$(GENERATE_TOOL) buf build plugins/proto --exclude-source-info --output plugins/proto/released.binpb

.PHONY: verify
verify: ## fail when generated files or go.mod are stale
	test/verify.sh

.PHONY: lint
lint: ## run golangci-lint
	$(LINT_TOOL) golangci-lint run ./...

.PHONY: clean
clean: ## remove what build made
	rm -rf $(BIN)
