"""Counts what makes the package easy or hard to live in: modules, lines, names, type hints, and imports between rooms.

    .venv/bin/python tools/house.py            # the counts
    .venv/bin/python tools/house.py --list     # and each name, function and import behind them

Rooms stand in docs/architecture.md from the ground up; a module imports from its own room and from those below it.
"""

from __future__ import annotations

import argparse
import ast
import io
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

PACKAGE = "animegan3_tf"
ROOMS = (  # from the ground up: (room, its packages and modules)
    ("common", "common __init__"),
    ("layers", "layers"),
    ("losses, filters", "losses filters"),
    ("networks", "networks"),
    ("models", "models"),
    ("styles", "styles"),
    ("data", "data"),
    ("training", "training"),
    ("stylizer, export", "stylizer export"),
    ("evaluation, comparison, study, inspection", "evaluation comparison study inspection"),
    ("reports", "reports"),
    ("demo, commands, cli", "demo commands cli __main__"),
)


@dataclass
class House:
    """What was counted.

    Attributes:
        lines: {module: lines of its file}, without `__init__`.
        code: Lines of code, without docstrings, comments and blank lines.
        twins: {public class or function: the modules that define it}, of those that several define.
        unhinted: Public functions and methods that lack a hint, as module.name.
        climbing: Imports from a room further up, as "module imports module".
    """

    lines: dict[str, int] = field(default_factory=dict)
    code: int = 0
    twins: dict[str, list[str]] = field(default_factory=dict)
    unhinted: list[str] = field(default_factory=list)
    climbing: list[str] = field(default_factory=list)


def count(root: Path) -> House:
    """Reads the package.

    Args:
        root: Folder that holds `animegan3_tf`.

    Returns:
        The counts.
    """
    house, defined = House(), defaultdict(list)
    for path in sorted((root / PACKAGE).rglob("*.py")):
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        house.code += code_lines(source, tree)
        if module != f"{PACKAGE}.__init__":  # the public names, which load on first use, come from all rooms
            house.climbing += climbing_imports(module.removesuffix(".__init__"), tree)
        if path.name == "__init__.py":
            continue
        house.lines[module] = source.count("\n")
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                defined[node.name].append(module)
        house.unhinted += [f"{module}.{name}" for name, node in public_functions(tree) if not has_all_hints(node)]
    house.twins = {name: modules for name, modules in sorted(defined.items()) if len(modules) > 1}
    return house


def code_lines(source: str, tree: ast.Module) -> int:
    """Counts the lines of a module that hold code: no docstring, comment or blank line."""
    quiet = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    held = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in quiet:
            held |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            held -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(held)


def public_functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yields (name, node) of a module's public functions and of its public classes' public methods."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and (not part.name.startswith("_") or part.name == "__init__"):
                    yield f"{node.name}.{part.name}", part


def has_all_hints(node: ast.FunctionDef) -> bool:
    """Tells whether a function hints each argument, but for self and cls, and what it returns."""
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return node.returns is not None and all(one.annotation for one in named if one.arg not in ("self", "cls"))


def climbing_imports(module: str, tree: ast.Module) -> list[str]:
    """Lists a module's imports of rooms further up, those within functions included."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
            if node.module == PACKAGE:
                names = [f"{PACKAGE}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] == PACKAGE and floor(name) > floor(module):
                found.append(f"{module} imports {name}")
    return found


def floor(module: str) -> int:
    """Finds the number of a module's room, from the ground up.

    Args:
        module: Its full name, or that of a name in the package's own `__init__`.

    Returns:
        The number, from 0.
    """
    part = [*module.split("."), "__init__"][1]
    floors = [number for number, (_, parts) in enumerate(ROOMS) if part in parts.split()]
    return floors[0] if floors else 0


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="name each")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help="folder of the checkout")
    options = parser.parse_args(arguments)
    house = count(options.root)
    print(f"modules (without __init__)         {len(house.lines):,}")
    print(f"their median lines                 {median(house.lines.values()):,.0f}")
    print(f"lines of code                      {house.code:,}")
    print(f"public names in several modules    {len(house.twins):,}")
    print(f"public functions without all hints {len(house.unhinted):,}")
    print(f"imports from rooms further up      {len(house.climbing):,}")
    if options.list:
        for name, modules in house.twins.items():
            print(f"{name}: {', '.join(modules)}")
        print(*house.unhinted, *house.climbing, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
