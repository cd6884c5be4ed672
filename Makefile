# The commands a person types. Everything else is behind them: tools/ for scripts, CMakePresets.json for builds.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
# One compiler cache for all checkouts.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := true
JOBS ?= $(shell nproc)

.PHONY: help build demo test check proof test-readers airbyte-oracle dist bench format clean
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

build: ## optimised binary at build/release/firn
	@tools/prepare build
	@cmake --preset release >build-release.log 2>&1 || { cat build-release.log; exit 1; }; rm -f build-release.log
	@cmake --build build/release --target firn -j $(JOBS)

demo: build ## build, then the whole main job offline on the embedded default
	@build/release/firn demo $(DEMO_ARGS)

test: ## unit and integration tests (installs what is missing first)
	@tools/prepare test
	@cmake --preset dev
	@cmake --build build/dev -j $(JOBS)
	@tools/run_tests build/dev

check: ## format, tidy, thread safety, includes, headers, sanitizers, short fuzzing
	@tools/prepare test
	@tools/check

proof: ## the long proof: full crash matrix, random kills, all readers, long fuzzing; writes docs/proof.md
	@tools/prepare test
	@cmake --preset dev && cmake --build build/dev -j $(JOBS)
	@tools/proof

test-readers: ## tables read back by Spark, Trino and others (needs Java)
	@tools/test_readers

airbyte-oracle: build ## Airbyte manifests against Airbyte's own runtime: the whole set of ../shared (needs airbyte-cdk)
	@FIRN_BINARY=$(CURDIR)/build/release/firn python3 test/integration/airbyte/oracle_test.py --all --live --jobs $(JOBS)
	@FIRN_BINARY=$(CURDIR)/build/release/firn python3 test/integration/import/airbyte_test.py --all --list --jobs $(JOBS)

dist: build ## dist/firn-linux-x86_64.tar.zst, runs on a machine without the build tree
	@tools/dist

bench: ## the figures of docs/performance.md, as ratios against peers in the same run
	@tools/prepare test
	@cmake --preset bench && cmake --build build/bench -j $(JOBS)
	@bench/run

format: ## format the sources in place
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

clean: ## remove build results (not the download cache)
	@rm -rf build dist
