#!/usr/bin/env bash
# Every behaviour: installs what the tests talk to, builds the guests, runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/counterparts.sh >/dev/null
scripts/plugins.sh --tests
cargo test --workspace
