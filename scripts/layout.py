#!/usr/bin/env python3
"""Checks the rules of the source tree that the compiler does not check. The rules are in `layout/rules.py`.

Exits 1 with one line for each violation. `--self-test` proves that each rule finds a planted violation.
"""
import argparse
import sys
from pathlib import Path

from layout import report, rules, self_test, tree

REPOSITORY = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description="Check the layout of the source tree.")
    parser.add_argument("root", nargs="?", default=REPOSITORY, help="repository to look at (default: this one)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--self-test", action="store_true", help="prove that each rule finds a planted violation")
    mode.add_argument("--circles", action="store_true", help="list all import circles with the items to move, and exit 0")
    mode.add_argument("--report", action="store_true", help="print files, lines, circles and functions of the engine, and exit 0")
    options = parser.parse_args()
    if options.self_test:
        print(f"{self_test.run()} cases hold")
        return 0
    found = tree.read(options.root)
    if options.circles or options.report:
        print("\n".join(report.circles_left(found) if options.circles else report.figures(found)))
        return 0
    violations = list(rules.violations(found))
    print("\n".join(violations) if violations else f"{len(found.sources)} files in {len(found.packages)} packages in order")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
