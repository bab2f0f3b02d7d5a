#!/usr/bin/env bash
# Measures against the floor of this machine, in release mode. `make plugins` has built the guests' tools by now.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/counterparts.sh >/dev/null
scripts/plugins.sh --tests
cargo run --release --package wardroom-tests --no-default-features --bin bench
