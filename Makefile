# Every target works on a machine that has only Go, but for `lint`, which
# says what it needs.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS   = -s -w -X main.version=$(VERSION)
FUZZTIME  ?= 2m
CHAOSTIME ?= 60s
SEED      ?= 1

.PHONY: check test race vet fmt lint build package bench chaos fuzz clean

check: fmt vet lint race build ## everything that must hold before a change lands

test: ## the tests
	$(GO) test ./...

race:
	$(GO) test -race ./...

vet:
	$(GO) vet ./...

fmt:
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "not gofmt-ed:"; echo "$$bad"; exit 1; fi

lint: ## needs golangci-lint v2.15.0: go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	golangci-lint run ./...

build: ## the function binaries and the command line, into bin/
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/fc/main ./functions/fc
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 $(GO) build -trimpath -tags lambda.norpc -ldflags '$(LDFLAGS)' -o bin/lambda-amd64/bootstrap ./functions/lambda
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -trimpath -tags lambda.norpc -ldflags '$(LDFLAGS)' -o bin/lambda-arm64/bootstrap ./functions/lambda
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/slb-registrar ./functions/local

package: ## the zips that are deployed, into dist/: the same bytes from the same sources; CONFIG=FILE packs other routes
	$(GO) run ./functions/package -version '$(VERSION)' $(if $(CONFIG),-config '$(CONFIG)')

bench: ## the numbers, printed beside their baselines
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 30m ./shared/registrar

chaos: ## the binaries, killed and lied to for CHAOSTIME, against their promise; needs redis-server, or does with less
	$(GO) run ./functions/internal/chaos -for $(CHAOSTIME) -seed $(SEED)

fuzz: ## every fuzz target for FUZZTIME each
	@for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    echo "== $$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package || exit 1; \
	  done; \
	done

clean:
	rm -rf bin dist
