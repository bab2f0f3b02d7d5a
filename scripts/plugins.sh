#!/usr/bin/env bash
# Builds the bundled plugins into target/plugins (with --tests also the hostile guests into target/test-plugins).
# Installs the wasm target when it is missing. For the tests the server is built with fault points.
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(bash scripts/wasm-target.sh)"
echo "building the server (the first time takes a few minutes)" >&2
if [ "${1:-}" = --tests ]; then
  # The same features as in `cargo test`, so that nothing compiles twice.
  cargo build --package wardroom --features failpoints
else
  cargo build --package wardroom
fi
echo "building the bundled plugins" >&2
target/debug/wardroom plugin build plugins/* --out target/plugins
if [ "${1:-}" = --tests ]; then
  target/debug/wardroom plugin build tests/components/* --out target/test-plugins
fi
