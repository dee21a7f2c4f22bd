"""Which modules a project has, by the layout of its files, what each of them offers, and which names a file lacks."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import PurePath

from quantatissu.rewriting import stdlib
from quantatissu.rewriting.facts import names_at
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import BUILTIN_NAMES, Source

_ROOTS = ("src", "lib", "python")


@dataclass(frozen=True)
class Layout:
    """The modules of a project: dotted name -> source, and the reverse by path."""

    sources: dict[str, Source]
    names: dict[str, str]
    packages: frozenset[str]

    def package_of(self, source: Source) -> str:
        """The package that relative imports in a file start from ('' at the top)."""
        name = self.names.get(source.path, "")
        return name if PurePath(source.path).name == "__init__.py" else name.rpartition(".")[0]

    def resolve(self, source: Source, module: str, level: int) -> str | None:
        """The dotted name that `from <level dots><module> import` means in a file; None when it climbs too high."""
        if not level:
            return module
        parts = self.package_of(source).split(".") if self.package_of(source) else []
        if level - 1 > len(parts) - 1:
            return None
        base = parts[: len(parts) - (level - 1)]
        return ".".join([*base, *([module] if module else [])])

    def exists(self, module: str) -> bool:
        return module in self.sources or module in self.packages

    def members(self, module: str) -> frozenset[str] | None:
        """The names a module offers, submodules included; None when the module is not known here."""
        inside = {name.removeprefix(f"{module}.") for name in (*self.sources, *self.packages)
                  if name.startswith(f"{module}.")}  # fmt: skip
        children = {name for name in inside if "." not in name}
        if module in self.sources:
            tree = self.sources[module].tree
            star = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in tree.body)
            return None if star else frozenset(self.sources[module].bindings(tree)) | children
        if module in self.packages:
            return frozenset(children)
        return stdlib.members(module) or None


def layout_of(project: Project) -> Layout:
    """The project's modules, worked out once for its present list of files."""
    cached: tuple[int, Layout] | None = project.__dict__.get("_layout")
    if cached is None or cached[0] != len(project.sources):
        cached = (len(project.sources), _layout(project))
        project.__dict__["_layout"] = cached
    return cached[1]


def _layout(project: Project) -> Layout:
    paths = [PurePath(source.path) for source in project.sources]
    packages = {path.parent for path in paths if path.name == "__init__.py"}
    parents = [path.parent.parts for path in paths]
    shared = 0
    while parents and all(len(parts) > shared and parts[shared] == parents[0][shared] for parts in parents):
        shared += 1
    common = PurePath(*parents[0][:shared]) if parents and shared else PurePath()
    while common in packages and common != common.parent:
        common = common.parent
    sources: dict[str, Source] = {}
    names: dict[str, str] = {}
    for source, path in zip(project.sources, paths, strict=True):
        root = path.parent
        if root in packages:
            while root in packages and root != root.parent:
                root = root.parent
            parts = path.relative_to(root).parts
        else:
            parts = path.relative_to(common).parts if path.is_relative_to(common) else path.parts[-1:]
            for marker in _ROOTS:
                if marker in parts[:-1]:
                    parts = parts[parts.index(marker) + 1 :]
        dotted = ".".join(parts).removesuffix(".py").removesuffix(".__init__")
        sources.setdefault(dotted, source)
        names[source.path] = dotted
    inner = {name.rpartition(".")[0] for name in sources if "." in name}
    every = {".".join(name.split(".")[: index + 1]) for name in inner for index in range(name.count(".") + 1)}
    return Layout(sources, names, frozenset(every))


def definitions_of(project: Project) -> dict[str, list[tuple[str, str]]]:
    """Top-level names of the project's modules -> (module, kind of binding), definitions before imports."""
    cached: tuple[int, dict[str, list[tuple[str, str]]]] | None = project.__dict__.get("_definitions")
    if cached is None or cached[0] != len(project.sources):
        table: dict[str, list[tuple[str, str]]] = {}
        for module, source in layout_of(project).sources.items():
            for name, kind in source.bindings(source.tree).items():
                table.setdefault(name, []).append((module, kind))
        for places in table.values():
            places.sort(key=lambda place: (place[1] == "import", place[0].count("."), place[0]))
        cached = (len(project.sources), table)
        project.__dict__["_definitions"] = cached
    return cached[1]


def similar(wanted: str, names: object, *, at_least: float = 0.7) -> list[tuple[str, float]]:
    """The names spelled most like one, each with a cost that is 0 for an equal one: best first, at most five."""
    found = []
    assert hasattr(names, "__iter__")
    for name in names:
        if abs(len(name) - len(wanted)) > 4 or name == wanted:
            continue
        ratio = SequenceMatcher(None, wanted.lower(), name.lower()).ratio()
        if ratio >= at_least:
            found.append((name, round(4.0 * (1.0 - ratio), 3)))
    return sorted(found, key=lambda item: (item[1], item[0]))[:5]


def undefined_names(source: Source) -> dict[str, int]:
    """Names the file reads but nothing in it binds, with the first line that reads each.

    Empty when a star import may bind anything.
    """
    cached: dict[str, int] | None = source.__dict__.get("_undefined")
    if cached is not None:
        return cached
    found: dict[str, int] = {}
    declared: set[str] = set()
    star = False
    for node in source.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            name = node.id
            if name not in BUILTIN_NAMES and not name.startswith("__") and name not in names_at(source, node):
                found.setdefault(name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            star = star or any(alias.name == "*" for alias in node.names)
        elif isinstance(node, ast.Global):
            declared.update(node.names)
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            declared.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            declared.add(node.rest)
    result = {} if star else {name: line for name, line in found.items() if name not in declared}
    source.__dict__["_undefined"] = result
    return result
