#!/usr/bin/env bash
# Measures against the floor of this machine, in release mode. `make plugins` has built the guests' tools by now.
# Arguments go to the benchmark: --only NAME[,NAME…] and --on sqlite|postgres.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/counterparts.sh >/dev/null
scripts/plugins.sh --tests
# The plugin that `plugin new` writes, in the languages that bring an interpreter.
written=$(mktemp -d)
for pair in python:python js:javascript; do
  name=notes-${pair#*:}
  [ -f "target/test-plugins/$name.wasm" ] && continue
  (cd "$written" && "$OLDPWD/target/debug/wardroom" plugin new "$name" --lang "${pair%%:*}" >/dev/null)
  target/debug/wardroom plugin build "$written/$name" --out target/test-plugins
done
rm -rf "$written"
# What is measured has no fault points.
cargo build --release --no-default-features --package wardroom --package wardroom-tests --bin wardroom --bin bench
# Everything temporary goes into one folder that goes away however the benchmark ends. PostgreSQL, which is another account
# when this one is root, has to get in; its processes end when it finds itself alone, so the folder may need a second try.
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder" 2>/dev/null || { sleep 2; rm -rf "$folder"; }' EXIT
# Not `cargo run`, which would choose other features for one package alone and build everything once more.
TMPDIR=$folder "${CARGO_TARGET_DIR:-target}/release/bench" "$@"
