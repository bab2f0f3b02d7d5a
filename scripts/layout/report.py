"""Shows the circles that are left, and figures about the tree."""
import re

from . import circles

# Before layers were crates they were modules of `host/src`. Under the names of the crates their figures can be compared.
MODULES = {"clock": "base", "fault": "base", "telemetry": "base", "plugin": "runtime"}
MODULES |= {name: name for name in ("domain", "store", "engine", "http")}

# With so many public functions a type of the engine is shown by itself.
MANY = 5


def parts(tree):
    """The tree by layer and package: `[(name, sources, arrows)]`, with arrows only inside a part."""
    for package in tree.packages:
        arrows = package.arrows()
        names = {path: part(tree, package, path) for path in package.sources}
        for name in dict.fromkeys(names.values()):
            yield (
                name,
                {path: text for path, text in package.sources.items() if names[path] == name},
                {edge: found for edge, found in arrows.items() if names[edge[0]] == names[edge[1]] == name},
            )


def part(tree, package, path):
    """The layer or package that a file belongs to."""
    module = re.match(r"host/src/(\w+)", path)
    if module and "host/domain/Cargo.toml" not in tree.manifests:
        return f"wardroom-{MODULES[module[1]]}" if module[1] in MODULES else package.name
    return package.name


def circles_left(tree):
    """Every component of every part: its files, a shortest circle, the arrows to remove first, and all arrows."""
    total = 0
    for name, _, arrows in parts(tree):
        for component in circles.components(arrows):
            total += 1
            yield f"{name}: {len(component)} files: {' '.join(component)}"
            yield f"  shortest: {circles.drawn(circles.shortest(component, arrows), arrows)}"
            yield "  without these arrows there is no circle; move the items to a file below both:"
            yield from listed(circles.backward(component, arrows))
            yield "  all arrows:"
            yield from listed(circles.within(component, arrows))
            yield ""
    yield f"{total} components with circles"


def listed(arrows):
    """One line for each arrow."""
    return (f"    {source} -> {target} ({', '.join(sorted(names))})" for (source, target), names in sorted(arrows.items()))


def figures(tree):
    """Files, lines and circles of each part, and what the engine offers."""
    yield f"{'':32}{'files':>8}{'lines':>8}{'longest':>9}{'circles':>9}{'in them':>9}"
    total = [0, 0, 0, 0, 0]
    for name, sources, arrows in parts(tree):
        lines = [text.count("\n") for text in sources.values()]
        found = circles.components(arrows)
        row = [len(sources), sum(lines), max(lines, default=0), len(found), sum(map(len, found))]
        yield f"{name:32}{row[0]:>8}{row[1]:>8}{row[2]:>9}{row[3]:>9}{row[4]:>9}"
        total = [max(sums, value) if at == 2 else sums + value for at, (sums, value) in enumerate(zip(total, row))]
    yield f"{'all':32}{total[0]:>8}{total[1]:>8}{total[2]:>9}{total[3]:>9}{total[4]:>9}"
    yield ""
    yield from engine(tree)


def engine(tree):
    """The functions of `impl Engine`, and of every other type of the engine's layer that offers public ones."""
    functions = {}
    for package in tree.packages:
        for crate in package.crates:
            for module in crate.root.tree():
                if module.file in package.sources and part(tree, package, module.file) == "wardroom-engine":
                    for owner, _, public in module.methods:
                        functions.setdefault(owner, []).append((module.file, public))
    public = {owner: sum(is_public for _, is_public in found) for owner, found in functions.items()}
    for owner in sorted(public, key=lambda name: (name != "Engine", -public[name])):
        if owner == "Engine" or public[owner] >= MANY:
            files = {file for file, _ in functions[owner]}
            yield f"impl {owner}: {public[owner]} public functions, {len(functions[owner])} in all, in {len(files)} files"
    yield f"impl of every type in wardroom-engine: {sum(public.values())} public functions"
