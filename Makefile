# The commands of captd: `make demo`, `make test`, `make bench`, `make break-test`, and `make crash-test` for hours. What they make lies below target/.

PYTHON ?= python3
VENV := $(CURDIR)/target/venv
# What `make test` fails without; `make test CAPTD_REQUIRE=` skips what the machine has not got, and says so.
CAPTD_REQUIRE ?= terraform,aws
REQUIREMENTS := tests/support/fake_aws/requirements.txt

# What each command needs; .ci/tools says why, and how to get it.
DEMO_TOOLS := cargo cc terraform
TEST_TOOLS := $(DEMO_TOOLS) rustfmt clippy python3

export PYTHON

help: ## say what there is
	@echo 'captd: a daemon that drives Terraform for EKS managed node groups'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: ## build captd, apply a machine on the built-in template, scale it, stay up until Ctrl-C
	@.ci/tools $(DEMO_TOOLS)
	@echo '==> build'
	@cargo build
	@echo '==> demo (Ctrl-C ends it)'
	@# cargo and captd take the place of this shell, so that signals reach captd itself.
	@exec cargo run --quiet -- demo

test: venv ## run every check: format, lints, docs, Terraform files, all tests
	@echo '==> format'
	@cargo fmt --check
	@echo '==> lints'
	@cargo clippy --all-targets -- -D warnings
	@echo '==> docs'
	@RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps
	@echo '==> Terraform files'
	@env -u TF_CLI_CONFIG_FILE terraform fmt -check -diff -recursive modules templates
	@echo '==> tests'
	@INSTA_UPDATE=no CAPTD_REQUIRE='$(CAPTD_REQUIRE)' CAPTD_TEST_PYTHON='$(VENV)/bin/python' cargo test

# The captd that is upgraded from: a tag or a commit. It is built with a version of its own, below target/.
UPGRADE_FROM ?= HEAD~1

upgrade-test: venv ## build the captd of UPGRADE_FROM=… (HEAD~1), and let this one take over its runs
	@.ci/tools $(TEST_TOOLS)
	@echo '==> build $(UPGRADE_FROM)'
	@rm -rf target/upgrade/src && mkdir -p target/upgrade/src
	@git archive '$(UPGRADE_FROM)' | tar -x -C target/upgrade/src
	@sed '1,/^version/s/^version = .*/version = "0.0.0"/' target/upgrade/src/Cargo.toml > target/upgrade/Cargo.toml
	@mv target/upgrade/Cargo.toml target/upgrade/src/Cargo.toml
	@cd target/upgrade/src && CARGO_TARGET_DIR='$(CURDIR)/target/upgrade/build' cargo build --quiet
	@echo '==> upgrade'
	@CAPTD_UPGRADE_FROM='$(CURDIR)/target/upgrade/build/debug/captd' CAPTD_TEST_PYTHON='$(VENV)/bin/python' \
		cargo test --test it upgrade::

crash-test: venv ## kill captd and all it stands on, many times: TRIALS=500 SEED=1 CLOUD=local|aws|mixed AWS_TRIALS=100 AT_ONCE=4
	@CAPTD_CRASH_TRIALS='$(or $(TRIALS),100)' CAPTD_CRASH_SEED='$(SEED)' CAPTD_CRASH_CLOUD='$(CLOUD)' \
		CAPTD_CRASH_AT_ONCE='$(AT_ONCE)' CAPTD_CRASH_AWS_TRIALS='$(AWS_TRIALS)' CAPTD_TEST_PYTHON='$(VENV)/bin/python' \
		cargo test --quiet crash:: -- --nocapture

break-test: venv ## try to get in and to break it, more often than the tests do: REQUESTS=10000 SEED=1
	@CAPTD_FUZZ_REQUESTS='$(or $(REQUESTS),10000)' CAPTD_FUZZ_SEED='$(or $(SEED),1)' CAPTD_REQUIRE=terraform,aws \
		CAPTD_TEST_PYTHON='$(VENV)/bin/python' cargo test --test it -- --nocapture \
		fuzz:: doors:: separation:: bounded:: declared_env:: policy:: allowed_later:: confine:: leftovers:: \
		connections:: followers:: gateway::door gateway::hangs

bench: venv ## captd beside the plain Terraform, as a table: ROWS=1,2 BIG=1 RUNS=5 PLAIN_RUNS=3
	@BENCH_ROWS='$(ROWS)' BENCH_BIG='$(BIG)' BENCH_RUNS='$(RUNS)' BENCH_PLAIN_RUNS='$(PLAIN_RUNS)' \
		CAPTD_REQUIRE=terraform,aws CAPTD_TEST_PYTHON='$(VENV)/bin/python' cargo bench --bench speed

check-tools: ## say which of the needed tools are missing, why they are needed, how to get them
	@.ci/tools $(TEST_TOOLS)
	@echo 'all there: $(TEST_TOOLS)'

# The tests' Python. Built anew when the requirements are others than those it was built for, or when the interpreter
# it was made from is gone.
venv:
	@.ci/tools $(TEST_TOOLS)
	@cmp -s $(REQUIREMENTS) '$(VENV)/requirements.txt' && '$(VENV)/bin/python' -c '' 2>/dev/null || { \
		echo '==> Python for the fake AWS (target/venv)' && \
		"$$PYTHON" -m venv --clear '$(VENV)' && \
		'$(VENV)/bin/python' -m pip install --quiet --disable-pip-version-check --requirement $(REQUIREMENTS) && \
		cp $(REQUIREMENTS) '$(VENV)/requirements.txt'; \
	} || { echo 'The packages of $(REQUIREMENTS) could not be installed; pip says above why.' >&2; exit 1; }

.PHONY: help demo test upgrade-test crash-test break-test bench check-tools venv
