# Short names for the commands of this repository. Each installs what it needs on a fresh clone.
.PHONY: demo test lint bench plugins audit doc

demo: plugins
	cargo run --quiet --package wardroom -- demo $(ARGS)

test: ## every behaviour
	scripts/test.sh

lint: ## formatting, lints, docs, dependencies, layout
	scripts/lint.sh

bench: plugins ## figures beside the floor of this machine, written to bench/
	scripts/bench.sh

plugins: ## the bundled plugins as components, in target/plugins
	scripts/plugins.sh

audit: ## known vulnerabilities; needs a network
	scripts/deny.sh check advisories

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
