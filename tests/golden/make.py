#!/usr/bin/env python3
"""Makes golden databases: drives a built server through its public API, kills it with SIGKILL and keeps what is on disk.

    tests/golden/make.py --wardroom target/debug/wardroom --webhook target/plugins/webhook.wasm --out tests/golden/0002

Writes OUT/sqlite and OUT/postgres; README.md beside this file says what each holds. Needs Python 3.11 and PostgreSQL
(scripts/counterparts.sh installs it). Nothing it writes depends on the machine that made it: third parties are reached
through a proxy by name, and keys and tokens are made for this purpose alone.
"""

import argparse
import gzip
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import facts
import services
import story

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADMIN = "wrd_golden-administrator"
KEY = "601de0" + "0" * 58
BASE = "http://services.golden.example"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, ready, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return found


class Api:
    """A client with one token. Paths are under /api/v1."""

    def __init__(self, url, token):
        self.url, self.token = url, token
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def as_token(self, token):
        return Api(self.url, token)

    def raw(self, method, path, body=None, headers=None):
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers or {})
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        try:
            with self.opener.open(request, timeout=120) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def call(self, method, path, body=None, headers=None):
        sent = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", **(headers or {})}
        answer = self.raw(method, f"/api/v1{path}", sent, headers)
        return json.loads(answer) if answer else None

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None, headers=None):
        return self.call("POST", path, {} if body is None else body, headers)

    def put(self, path, body):
        return self.call("PUT", path, body)

    def patch(self, path, body):
        return self.call("PATCH", path, body)

    def document(self, path, text):
        answer = self.raw("PUT", f"/api/v1{path}", text.encode(), {"content-type": "application/yaml"})
        return json.loads(answer)

    def every(self, path):
        """All items of a list, page by page."""
        items, after = [], None
        while True:
            separator = "&" if "?" in path else "?"
            page = self.get(path + (f"{separator}after={after}" if after else ""))
            items += page["items"]
            after = page.get("next")
            if not after:
                return items


class Postgres:
    """A PostgreSQL server of its own, which ends with this script."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        found = shutil.which("initdb")
        self.bin = pathlib.Path(os.path.realpath(found)).parent if found else max(
            pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        self.account = ["setpriv", "--pdeathsig", "KILL"]
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
            self.account += ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        data = folder / "cluster"
        options = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D", data]
        subprocess.run([*self.account, self.bin / "initdb", *options], check=True, stdout=subprocess.DEVNULL)
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=100"]
        self.server = subprocess.Popen(
            [*self.account, self.bin / "postgres", "-D", data, "-p", str(self.port), *settings],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ready = [self.bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until("PostgreSQL", lambda: subprocess.run(ready).returncode == 0)
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def dump(self):
        options = ["--format=plain", "--no-owner", "--no-privileges", "--encoding=UTF8", "--dbname", self.url]
        dump = subprocess.run([self.bin / "pg_dump", *options], check=True, capture_output=True).stdout
        # Newer releases of psql know these two commands, older ones do not; a dump of our own needs neither.
        return b"".join(line for line in dump.splitlines(True) if not line.startswith((b"\\restrict", b"\\unrestrict")))

    def stop(self):
        self.server.send_signal(signal.SIGINT)
        self.server.wait()


def start(wardroom, data, database_url, proxy):
    """The server under way, and a client of it."""
    port = free_port()
    command = [wardroom, "serve", "--data", data, "--listen", f"127.0.0.1:{port}", "--key", KEY, "--admin-token", ADMIN]
    command += ["--outbound-proxy", f"http://127.0.0.1:{proxy}", "--outbound-proxy-by-name", "--shortest-interval", "1s"]
    command += ["--public-url", "https://wardroom.golden.example"]
    if database_url:
        command += ["--database-url", database_url]
    log = open(data.parent / "server.log", "ab")
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    api = Api(f"http://127.0.0.1:{port}", ADMIN)

    def ready():
        if server.poll() is not None:
            raise SystemExit(f"the server ended: see {log.name}")
        try:
            return api.opener.open(f"{api.url}/readyz", timeout=5).status == 200
        except OSError:
            return False
    wait_until("the server", ready)
    return server, api


def pack(bytes_, path):
    # Without the time, so that the same content is the same file.
    path.write_bytes(gzip.compress(bytes_, 9, mtime=0))


def make(kind, wardroom, plugins, out):
    out.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wardroom-golden-"))
    folder.chmod(0o755)
    data = folder / "data"
    cluster = folder / "postgres"
    cluster.mkdir()
    postgres = Postgres(cluster) if kind == "postgres" else None
    far_end = services.start()
    server, api = start(wardroom, data, postgres and postgres.url, far_end.port)
    try:
        told = story.Story(api, plugins, BASE, wait_until)
        told.tell()
        rest = wait_until("it comes to rest", lambda: facts.at_rest(told))
        export = told.ada.raw("GET", f"/api/v1/incidents/{told.exported}/export")
        told.last()
        captured = facts.at_last(told, rest)
    finally:
        # A crash: nothing is said goodbye to, and calls are in flight.
        server.kill()
        server.wait()
    captured.update(kind=kind, version=subprocess.run(
        [wardroom, "--version"], check=True, capture_output=True, text=True).stdout.strip())
    if postgres:
        pack(postgres.dump(), out / "database.sql.gz")
        postgres.stop()
    else:
        with sqlite3.connect(data / "wardroom.db") as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        pack((data / "wardroom.db").read_bytes(), out / "database.db.gz")
    (out / "key").write_text(KEY + "\n")
    (out / "host").write_text((data / "host").read_text())
    (out / "tokens.json").write_text(json.dumps({"admin": ADMIN, **told.tokens}, indent=1) + "\n")
    (out / "export.zip").write_bytes(export)
    pack((json.dumps(captured, indent=1, ensure_ascii=False) + "\n").encode(), out / "facts.json.gz")
    shutil.rmtree(folder)
    live = [run["status"] for run in captured["runs"] if not run["finished_at"]]
    print(f"{kind}: {len(captured['incidents'])} incidents, {len(live)} runs in flight "
          f"({', '.join(f'{live.count(status)} {status}' for status in sorted(set(live)))}), "
          f"{len(captured['runs']) - len(live)} ended, {sum(file.stat().st_size for file in out.iterdir())} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wardroom", type=pathlib.Path, required=True, help="the server's binary")
    parser.add_argument("--webhook", type=pathlib.Path, required=True, help="the webhook plugin that belongs to it")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the folder to write")
    parser.add_argument("--kind", choices=["sqlite", "postgres"], help="one of them only")
    options = parser.parse_args()
    plugins = [options.webhook, ROOT / "tests/abi/1.0/witness.wasm"]
    for kind in [options.kind] if options.kind else ["sqlite", "postgres"]:
        make(kind, options.wardroom.resolve(), plugins, options.out / kind)


if __name__ == "__main__":
    sys.exit(main())
