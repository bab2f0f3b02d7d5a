"""Which files and crates the repository holds."""
import re
import subprocess
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from posixpath import dirname, join

from .imports import Crate


@dataclass
class Package:
    """One Cargo package. `folder` is empty for the root of the repository."""

    folder: str
    manifest: dict
    sources: dict = field(repr=False)

    @property
    def name(self):
        return self.manifest["package"]["name"]

    @cached_property
    def crates(self):
        """Its library and binaries. Integration tests are left out: they may import what they test."""
        bins = [join(self.folder, found["path"]) for found in self.manifest.get("bin", []) if "path" in found]
        of_bin = re.compile(re.escape(join(self.folder, "src/bin/")) + r"(\w+|\w+/main)\.rs")
        bins += filter(of_bin.fullmatch, self.sources)
        library = self.manifest.get("lib", {}).get("path", "src/lib.rs")
        roots = dict.fromkeys([join(self.folder, library), join(self.folder, "src/main.rs"), *sorted(bins)])
        return [Crate(root, self.sources) for root in roots if root in self.sources]

    def arrows(self):
        """The imports between files of the same crate, for all crates of the package."""
        found = {}
        for crate in self.crates:
            for edge, names in crate.arrows().items():
                found.setdefault(edge, set()).update(names)
        return found

    def stray(self):
        """Problems with how its files hang together: modules without a file, files without a module."""
        for crate in self.crates:
            yield from crate.missing
        for path in self.sources:
            if path.startswith(join(self.folder, "src/")) and not any(path in crate.files or crate.is_test(path) for crate in self.crates):
                yield f"{path}: no module declares it"


@dataclass
class Tree:
    """The Rust sources and Cargo manifests of the repository, as texts by path."""

    sources: dict
    manifests: dict
    lock: str = ""

    @property
    def shared(self):
        """The dependencies that the workspace describes once for its packages, perhaps under another name."""
        return tomllib.loads(self.manifests.get("Cargo.toml", "")).get("workspace", {}).get("dependencies", {})

    @cached_property
    def packages(self):
        """Every Cargo package with its own sources, by folder."""
        parsed = {dirname(path): tomllib.loads(text) for path, text in sorted(self.manifests.items())}
        folders = [folder for folder, manifest in parsed.items() if "package" in manifest]
        owned = {folder: {} for folder in folders}
        for path, text in self.sources.items():
            above = [folder for folder in folders if not folder or path.startswith(f"{folder}/")]
            if above:
                owned[max(above, key=len)][path] = text
        return [Package(folder, parsed[folder], owned[folder]) for folder in folders]


def read(root):
    """The tree of tracked and new files below a folder."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.rs", "*Cargo.toml"],
        cwd=root, check=True, capture_output=True, text=True,
    )
    texts = {path: Path(root, path).read_text() for path in sorted(set(listed.stdout.split())) if Path(root, path).exists()}
    lock = Path(root, "Cargo.lock")
    return Tree(
        sources={path: text for path, text in texts.items() if path.endswith(".rs")},
        manifests={path: text for path, text in texts.items() if path.endswith(".toml")},
        lock=lock.read_text() if lock.exists() else "",
    )
