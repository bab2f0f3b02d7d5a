"""Proves the rules: each finds what is planted for it, and passes what it must pass."""
import re

from . import circles, report, rules
from .tree import Package, Tree

# The sources of a crate, below `src/` and without `.rs`, and the one circle in them. What a case leaves out is as in `USUAL`.
USUAL = {"lib": "mod a; mod b; mod c;", "b": "use crate::a::A; pub struct B; pub fn f() {}", "c": ""}
CIRCLES = {
    "a group": ({"a": "use crate::{c::{self, C}, b::{B, f}}; pub struct A;", "c": "pub struct C;"}, "a -> b (B, f) -> a (A)"),
    "another name": ({"a": "use crate::b::B as Renamed; pub struct A;"}, "a -> b (B) -> a (A)"),
    "no name": ({"a": "use crate::b::B as _; pub struct A;"}, "a -> b (B) -> a (A)"),
    "a raw name": ({"a": "use crate::r#b::B; pub struct A;"}, "a -> b (B) -> a (A)"),
    "super": ({"a": "use super::b::B; pub struct A;"}, "a -> b (B) -> a (A)"),
    "an inline module": (
        {"a": "pub use self::inner::A; mod inner { use super::super::b::B; pub struct A; }"},
        "a -> b (B) -> a (A)",
    ),
    "a glob": ({"a": "use crate::b::*; pub struct A(B);"}, "a -> b (B) -> a (A)"),
    "a glob for methods only": ({"a": "use crate::b::*; pub struct A;"}, "a -> b (*) -> a (A)"),
    "variants": (
        {"a": "use crate::b::Kind::{One, Two}; pub struct A;", "b": "use crate::a::A; pub enum Kind { One, Two }"},
        "a -> b (Kind) -> a (A)",
    ),
    "a glob of variants": (
        {"a": "use crate::b::Kind::*; pub struct A;", "b": "use crate::a::A; pub enum Kind { One }"},
        "a -> b (Kind) -> a (A)",
    ),
    "a use in a function": ({"a": "pub struct A; fn g() { use crate::b::f; f() }"}, "a -> b (f) -> a (A)"),
    "a module that a function imports": ({"a": "pub struct A; fn g() { use crate::b; b::f() }"}, "a -> b (f) -> a (A)"),
    "a path in code": ({"a": "pub struct A; fn g() { crate::b::f() }"}, "a -> b (f) -> a (A)"),
    "a path with super": ({"a": "pub struct A; fn g() { super::b::f(super::b::B) }"}, "a -> b (B, f) -> a (A)"),
    "a path through an imported module": (
        {"a": "use super::b as other; pub struct A; fn g() { other::f() }"},
        "a -> b (f) -> a (A)",
    ),
    "a type argument": ({"a": "pub struct A; fn g() { Vec::<crate::b::B>::new(); }"}, "a -> b (B) -> a (A)"),
    "a qualified type": ({"a": "pub struct A; fn g() { <crate::b::B as Default>::default() }"}, "a -> b (B) -> a (A)"),
    "a field of a tuple": ({"a": "pub struct A(pub (crate::b::B, u8));"}, "a -> b (B) -> a (A)"),
    "a macro's argument": ({"a": "pub struct A; fn g() { vec![crate::b::B] }"}, "a -> b (B) -> a (A)"),
    "a macro's body": ({"a": "pub struct A; macro_rules! m { () => { $crate::b::f() } }"}, "a -> b (f) -> a (A)"),
    "a path in an attribute": (
        {"a": '#[serde(with = "super::b")] pub struct A;', "b": "use crate::a::A; pub fn serialize() {}"},
        "a -> b (serialize) -> a (A)",
    ),
    "a function in an attribute": ({"a": '#[serde(default = "crate::b::f")] pub struct A;'}, "a -> b (f) -> a (A)"),
    "what a macro generates": ({"a": "use crate::b::Id; pub struct A;", "b": "use crate::a::A; ids! { Id }"}, "a -> b (Id) -> a (A)"),
    "a macro from above": (
        {"a": "macro_rules! words { () => {} } mod child; use child::Child;", "a/child": "words! {} pub struct Child;"},
        "a -> a/child (Child) -> a (words!)",
    ),
    "a condition": ({"a": "#[cfg(unix)] use crate::b::B; pub struct A;"}, "a -> b (B) -> a (A)"),
    "tests or else": ({"a": '#[cfg(any(test, feature = "x"))] use crate::b::B; pub struct A;'}, "a -> b (B) -> a (A)"),
    "a condition without tests": ({"a": "#[cfg(all(not(test), unix))] use crate::b::B; pub struct A;"}, "a -> b (B) -> a (A)"),
    "all but tests": ({"a": "#[cfg(not(test))] use crate::b::B; pub struct A;"}, "a -> b (B) -> a (A)"),
    "code after a test module": ({"a": "#[cfg(test)] mod tests; use crate::b::B; pub struct A {}", "a/tests": ""}, "a -> b (B) -> a (A)"),
    "code after an import for tests": ({"a": "#[cfg(test)] use x::{X}; use crate::b::B; pub struct A {}"}, "a -> b (B) -> a (A)"),
    "code after a test": ({"a": "#[test] fn t() { x(';') } use crate::b::B; pub struct A {}"}, "a -> b (B) -> a (A)"),
    "code after a field for tests": ({"a": "pub struct A { #[cfg(test)] x: u8, y: crate::b::B }"}, "a -> b (B) -> a (A)"),
    "code after quotes and lifetimes": (
        {"a": "pub struct A<'a>(&'a u8); const Q: [char; 2] = ['\"', '\\'']; use crate::b::B;"},
        "a -> b (B) -> a (A)",
    ),
    "code after a raw string": ({"a": 'pub struct A; const Q: &str = r#"" //"#; use crate::b::B;'}, "a -> b (B) -> a (A)"),
    "code after a nested comment": ({"a": "/* /* */ */ use crate::b::B; pub struct A;"}, "a -> b (B) -> a (A)"),
    "three files": (
        {"a": "use crate::b::B; pub struct A;", "b": "use crate::c::C; pub struct B;", "c": "use crate::a::A; pub struct C;"},
        "a -> b (B) -> c (C) -> a (A)",
    ),
    "a re-export": ({"lib": "mod a; mod b; mod c; pub use b::B;", "a": "use crate::B; pub struct A;"}, "a -> b (B) -> a (A)"),
    "a chain of re-exports": (
        {
            "a": "use crate::c::Last; pub struct A;",
            "b": "mod deep; pub use deep::B as Second;",
            "b/deep": "use crate::a::A; pub struct B;",
            "c": "pub use crate::b::Second as Last;",
        },
        "a -> b/deep (B) -> a (A)",
    ),
    "a re-export by glob": ({"a": "use crate::c::B; pub struct A;", "c": "pub use crate::b::*;"}, "a -> b (B) -> a (A)"),
    "globs that re-export each other": (
        {
            "a": "use crate::c::{B, Generated}; pub struct A;",
            "b": "use crate::a::A; pub use crate::c::*; pub struct B;",
            "c": "pub use crate::b::*;",
        },
        "a -> b (B) -> a (A)",
    ),
    "a re-exported module": (
        {"a": "use crate::c; pub struct A; fn g() { c::b::f() }", "c": "pub use crate::b;"},
        "a -> b (f) -> a (A)",
    ),
    "an import of the parent": (
        {
            "a": "pub mod child; use crate::b::B; pub struct A(B);",
            "a/child": "use super::B; pub struct Child;",
            "b": "use crate::a::child::Child; pub struct B;",
        },
        "a/child -> b (B) -> a/child (Child)",
    ),
    "a parent that uses its child": (
        {"a": "mod child; pub struct A(child::Child);", "a/child": "use super::A; pub struct Child;"},
        "a -> a/child (Child) -> a (A)",
    ),
    "a re-export that the parent uses": (
        {"a": "mod child; pub use child::Child; pub struct A(Child);", "a/child": "use super::A; pub struct Child;"},
        "a -> a/child (Child) -> a (A)",
    ),
    "a re-exported function that the parent calls": (
        {"a": "mod child; pub(crate) use child::run; pub struct A; fn g() { run() }", "a/child": "use super::A; pub fn run() {}"},
        "a -> a/child (run) -> a (A)",
    ),
    "a function that is named like a module": (
        {"lib": "mod a; mod b; mod c; pub fn b(_: a::A) {}", "a": "use crate::b; pub struct A; fn g() { b() }", "b": ""},
        "a -> lib (b) -> a (A)",
    ),
    "a module that is named like its item": (
        {"a": "use crate::b::b; pub struct A;", "b": "use crate::a::A; pub fn b() {}"},
        "a -> b (b) -> a (A)",
    ),
    "inner functions and methods, which are no items": (
        {"a": "use crate::c::f; pub struct A;", "c": "pub use crate::b::*; fn g() { fn f() {} } impl X { fn f() {} }"},
        "a -> b (f) -> a (A)",
    ),
    "a folder without a file": (
        {"lib": "mod a { pub mod x; } mod b; mod c;", "a/x": "use crate::b::B; pub struct A;", "b": "use crate::a::x::A; pub struct B;"},
        "a/x -> b (B) -> a/x (A)",
    ),
    "a binary": ({"main": "mod a; mod b; mod c;", "lib": "", "a": "use crate::b::B; pub struct A;"}, "a -> b (B) -> a (A)"),
}
# Sources in which there is no circle.
IN_ORDER = {
    "a parent that declares": {"a": "mod child; pub struct A;", "a/child": "use super::A; pub struct Child;"},
    "a parent that re-exports": {
        "a": "mod child; pub use child::Child; pub(crate) use child::run; pub struct A { run: u8 } fn g(a: A) { a.run() }",
        "a/child": "use super::A; pub struct Child; pub fn run() {}",
    },
    "a parent that re-exports by glob": {"a": "mod child; pub use child::*; pub struct A;", "a/child": "use super::A; pub struct Child;"},
    "siblings through their parent": {
        "a": "mod x; mod y; pub use y::A; use x::X; fn g(_: X) {}",
        "a/x": "use super::A; pub struct X;",
        "a/y": "pub struct A;",
    },
    "a re-export of another crate": {"a": "use crate::b::Value; pub struct A;", "b": "use crate::a::A; pub use serde_json::Value;"},
    "a crate that is named like a module": {"a": "use ::b::B; pub struct A; fn g() { ::b::f() }"},
    "a method that is named like a module": {"a": "pub struct A; fn g(x: u8) { x.b::<u8>() }"},
    "a module that is imported and not used": {"a": "use crate::b::{self}; pub struct A;"},
    "comments": {"a": "//! [`crate::b::B`]\n// use crate::b::B;\n/* crate::b::f() /* nested */ crate::b::f() */ pub struct A;"},
    "strings": {"a": 'pub struct A; const S: [&str; 3] = ["crate::b::f()", r##"use "# crate::b::B;"##, "\\"; crate::b::f()"];'},
    "a string in an attribute": {"a": '#[serde(rename = "crate::b::B")] pub struct A;'},
    "a string that is assigned": {"a": 'pub struct A; fn g() { let with = "crate::b"; let from = "crate::b::f"; }'},
    "a visibility": {"a": "pub(in crate::b) struct A;"},
    "a test module": {"a": "pub struct A; #[cfg(test)] mod tests { use super::*; use crate::b::B; fn g() { crate::b::f() } }"},
    "a test module in its own file": {
        "a": "#[cfg(test)] mod tests; pub struct A;",
        "a/tests": "use crate::b::B; mod more;",
        "a/tests/more": "use crate::b::B;",
    },
    "a test module under a condition": {"a": "pub struct A; #[cfg(all(test, unix))] mod tests { use crate::b::B; }"},
    "a test": {"a": "pub struct A; #[test] #[cfg(unix)] fn t<X, Y>() -> [u8; 4] { crate::b::f() }"},
    "an import, a field and a statement for tests": {
        "a": """
            #[cfg(test)] pub(crate) use crate::b::{B};
            pub struct A { #[cfg(test)] x: Vec<crate::b::B>, y: u8 }
            fn g() { #[cfg(test)] crate::b::f(); }
        """
    },
    "two crates": {"lib": "pub mod a; mod c;", "main": "mod b; fn main() {}", "a": "pub struct A;", "b": "use wardroom::a::A;"},
}
LONG = "//! A.\n" + "\n" * rules.MAX_LINES
# Files, the table of longer ones, and what is wrong.
FILES = [
    ({"a.rs": "use b::B;\n"}, {}, "a.rs: expected a //! comment at the top that says what the file is"),
    ({"a.rs": LONG}, {}, "a.rs: 401 lines, at most 400 allowed: split it by noun or use case, or name it in LONGER with a reason"),
    ({"a.rs": LONG[:-1]}, {}, None),
    ({"a.rs": LONG}, {"a.rs": ""}, "a.rs: named in LONGER without a reason"),
    ({"a.rs": LONG[:-1]}, {"a.rs": "One table."}, "a.rs: named in LONGER but has 400 lines: remove it there"),
    ({}, {"a.rs": "One table."}, "a.rs: named in LONGER but has 0 lines: remove it there"),
    ({"a.rs": "//! A.\nfn f() { todo!() }\n"}, {}, "a.rs: todo! left in the code"),
    ({"a.rs": '//! A.\nfn f() { unimplemented!{"x"} }\n'}, {}, "a.rs: unimplemented! left in the code"),
    ({"a.rs": LONG, "b.rs": '//! Not todo!().\nfn todo() { log!("todo!()") }\n'}, {"a.rs": "One table."}, None),
]
# What the workspace names for all, what is locked, and for a crate its manifest, and what is wrong.
SHARED = '[workspace.dependencies]\nhttp-server = { package = "axum" }\nrows = { package = "wardroom-store" }\n'
LOCK = {"client": "hyper 1.0.0", "hyper": "tokio", "wardroom-store": "sqlx", "sqlx": "tokio"}
MANIFESTS = [
    ("domain", "[dependencies]\nwardroom-base.workspace = true", "wardroom-domain must not depend on wardroom-base"),
    ("domain", "[dev-dependencies]\nwardroom-base.workspace = true", "wardroom-domain must not depend on wardroom-base"),
    ("store", '[dependencies]\nx = { package = "wardroom-engine" }', "wardroom-store must not depend on wardroom-engine"),
    ("runtime", "[target.'cfg(unix)'.dependencies]\nwardroom-store = {}", "wardroom-runtime must not depend on wardroom-store"),
    ("http", "[dependencies]\nwardroom-store.workspace = true", "wardroom-http must not depend on wardroom-store"),
    ("domain", '[dependencies]\ntokio = "1"', "wardroom-domain must not reach tokio: wardroom-domain -> tokio"),
    ("domain", '[dependencies]\nclient = "1"', "wardroom-domain must not reach hyper: wardroom-domain -> client -> hyper"),
    ("domain", "[dependencies]\nhttp-server.workspace = true", "wardroom-domain must not reach axum: wardroom-domain -> axum"),
    ("http", "[dependencies]\nrows = { workspace = true }", "wardroom-http must not depend on wardroom-store"),
    ("wardroom", "[dependencies]\nwardroom-plugin-sdk.workspace = true", "wardroom must not depend on wardroom-plugin-sdk"),
    ("wardroom", "[dependencies]\nwardroom-engine.workspace = true\nrows.workspace = true", None),
    ("engine", '[build-dependencies]\nsqlx = "1"', "wardroom-engine must not reach sqlx: wardroom-engine -> sqlx"),
    ("engine", "[dependencies]\nwardroom-store.workspace = true\nwardroom-domain.workspace = true", None),
    ("new", "", "wardroom-new has no entry in MAY_USE"),
    ("plugin-x", "[dependencies]\nwardroom-domain.workspace = true", "wardroom-plugin-x must not depend on wardroom-domain"),
    ("tests", "[dependencies]\nwardroom-store.workspace = true", None),
    ("plugin-x", "[dependencies]\nwardroom-plugin-sdk.workspace = true", None),
]


def run():
    """Runs every case and returns how many there are."""
    for name, (sources, wanted) in CIRCLES.items():
        found = list(rules.imports(crate(sources)))
        assert len(found) == 1 and in_full(wanted) in found[0], (name, wanted, found)
    for name, sources in IN_ORDER.items():
        found = [*rules.imports(crate(sources)), *crate(sources).stray()]
        assert not found, (name, found)
    for sources, longer, wanted in FILES:
        found = list(rules.files(sources, longer))
        assert (wanted in found) if wanted else not found, (wanted, found)
    for name, manifest, wanted in MANIFESTS:
        found = [line.split(": ", 1)[1] for line in rules.dependencies(workspace(name, manifest))]
        assert (wanted in found) if wanted else not found, (wanted, found)
    others = [packages, files_without_modules, components_apart, long_lists, what_to_move, layers_before_crates, engine_functions]
    for case in others:
        case()
    return sum(map(len, (CIRCLES, IN_ORDER, FILES, MANIFESTS, others)))


def crate(sources):
    """A package with a case's sources."""
    usual = {name: text for name, text in USUAL.items() if name not in sources}
    return package({f"src/{name}.rs": text for name, text in (sources | usual).items()})


def package(sources):
    return Package("", {"package": {"name": "wardroom"}}, sources)


def in_full(circle):
    """`a -> b (B)` with the paths of the files."""
    return re.sub(r"(^|-> )([\w/]+)", r"\1src/\2.rs", circle)


def workspace(name, manifest):
    """A tree that has every crate of the tables, one of them with the given dependencies."""
    names = [*rules.MAY_USE, name if name in rules.MAY_USE else f"wardroom-{name}"]
    manifests = {f"host/{other.removeprefix('wardroom-')}/Cargo.toml": f'[package]\nname = "{other}"\n' for other in names}
    planted = manifests.pop(f"host/{name}/Cargo.toml")
    manifests[f"{name}/Cargo.toml" if name == "tests" else f"host/{name}/Cargo.toml"] = planted + manifest
    manifests["Cargo.toml"] = SHARED
    lock = "".join(f'[[package]]\nname = "{package}"\ndependencies = ["{needs}"]\n' for package, needs in LOCK.items())
    return Tree({}, manifests, lock)


def packages():
    """A file belongs to the package with the deepest folder; libraries and binaries are crates, integration tests are not."""
    manifest = '[package]\nname = "{}"\n[[bin]]\nname = "x"\npath = "x/main.rs"\n[[test]]\nname = "y"\npath = "y/main.rs"\n'
    host = [f"host/{path}.rs" for path in ("src/bin/one", "src/bin/two/main", "src/bin/two/part", "src/lib", "src/main", "x/main")]
    sources = dict.fromkeys([*host, "host/y/main.rs", "host/base/src/lib.rs", "build.rs"], "")
    sources["host/src/bin/two/main.rs"] = "mod part;"
    tree = Tree(sources, {"Cargo.toml": "[workspace]\n", **{f"{name}/Cargo.toml": manifest.format(name) for name in ("host", "host/base")}})
    found = {package.name: sorted(file for crate in package.crates for file in crate.files) for package in tree.packages}
    assert found == {"host": host, "host/base": ["host/base/src/lib.rs"]}, found


def files_without_modules():
    """A file that no module declares, and a module without a file, escape the other rules: both are violations."""
    found = list(package({"src/lib.rs": "mod a;", "src/b.rs": "", "src/a/c.rs": ""}).stray())
    assert found == [
        "src/lib.rs: mod a: expected src/a.rs or src/a/mod.rs, found neither",
        "src/b.rs: no module declares it",
        "src/a/c.rs: no module declares it",
    ], found


def components_apart():
    """Two circles that share no file are two violations; what hangs between them belongs to neither."""
    arrows = {(source, target): {"X"} for source, target in ["ab", "ba", "bm", "my", "yz", "zx", "xy", "pq", "qp", "qa"]}
    assert circles.components(arrows) == [["a", "b"], ["p", "q"], ["x", "y", "z"]]
    assert sorted(circles.within(["p", "q"], arrows)) == [("p", "q"), ("q", "p")]
    assert circles.shortest(["x", "y", "z"], arrows) == ["x", "y", "z", "x"]


def long_lists():
    """Of many names three are shown."""
    arrows = {("a", "b"): {"S", "Q", "R", "P"}, ("b", "a"): {"X", "Y", "Z"}}
    assert circles.drawn(["a", "b", "a"], arrows) == "a -> b (P, Q, R and 1 more) -> a (X, Y, Z)"


def what_to_move():
    """Of a circle with one item on one side and many on the other, the one is what to move."""
    arrows = {("a", "b"): {"P", "Q"}, ("b", "c"): {"R", "S"}, ("c", "a"): {"Shared"}, ("b", "a"): {"Shared"}}
    assert circles.backward(["a", "b", "c"], arrows) == {edge: {"Shared"} for edge in [("c", "a"), ("b", "a")]}


def layers_before_crates():
    """The modules of a single crate are counted as the layers they became, and only circles within a layer."""
    sources = {
        "host/src/lib.rs": "mod plugin; mod clock;",
        "host/src/clock.rs": "use crate::plugin::P; pub struct C;",
        "host/src/plugin/mod.rs": "mod x; use crate::clock::C; pub struct P(x::X);",
        "host/src/plugin/x.rs": "use super::P; pub struct X;",
    }
    tree = Tree(sources, {"host/Cargo.toml": '[package]\nname = "wardroom"\n'})
    found = {name: (len(files), circles.components(arrows)) for name, files, arrows in report.parts(tree)}
    assert found == {
        "wardroom": (1, []),
        "wardroom-base": (1, []),
        "wardroom-runtime": (2, [["host/src/plugin/mod.rs", "host/src/plugin/x.rs"]]),
    }, found


def engine_functions():
    """Functions of `impl Engine` are counted, those of traits and those within functions are not."""
    source = """
        impl Engine { pub fn a() { fn inner() {} } pub(crate) fn b() {} pub async fn c<T: Fn(u8)>() where T: X {} fn d() {} fn e() {} }
        impl Clone for Engine { fn clone() {} }
        #[cfg(test)] impl Engine { pub fn f() {} }
    """
    manifests = {"host/engine/Cargo.toml": '[package]\nname = "wardroom-engine"\n', "host/domain/Cargo.toml": ""}
    tree = Tree({"host/engine/src/lib.rs": source}, manifests)
    assert next(iter(report.engine(tree))) == "impl Engine: 2 public functions, 5 in all, in 1 files"
