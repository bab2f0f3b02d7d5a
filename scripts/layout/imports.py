"""Follows the imports of a crate to the files that define what is imported."""
from collections import defaultdict
from posixpath import dirname, join
from typing import NamedTuple

from .source import Module, Reader


class Item(NamedTuple):
    """What a module defines by itself: a type, function, constant, macro."""

    file: str
    name: str


# Whatever another crate defines.
OUTSIDE = Item("", "")


class Crate:
    """The modules of one crate, read from its root file. `sources` maps paths to texts."""

    def __init__(self, root, sources):
        self.sources = sources
        self.files = set()
        # Paths of test modules, without `.rs`; and modules whose file is missing.
        self.tests = set()
        self.missing = []
        self.root = self.load(root, dirname(root), None)

    def load(self, file, folder, parent):
        """Reads a file, and from `folder` the modules it declares."""
        self.files.add(file)
        module = Module(file, parent)
        Reader(self.sources[file]).read(module)
        self.load_children(module, folder)
        return module

    def load_children(self, module, folder):
        """Reads the modules that a module declares, also within its inline modules."""
        for name, child in module.children.items():
            self.load_children(child, join(folder, name))
        self.tests.update(join(folder, name) for name in module.test_children)
        for name in module.declared:
            candidates = (join(folder, f"{name}.rs"), join(folder, name, "mod.rs"))
            file = next((path for path in candidates if path in self.sources), None)
            if file is None:
                self.missing.append(f"{module.file}: mod {name}: expected {candidates[0]} or {candidates[1]}, found neither")
            else:
                module.children[name] = self.load(file, join(folder, name), module)

    def is_test(self, file):
        """Whether only tests compile a file."""
        return any(file == f"{path}.rs" or file.startswith(f"{path}/") for path in self.tests)

    def arrows(self):
        """Which file uses which items of which other file: `{(from, to): {names}}`."""
        found = defaultdict(set)
        for module in self.root.tree():
            for target in self.used(module):
                if isinstance(target, Item) and target is not OUTSIDE and target.file != module.file:
                    found[module.file, target.file].add(target.name)
        return dict(found)

    def used(self, module):
        """What a module uses. A re-export counts only if the module's own code uses the name too."""
        for use in module.uses:
            if use.name is None:
                yield from self.used_by_glob(module, use)
            elif not use.exported or use.name in module.names:
                yield from self.resolve(module, use.path, {(id(module), use.name)})
        for path in module.paths:
            yield from self.resolve(module, path, local=True)
        for name in module.calls - module.macros:
            yield from self.macro(module, name)

    def used_by_glob(self, module, use):
        """What a module uses of the names that `use a::*` brings in."""
        for target in self.resolve(module, use.path):
            if isinstance(target, Item):
                found = [] if use.exported else [target]
            else:
                names = module.names - module.items - set(module.children)
                found = [item for name in sorted(names) for item in self.lookup(target, name)]
            # Methods of a trait, or what a macro generates, are used without a name that can be found.
            yield from found if found or use.exported else [Item(target.file, "*")]

    def macro(self, module, name):
        """The `macro_rules!` of a module above, which is in scope without an import."""
        while (module := module.parent) is not None:
            if name in module.macros:
                yield Item(module.file, f"{name}!")
                return

    def resolve(self, module, path, seen=frozenset(), local=False):
        """What a path in a module means: items and modules, or `OUTSIDE`. Stops at an item: variants belong to their enum."""
        head, rest = (path[0], path[1:]) if path else ("self", ())
        if head in ("crate", "self", "super"):
            targets = [{"crate": self.root, "self": module, "super": module.parent or module}[head]]
        else:
            targets = self.lookup(module, head, seen, local) or [OUTSIDE]
        for name in rest:
            modules = [target for target in targets if isinstance(target, Module)]
            if not modules:
                break
            if name == "super":
                targets = [target.parent or target for target in modules]
            else:
                # A module defines a name that none of its lines shows: a macro generates it.
                targets = [found for target in modules for found in self.lookup(target, name, seen) or [Item(target.file, name)]]
        return targets

    def lookup(self, module, name, seen=frozenset(), local=False):
        """What a single name means in a module: everything of that name, since types, values and macros may share one."""
        found = [module.children[name]] if name in module.children else []
        if name in module.items or name in module.macros:
            found.append(Item(module.file, name))
        # Two globs may bring in each other, and `use log;` may name a crate: each name is followed once.
        if (id(module), name) in seen:
            return found
        seen = seen | {(id(module), name)}
        uses = [use for use in module.uses if local or not use.local]
        for use in uses:
            if use.name == name:
                found += [target for target in self.resolve(module, use.path, seen) if target not in found]
        if not found:
            globs = [target for use in uses if use.name is None for target in self.resolve(module, use.path, seen)]
            found = [target for glob in globs if isinstance(glob, Module) for target in self.lookup(glob, name, seen)]
        return found
