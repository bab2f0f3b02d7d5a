#!/usr/bin/env bash
# Installs the real servers that the tests talk to. Idempotent; says nothing when all is there.
set -euo pipefail
need=()
has() { command -v "$1" >/dev/null; }
has prometheus || need+=(prometheus)
has prometheus-alertmanager || need+=(prometheus-alertmanager)
has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need+=(postgresql)
if [ ${#need[@]} -gt 0 ]; then
  echo "counterparts: apt-get install ${need[*]}" >&2
  SUDO=
  [ "$(id -u)" = 0 ] || SUDO=sudo
  install() { $SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -o DPkg::Lock::Timeout=300 --no-install-recommends "${need[@]}" >&2; }
  install || { $SUDO apt-get update >&2; install; }
fi
