#!/usr/bin/env bash
# Formatting, lints, docs, dependencies, layout. Stops at the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$*"; }

step "layout"; python3 scripts/layout.py --self-test; python3 scripts/layout.py
step "cargo fmt"; cargo fmt --all --check
step "cargo clippy"; cargo clippy --workspace --all-targets --quiet -- -D warnings
# With the tests in the workspace the server has its fault points: the one that is released is looked at by itself.
step "cargo clippy, without fault points"; cargo clippy --package wardroom --quiet -- -D warnings
step "cargo doc"; RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
step "cargo deny"; scripts/deny.sh check bans licenses sources
