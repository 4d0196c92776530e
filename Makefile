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
generate: ## write deepcopy functions and CRDs again
	$(GENERATE_TOOL) controller-gen object paths=./apis/...
	$(GENERATE_TOOL) controller-gen crd paths=./apis/... output:crd:dir=./apis/crds

.PHONY: verify
verify: ## fail when generated files or go.mod are stale
	test/verify.sh

.PHONY: lint
lint: ## run golangci-lint
	$(LINT_TOOL) golangci-lint run ./...

.PHONY: clean
clean: ## remove what build made
	rm -rf $(BIN)
