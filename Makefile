# The commands of this repository. `make demo` and `make test` are the two to know; each first installs what the
# machine lacks (scripts/install-tools says what). ARGS is passed on: `make demo ARGS=--once`.

CARGO ?= cargo
# Tests may skip what a developer's machine cannot have (a PC/SC daemon on macOS, say). In CI nothing is skipped.
ifeq ($(CI),true)
export REQUIRE_PG := 1
export REQUIRE_PCSCD := 1
export REQUIRE_BROWSER := 1
export REQUIRE_CLIENTS := 1
endif

.PHONY: help demo test check format bench audit tools

help:
	@echo "make demo     run the whole walk on this machine: tap, punch, push, fetch (ARGS=--once checks it and exits)"
	@echo "make test     run every test (ARGS=<filter> for some)"
	@echo "make check    formatting, lints and documentation, as CI does"
	@echo "make format   format the code"
	@echo "make bench    run the benchmarks (ARGS='--bench sign' for one); prints 'figure NAME VALUE UNIT'"
	@echo "make audit    licences, advisories and unused dependencies; installs cargo-deny and cargo-machete"
	@echo "make tools    only install what building and testing need"

demo:
	@scripts/install-tools demo
	$(CARGO) run --locked -- demo $(ARGS)

test:
	@scripts/install-tools test
	@scripts/install-browser-tests
	$(CARGO) test --locked $(ARGS)

check:
	@scripts/install-tools build
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

format:
	$(CARGO) fmt

bench:
	@scripts/install-tools bench
	$(CARGO) bench --locked $(ARGS)

# Building the two tools takes some minutes, once.
audit:
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	@command -v cargo-machete >/dev/null || $(CARGO) install --locked cargo-machete
	$(CARGO) deny --locked check
	$(CARGO) machete

tools:
	@scripts/install-tools test
