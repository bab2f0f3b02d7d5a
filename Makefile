# Short names for the commands of this repository. Each installs what it needs on a fresh clone.
.PHONY: demo test lint bench plugins audit doc soak fuzz

demo: plugins
	cargo run --quiet --package wardroom -- demo $(ARGS)

test: ## every behaviour
	scripts/test.sh

lint: ## formatting, lints, docs, dependencies, layout
	scripts/lint.sh

bench: plugins ## figures beside the floor of this machine, written to bench/
	scripts/bench.sh $(ARGS)

plugins: ## the bundled plugins as components, in target/plugins
	scripts/plugins.sh

soak: ## the crash and escape campaigns of `make test`, TIMES (8) times as long: at most 30 minutes
	scripts/plugins.sh --tests
	WARDROOM_TEST_SOAK=$${TIMES:-8} cargo test --package wardroom-tests -- durability::crash plugins::escape --nocapture

fuzz: ## components of any bytes for FUZZ_SECONDS, and the property tests with many more cases
	scripts/fuzz.sh

audit: ## known vulnerabilities; needs a network
	scripts/deny.sh check advisories

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
