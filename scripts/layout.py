#!/usr/bin/env python3
"""Checks what the compiler does not: every Rust file opens with `//!` and is short, and imports run only downwards.

Exits 1 with one line for each violation. `--self-test` proves that each rule finds a planted violation.
"""
import re
import subprocess
import sys
from pathlib import Path

LINES = 400
# Files that may be longer, each with its reason.
LONGER = {}
# A layer may import itself and what is listed.
LAYERS = {
    "domain": {"domain"},
    "clock": {"clock", "domain"},
    "store": {"store", "domain", "clock"},
    "plugin": {"plugin", "domain", "clock"},
    "engine": {"engine", "store", "plugin", "domain", "clock"},
    "http": {"http", "engine", "store", "plugin", "domain", "clock"},
}
IMPORT = re.compile(r"\bcrate::(\{[^;]*\}|\w+)", re.S)


def imported(text):
    """The modules below the crate root that a file names, `use crate::{a::b, c}` included."""
    code = re.sub(r"//[^\n]*", "", text)
    names = set()
    for found in IMPORT.findall(code):
        if not found.startswith("{"):
            names.add(found)
            continue
        flat, previous = found[1:-1], None
        while flat != previous:
            previous, flat = flat, re.sub(r"\{[^{}]*\}", "", flat)
        names.update(part.strip().split("::")[0] for part in flat.split(",") if part.strip())
    return names


def violations(path, text):
    """Every rule one file breaks."""
    lines = text.count("\n")
    if lines > LINES and path not in LONGER:
        yield f"{path}: {lines} lines, {LINES} at most: split it by noun or use case"
    if not text.startswith("//!"):
        yield f"{path}: does not open with a //! line that says what it is"
    if re.search(r"\b(todo|unimplemented)!\(", text):
        yield f"{path}: left open"
    parts = Path(path).parts
    if parts[:2] == ("host", "src") and len(parts) > 2:
        layer = parts[2].removesuffix(".rs")
        for name in sorted(imported(text) - LAYERS.get(layer, imported(text))):
            if name in LAYERS or name in {"cli", "app", "config"}:
                yield f"{path}: layer {layer} imports {name}, which is above or beside it"


def self_test():
    """Each planted violation has to be found, and a clean file has to pass."""
    planted = {
        ("host/src/domain/a.rs", "//! A.\nuse crate::store::Store;\n"): "imports store",
        ("host/src/store/a.rs", "//! A.\nuse crate::{\n    domain::{a, b},\n    engine::Engine,\n};\n"): "imports engine",
        ("host/src/plugin/a.rs", "//! A.\nfn f() { crate::store::x() }\n"): "imports store",
        ("host/src/engine/a.rs", "use crate::domain::a;\n"): "does not open",
        ("host/src/engine/b.rs", "//! B.\n" + "\n" * 400): "lines",
        ("host/src/engine/c.rs", "//! C.\nfn f() { todo!() }\n"): "left open",
    }
    for (path, text), wanted in planted.items():
        found = list(violations(path, text))
        assert any(wanted in line for line in found), (path, wanted, found)
    assert not list(violations("host/src/engine/d.rs", "//! D.\nuse crate::{domain::{a}, store::B};\n"))


def main():
    """Checks every tracked or new Rust file."""
    if "--self-test" in sys.argv:
        self_test()
        return 0
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.rs"], check=True, capture_output=True, text=True
    )
    paths = [path for path in sorted(set(listed.stdout.split())) if Path(path).exists()]
    found = [line for path in paths for line in violations(path, Path(path).read_text())]
    for stale in sorted(path for path in LONGER if not Path(path).exists()):
        found.append(f"{stale}: listed as longer, but it is gone")
    print("\n".join(found) if found else f"{len(paths)} files in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
