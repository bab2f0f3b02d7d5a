#!/usr/bin/env bash
# Fuzzes what comes in as a component, for FUZZ_SECONDS (600), and the pure state machines with CASES (20,000) cases each.
# cargo-fuzz and a nightly compiler are installed when they are missing. What was found stays in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."
PROPTEST_CASES=${CASES:-20000} cargo test --package wardroom-domain --package wardroom-runtime --package wardroom-engine --lib

cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
# The corpus grows from what is refused for some reason of its own, and from two plugins that are taken.
corpus=fuzz/corpus/inspect
mkdir -p "$corpus"
cp fuzz/seeds/inspect/*.wasm tests/abi/1.0/*.wasm "$corpus"
# Without a sanitizer: what is looked for are panics, hangs and memory without bound, and the pool wants more address space than
# a sanitizer leaves. 10 s are more than compiling and describing take together; 4 GiB are more than the pool of one call holds.
cargo +nightly fuzz run --sanitizer none inspect "$corpus" -- \
  -max_total_time="${FUZZ_SECONDS:-600}" -max_len=300000 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1
