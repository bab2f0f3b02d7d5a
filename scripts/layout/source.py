"""Reads one Rust file into modules: what each defines, imports and names. Leaves out what only tests compile."""
import re
from dataclasses import dataclass, field

from .tokens import CLOSING, OPENING, QUOTE, brackets, tokens

DEFINES = {"fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod"}
ENDS_WITH_SEMICOLON = {"use", "type", "const", "static", "let"}
QUALIFIES = {"pub", "async", "unsafe", "extern"}
# A derive macro turns these strings into code: `#[serde(default = "super::limit")]`. `with` names a module that has both functions.
PATH_IN_STRING = {"default", "deserialize_with", "from", "into", "schema_with", "serialize_with", "skip_serializing_if", "try_from", "with"}


@dataclass
class Use:
    """One import. A glob has no name; `local` imports stand in a function body."""

    path: tuple
    name: str | None
    exported: bool
    local: bool


@dataclass
class Module:
    """One module. `file` is the file that holds its source, which an inline module shares with its parent."""

    file: str
    parent: "Module | None" = None
    children: dict = field(default_factory=dict)
    # Children in files of their own, still to be read; and those that only tests compile.
    declared: list = field(default_factory=list)
    test_children: set = field(default_factory=set)
    items: set = field(default_factory=set)
    macros: set = field(default_factory=set)
    uses: list = field(default_factory=list)
    # Paths in code, the names that code uses (to tell a re-export from an import), and the macros it calls.
    paths: set = field(default_factory=set)
    names: set = field(default_factory=set)
    calls: set = field(default_factory=set)
    # `(type, function, whether it is public)` of every `impl Type` block.
    methods: list = field(default_factory=list)

    def tree(self):
        """This module and all modules below it."""
        yield self
        for child in self.children.values():
            yield from child.tree()


class Reader:
    """Walks over the tokens of one file and fills modules. Every method returns the index after what it read."""

    def __init__(self, text):
        self.code = tokens(text)
        self.closing = brackets(self.code)

    def at(self, index):
        return self.code[index] if 0 <= index < len(self.code) else ""

    def after_bracket(self, index):
        return self.closing[index] + 1

    def read(self, module, index=0, end=None, top=True):
        """Reads a module body; without `top`, the inside of an item, where no items of the module are defined."""
        end = len(self.code) if end is None else end
        while index < end:
            token, following = self.at(index), self.at(index + 1)
            opening = index + (2 if following == "!" else 1)
            if token == "#" and self.at(opening) == "[":
                index = self.attribute(module, opening, end)
            elif token == "use" and following != "<":
                index = self.use(module, index, local=not top)
            elif token == "mod" and top and self.at(index + 2) in ("{", ";"):
                index = self.module(module, index)
            elif token == "macro_rules" and following == "!":
                module.macros.add(self.at(index + 2))
                index += 3
            elif token == "impl" and top:
                index = self.implementation(module, index)
            elif token in DEFINES and top and is_word(following):
                module.items.add(following)
                index += 2
            elif token in OPENING:
                self.read(module, index + 1, self.closing[index], top=False)
                index = self.after_bracket(index)
            elif is_word(token):
                index = self.path(module, index)
            else:
                index += 1
        return index

    def attribute(self, module, opening, end):
        """Reads `#[...]`, and skips what follows it if only tests compile that."""
        inner = self.code[opening + 1 : self.closing[opening]]
        if requires_test(inner):
            return self.skip_item(module, self.after_bracket(opening), end)
        for key, equals, value in zip(inner, inner[1:], inner[2:]):
            if key in PATH_IN_STRING and equals == "=" and re.fullmatch(QUOTE + r"\w+(::\w+)*", value):
                path = (*value[1:].split("::"), *(["serialize"] if key == "with" else []))
                module.paths.add(path)
                module.names.add(path[0])
        self.read(module, opening + 1, self.closing[opening], top=False)
        return self.after_bracket(opening)

    def skip_item(self, module, index, end):
        """Skips an item, statement, field or arm. A test module in a file of its own is noted, so that the file is known."""
        while self.at(index) == "#":
            index = self.after_bracket(index + 1)
        start = index
        while self.at(start) in QUALIFIES:
            start = self.after_bracket(start + 1) if self.at(start + 1) == "(" else start + 1
        keyword = self.at(start)
        if keyword == "mod":
            module.test_children.add(self.at(start + 1))
        item = keyword in DEFINES or keyword in ENDS_WITH_SEMICOLON or keyword in ("impl", "macro_rules")
        while index < end and self.at(index) not in CLOSING:
            token = self.at(index)
            if token == ";" or (token == "," and not item):
                return index + 1
            if token in OPENING:
                index = self.closing[index]
                if token == "{" and keyword not in ENDS_WITH_SEMICOLON:
                    return index + 1
            index += 1
        return index

    def use(self, module, index, local):
        """Reads `use ...;`."""
        before = index - 1
        if self.at(before) == ")":
            before = next((opening for opening, closing in self.closing.items() if closing == before), 0) - 1
        index = self.use_tree(module, index + 1, (), exported=self.at(before) == "pub", local=local)
        while self.at(index) not in (";", ""):
            index += 1
        return index + 1

    def use_tree(self, module, index, prefix, exported, local):
        """Reads what follows `use`, or one entry of a group."""
        path = prefix
        if self.at(index) == "::":
            path, index = ("::",), index + 1
        while True:
            token = self.at(index)
            if token == "{":
                closing, index = self.closing[index], index + 1
                while index < closing:
                    index = self.use_tree(module, index, path, exported, local)
                    index += self.at(index) == ","
                return closing + 1
            if token == "*":
                module.uses.append(Use(path, None, exported, local))
                return index + 1
            if token != "self" or not path:
                path = (*path, token)
            index += 1
            if self.at(index) != "::":
                break
            index += 1
        name = path[-1]
        if self.at(index) == "as":
            name, index = self.at(index + 1), index + 2
        module.uses.append(Use(path, name, exported, local))
        return index

    def module(self, module, index):
        """Reads `mod name;` or `mod name { ... }`."""
        name = self.at(index + 1)
        if self.at(index + 2) == ";":
            module.declared.append(name)
            return index + 3
        child = module.children[name] = Module(module.file, module)
        self.read(child, index + 3, self.closing[index + 2])
        return self.after_bracket(index + 2)

    def implementation(self, module, index):
        """Reads an `impl` block; notes the functions of `impl Type { ... }`."""
        body = index + 1
        while self.at(body) not in ("{", ";", ""):
            body = self.after_bracket(body) if self.at(body) in OPENING else body + 1
        head = self.code[index + 1 : body]
        end = self.closing.get(body, body)
        owner = next((token for token in head if is_word(token)), "")
        at = body + 1
        while "for" not in head and at < end:
            if self.at(at) == "fn":
                before = at - 1
                while self.at(before) in ("async", "const", "unsafe"):
                    before -= 1
                module.methods.append((owner, self.at(at + 1), self.at(before) == "pub"))
            at = self.after_bracket(at) if self.at(at) in OPENING else at + 1
        return self.read(module, index + 1, end, top=False)

    def path(self, module, index):
        """Reads `a::b::c`, or a single word."""
        before, path = self.at(index - 1), [self.at(index)]
        index += 1
        while self.at(index) == "::" and is_word(self.at(index + 1)):
            path.append(self.at(index + 1))
            index += 2
        if before in (".", "::", "fn"):
            return index
        following = self.at(index)
        if following == "!" and self.at(index + 1) in OPENING and len(path) == 1:
            module.calls.add(path[0])
        if len(path) > 1:
            module.paths.add(tuple(path))
        # A lone lower-case word is mostly a variable: it counts as the name of an item where it is called.
        if len(path) > 1 or path[0][0].isupper() or following in ("(", "!", "::"):
            module.names.add(path[0])
        return index


def requires_test(attribute):
    """Whether `#[...]` keeps an item out of every build but those of tests."""
    if attribute == ["test"] or attribute == ["cfg", "(", "test", ")"]:
        return True
    if attribute[:4] != ["cfg", "(", "all", "("]:
        return False
    depth = 0
    for token in attribute:
        depth += (token in OPENING) - (token in CLOSING)
        if token == "test" and depth == 2:
            return True
    return False


def is_word(token):
    return token[:1].isalpha() or token[:1] == "_"
