"""The rules. Each yields one line for each violation."""
import tomllib

from . import circles
from .tokens import tokens

MAX_LINES = 400
# Files that may be longer, each with its reason.
LONGER = {}

# Which workspace crates a crate may depend on, also in tests. Crates outside `host/` that are not listed may use all of them.
MAY_USE = {
    "wardroom-domain": set(),
    "wardroom-base": {"wardroom-domain"},
    "wardroom-store": {"wardroom-base", "wardroom-domain"},
    "wardroom-runtime": {"wardroom-base", "wardroom-domain"},
    "wardroom-engine": {"wardroom-base", "wardroom-domain", "wardroom-runtime", "wardroom-store"},
    # Not the store and not the runtime: only the engine decides who may see what they hold.
    "wardroom-http": {"wardroom-base", "wardroom-domain", "wardroom-engine"},
    "wardroom-web": {"wardroom-base", "wardroom-domain", "wardroom-engine"},
    # It puts the layers together, and knows plugins only as components that someone installs.
    "wardroom": {f"wardroom-{layer}" for layer in ("base", "domain", "engine", "http", "runtime", "store", "web")},
    "wardroom-plugin-sdk": set(),
}
# Plugins and the guests of the tests use the SDK alone.
GUESTS = ("wardroom-plugin-", "wardroom-test-")
# Third-party crates that a crate must not reach, directly or through other third-party crates. Cargo.lock says what those need.
KEPT_OUT = {
    "wardroom-domain": {"axum", "hyper", "reqwest", "sqlx", "tokio", "wasmtime"},
    "wardroom-base": {"axum", "hyper", "reqwest", "sqlx", "wasmtime"},
    "wardroom-store": {"axum", "hyper", "reqwest", "wasmtime"},
    "wardroom-runtime": {"axum", "sqlx"},
    "wardroom-engine": {"axum", "sqlx", "wasmtime"},
    "wardroom-http": {"sqlx", "wasmtime"},
    "wardroom-web": {"sqlx", "wasmtime"},
}


def violations(tree):
    """Every violation of every rule."""
    yield from files(tree.sources)
    yield from dependencies(tree)
    for package in tree.packages:
        yield from package.stray()
        yield from imports(package)


def files(sources, longer=None):
    """A file says what it is, is short, and leaves nothing open."""
    longer = LONGER if longer is None else longer
    for path, text in sources.items():
        lines = text.count("\n")
        if lines > MAX_LINES and path not in longer:
            yield f"{path}: {lines} lines, at most {MAX_LINES} allowed: split it by noun or use case, or name it in LONGER with a reason"
        if not text.startswith("//!"):
            yield f"{path}: expected a //! comment at the top that says what the file is"
        code = tokens(text)
        for macro in ("todo", "unimplemented"):
            if any(token == macro and after == "!" for token, after in zip(code, code[1:])):
                yield f"{path}: {macro}! left in the code"
    for path, reason in longer.items():
        lines = sources[path].count("\n") if path in sources else 0
        if lines <= MAX_LINES:
            yield f"{path}: named in LONGER but has {lines} lines: remove it there"
        elif not reason:
            yield f"{path}: named in LONGER without a reason"


def dependencies(tree):
    """Crates depend on each other only downward, and layers that promise to know nothing of a crate do not reach it."""
    locked = outside(tree.lock)
    ours = {package.name for package in tree.packages}
    for package in tree.packages:
        wanted = dependencies_of(package.manifest, tree.shared)
        allowed = may_use(package.name)
        if allowed is None:
            if package.folder.startswith("host/"):
                yield f"{package.folder}/Cargo.toml: {package.name} has no entry in MAY_USE"
            allowed = ours
        for name in sorted((wanted & ours) - allowed - {package.name}):
            yield f"{package.folder}/Cargo.toml: {package.name} must not depend on {name}"
        for name in sorted(KEPT_OUT.get(package.name, ())):
            way = reached(package.name, wanted - ours, name, locked)
            if way:
                yield f"{package.folder}/Cargo.toml: {package.name} must not reach {name}: {' -> '.join(way)}"


def may_use(name):
    """Which of our crates a crate may depend on; `None` if the tables leave it open."""
    if name in MAY_USE:
        return MAY_USE[name]
    return {"wardroom-plugin-sdk"} if name.startswith(GUESTS) else None


def dependencies_of(manifest, shared):
    """The packages a manifest names, for any target and purpose. `shared` are the entries that it may take from the workspace."""
    found = set()
    for part in [manifest, *manifest.get("target", {}).values()]:
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            for name, entry in part.get(kind, {}).items():
                if isinstance(entry, dict) and entry.get("workspace"):
                    entry = shared.get(name)
                found.add(entry.get("package", name) if isinstance(entry, dict) else name)
    return found


def outside(lock):
    """The dependencies of every package in a Cargo.lock, by name."""
    found = {}
    for package in tomllib.loads(lock).get("package", []):
        found.setdefault(package["name"], set()).update(entry.split()[0] for entry in package.get("dependencies", []))
    return found


def reached(start, wanted, goal, locked):
    """The shortest way from a crate to a crate it must not reach, or nothing."""
    before, queue = dict.fromkeys(sorted(wanted), start), sorted(wanted)
    for name in queue:
        if name == goal:
            way = [name]
            while way[-1] != start:
                way.append(before[way[-1]])
            return way[::-1]
        fresh = sorted(other for other in locked.get(name, ()) if other not in before)
        before.update(dict.fromkeys(fresh, name))
        queue += fresh
    return []


def imports(package):
    """The files of a crate import each other without circles.

    An import is an arrow to the file that defines the item, through any number of re-exports and globs. Paths in code count
    like `use`. `mod child;` is no arrow, and `pub use child::Item` is one only if the file's own code uses the name. What only
    tests compile is left out: tests may import what they test.
    """
    arrows = package.arrows()
    for component in circles.components(arrows):
        circle = circles.drawn(circles.shortest(component, arrows), arrows)
        more = f" (one of the circles among {len(component)} files; all of them: --circles)" if len(component) > 2 else ""
        yield f"{package.name}: import circle: {circle}{more}"
