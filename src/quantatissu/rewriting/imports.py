"""Import repair: the import a name lacks, misspelt modules and members, relative levels, circular imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.rewriting import stdlib
from quantatissu.rewriting.blocks import (
    Edits,
    insert_after,
)
from quantatissu.rewriting.edits import Edit, Rewrite
from quantatissu.rewriting.facts import names_at
from quantatissu.rewriting.import_forms import ImportNode, add_import_line, made_local
from quantatissu.rewriting.modules import definitions_of, layout_of, similar, undefined_names
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.shared_names import repeated_definitions, together
from quantatissu.rewriting.source import BUILTIN_NAMES, Source, Statement

MAX_IMPORTS = 12
Ranked = list[tuple[str, float]]

# Names by which packages are known that are called something else.
_ALIASES = {
    "np": "import numpy as np", "pd": "import pandas as pd", "plt": "import matplotlib.pyplot as plt",
    "nx": "import networkx as nx", "sns": "import seaborn as sns", "tf": "import tensorflow as tf",
    "sp": "import scipy as sp", "sa": "import sqlalchemy as sa", "mp": "import multiprocessing as mp",
    "dt": "import datetime as dt", "ET": "import xml.etree.ElementTree as ET", "mock": "from unittest import mock",
    "pickle": "import pickle", "t": "import typing as t", "tp": "import typing as tp",
}  # fmt: skip
# Modules that have moved: old name -> new one.
_MOVED = {
    "ConfigParser": "configparser", "Queue": "queue", "StringIO": "io", "cStringIO": "io", "cPickle": "pickle",
    "__builtin__": "builtins", "urllib2": "urllib.request", "urlparse": "urllib.parse", "httplib": "http.client",
    "HTMLParser": "html.parser", "Cookie": "http.cookies", "cookielib": "http.cookiejar", "thread": "_thread",
    "SocketServer": "socketserver", "itertools.izip": "zip", "commands": "subprocess", "copy_reg": "copyreg",
    "tomli": "tomllib", "importlib_metadata": "importlib.metadata", "importlib_resources": "importlib.resources",
    "typing_extensions": "typing", "collections": "collections.abc", "imp": "importlib", "simplejson": "json",
    "fractions": "math", "mock": "unittest.mock",
}  # fmt: skip


def repair_undefined_name(source: Source, name: str, project: Project) -> Iterator[Rewrite]:
    """Rewrites that give an undefined name a meaning by an import, most likely first.

    New imports (as the project, its modules or the standard library offer the name), a longer `from` import, a
    corrected spelling in an existing import, and qualifying the name by a module that is imported already.
    """
    line = undefined_names(source).get(name, 1)
    seen: set[Edits] = set()
    found: list[tuple[float, int, Edits]] = []
    for text, cost in _imports_for(source, name, project):
        for edits, more in _with_import(source, text):
            found.append((cost + more, len(found), edits))
    for edits, cost in [
        *_respelt_imports(source, name, project),
        *_qualified(source, name, project),
        *repeated_definitions(source, name, project),
    ]:
        found.append((cost, len(found), edits))
    for cost, _, edits in sorted(found)[:MAX_IMPORTS]:
        if edits and edits not in seen:
            seen.add(edits)
            yield Rewrite("import_missing", edits, line, cost)


def _imports_for(source: Source, name: str, project: Project) -> Ranked:
    """Import statements that would bind a name: (text, cost), most likely first."""
    found: dict[str, float] = {}

    def offer(text: str, cost: float) -> None:
        found[text] = min(cost, found.get(text, 99.0))

    for text, count in project.imports.items():
        if text.endswith((f"import {name}", f" as {name}")) and not text.startswith("from ."):
            offer(text, 0.0 if count > 1 else 0.1)
        elif text.startswith(f"import {name}."):
            offer(f"import {name}", 0.6)
    layout = layout_of(project)
    here = layout.names.get(source.path, "")
    relative = any(isinstance(node, ast.ImportFrom) and node.level for node in source.tree.body)
    for module, kind in definitions_of(project).get(name, [])[:4]:
        if module != here:
            for text, cost in _from_imports(layout.package_of(source), module, name, relative):
                offer(text, cost + (1.0 if kind == "import" else 0.2))
                offer(text.removesuffix(name) + together(source, name, module, project), cost + 0.15)
    for module in layout.sources:
        head, _, tail = module.rpartition(".")
        if tail == name and module != here:
            for text, cost in _from_imports(layout.package_of(source), head, name, relative):
                offer(text if head else f"import {name}", cost + 0.3)
    if name in stdlib.MODULES:
        offer(f"import {name}", 0.1)
    for index, module in enumerate(stdlib.homes(name)):
        offer(f"from {module} import {name}", 0.15 + 0.5 * index)
        offer(f"from {module} import {together(source, name, module, project)}", 0.12 + 0.5 * index)
    if name in _ALIASES:
        offer(_ALIASES[name], 0.8)
    return sorted(found.items(), key=lambda item: (item[1], item[0]))


def _from_imports(package: str, module: str, name: str, relative: bool) -> Ranked:
    """`from module import name`, absolute and, inside one package, relative."""
    found: Ranked = []
    top = package.partition(".")[0]
    if module:
        found.append((f"from {module} import {name}", 0.5 if relative and package else 0.0))
    if package and (module == top or module.startswith(f"{top}.")):
        found.append((f"from {relative_to(package, module)} import {name}", 0.0 if relative else 0.5))
    return found


def relative_to(package: str, module: str) -> str:
    """A module's name as a relative import in a package spells it: `.a`, `..b.c`, `.`."""
    mine, theirs = package.split("."), module.split(".")
    shared = 0
    while shared < min(len(mine), len(theirs)) and mine[shared] == theirs[shared]:
        shared += 1
    return "." * (len(mine) - shared + 1) + ".".join(theirs[shared:])


def _with_import(source: Source, text: str) -> Iterator[Change]:
    """The edits that add an import statement: into a `from` import of the same module, or on a line of its own."""
    origin, _, member = text.removeprefix("from ").partition(" import ")
    if text.startswith("from ") and " as " not in member:
        for node in source.tree.body:
            if not isinstance(node, ast.ImportFrom) or node.names[0].name == "*":
                continue
            if "." * node.level + (node.module or "") == origin:
                end = source.span(node.names[-1])[1]
                yield (Edit(end, end, f", {member}"),), 0.0
                return
    if edits := add_import_line(source, text):
        yield edits, 0.1


def _respelt_imports(source: Source, name: str, project: Project) -> Iterator[Change]:
    """Existing imports that bind nearly this name: correct the member, or the name it is imported as."""
    used = {node.id for node in source.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for node in source.statements:
        if not isinstance(node, ImportNode):
            continue
        for alias in node.names:
            bound = alias.asname or alias.name
            if "." in bound or bound in used or not similar(name, [bound], at_least=0.5):
                continue
            if isinstance(node, ast.ImportFrom) and not alias.asname:
                yield (Edit(*source.span(alias), name),), 0.3
            yield (Edit(*source.span(alias), f"{alias.name} as {name}"),), 0.9


def _qualified(source: Source, name: str, project: Project) -> Iterator[Change]:
    """`sqrt(x)` -> `math.sqrt(x)` at every use, for imported modules that have such a member."""
    uses = tuple(
        node for node in source.nodes
        if isinstance(node, ast.Name) and node.id == name and source.text.startswith(name, source.span(node)[0])
    )  # fmt: skip
    layout = layout_of(project)
    for node in source.tree.body:
        if not isinstance(node, ast.Import):
            continue
        for alias in node.names:
            members = layout.members(alias.name)
            if members is not None and name in members and uses and all(isinstance(use.ctx, ast.Load) for use in uses):
                prefix = f"{alias.asname or alias.name}."
                starts = sorted({source.span(use)[0] for use in uses})
                yield tuple(Edit(start, start, prefix) for start in starts), 0.2


def repair_import(
    source: Source, place: Statement | int, project: Project, missing_name: str | None = None
) -> Iterator[Rewrite]:
    """Rewrites of an import statement that fails, most likely first.

    `place` is the statement or its line; `missing_name` is what the error message names (a module or a member), when
    known. Without it everything the statement imports is checked against what the modules are known to offer.
    """
    if isinstance(place, int):
        nodes = [node for node in source.statements_on(place) if isinstance(node, ImportNode)]
    else:
        nodes = [place] if isinstance(place, ImportNode) else []
    found: list[tuple[float, int, int, Edits]] = []
    for node in nodes:
        for edits, cost in _import_changes(source, node, project, missing_name):
            found.append((cost, len(found), node.lineno, edits))
    seen: set[Edits] = set()
    for cost, _, line, edits in sorted(found):
        if edits and edits not in seen:
            seen.add(edits)
            yield Rewrite("import_repair", edits, line, cost)


def _import_changes(source: Source, node: ImportNode, project: Project, missing: str | None) -> Iterator[Change]:
    layout = layout_of(project)
    if isinstance(node, ast.Import):
        for alias in node.names:
            if missing in (None, alias.name) or (missing or "").startswith(alias.name.partition(".")[0]):
                yield from _module_changes(source, node, alias.name, project, missing is not None)
        return
    module = layout.resolve(source, node.module or "", node.level)
    written = "." * node.level + (node.module or "")
    members = layout.members(module) if module else None
    unknown_module = module is None or (members is None and not layout.exists(module or ""))
    if unknown_module or (missing and missing.partition(".")[0] == (node.module or "").partition(".")[0]):
        yield from _module_changes(source, node, written, project, missing is not None)
    for alias in node.names:
        absent = members is not None and alias.name not in members
        if alias.name == "*" or not (missing == alias.name or (missing is None and absent)):
            continue
        yield from _member_changes(source, node, alias, members or frozenset(), project)
    yield from _level_changes(source, node, project)


def _module_span(source: Source, node: ast.ImportFrom) -> tuple[int, int] | None:
    """(start, end) of the dots and the module's name in a `from` import."""
    start = source.span(node)[0]
    match = re.compile(r"from[ \t]*((?:\.[ \t]*)*[\w.]*)").match(source.text, start)
    return match.span(1) if match is not None and match.group(1).strip() else None


def _put_module(source: Source, node: ast.ImportFrom, name: str) -> Edits:
    span = _module_span(source, node)
    if span is None:
        return ()
    end = span[0] + len(source.text[slice(*span)].rstrip())
    blank = "" if source.text[span[0] - 1] in " \t" else " "
    return (Edit(span[0], end, blank + name + ("" if source.text[end : end + 1] in " \t" else " ")),)


def _module_changes(source: Source, node: ImportNode, written: str, project: Project, failed: bool) -> Iterator[Change]:
    """Other modules for one that is not there: spelling neighbours, relative and absolute forms, moved modules."""
    layout = layout_of(project)
    name = written.lstrip(".")
    known = not written.startswith(".") and (stdlib.members(name) or layout.exists(name))
    if known and not failed:
        return
    doubt = 0.0 if failed else 1.5  # a module that is not known here may well be installed
    package = layout.package_of(source)
    options: dict[str, float] = {}
    seen_elsewhere = {text.split()[1] for text in project.imports} - {written}
    for other, cost in similar(name, {*layout.sources, *layout.packages, *seen_elsewhere, *stdlib.MODULES}):
        options.setdefault(other, cost)
    head, _, tail = name.rpartition(".")
    for other in layout.sources:
        if other != name and (other.endswith(f".{name}") or (tail and other.rpartition(".")[2] == tail)):
            options.setdefault(other, 0.2)
            if isinstance(node, ast.ImportFrom) and package and other.partition(".")[0] == package.partition(".")[0]:
                options.setdefault(relative_to(package, other), 0.1)
    for other, cost in similar(tail, {module.rpartition(".")[2] for module in layout.sources}):
        for module in layout.sources:
            if module.rpartition(".")[2] == other and module.rpartition(".")[0].endswith(head):
                options.setdefault(relative_to(package, module) if written.startswith(".") else module, cost + 0.2)
    if name in _MOVED:
        options.setdefault(_MOVED[name], 0.0)
    for other, likely in sorted(options.items(), key=lambda item: (item[1], item[0]))[:8]:
        cost = likely + doubt
        if other == written:
            continue
        if isinstance(node, ast.ImportFrom):
            yield _put_module(source, node, other), cost
        else:
            alias = next(alias for alias in node.names if alias.name == written)
            start = source.span(alias)[0]
            bound = alias.asname or ("" if other.startswith(".") else name)
            suffix = "" if alias.asname or "." in bound or bound == other else f" as {bound}"
            yield (Edit(start, start + len(written), other + suffix),), cost
            if suffix and name not in undefined_names(source):
                yield (Edit(start, start + len(written), other),), cost + 0.3
    if isinstance(node, ast.Import) and len(node.names) == 1 and package and f"{package}.{name}" in layout.sources:
        yield (Edit(*source.span(node), f"from . import {name}"),), 0.0


def _member_changes(
    source: Source, node: ast.ImportFrom, alias: ast.alias, members: frozenset[str], project: Project
) -> Iterator[Change]:
    """Other members, other modules that have the member, and a later import, for `from module import member`."""
    name, layout = alias.name, layout_of(project)
    span = source.span(alias)
    undefined = undefined_names(source)
    for other, cost in similar(name, members, at_least=0.6):
        kept = f" as {alias.asname}" if alias.asname else ""
        if other in undefined or alias.asname:
            yield (Edit(*span, other + kept),), 0.5 * cost
            continue
        yield (Edit(*span, f"{other} as {name}"),), cost + 0.2
        renamed = _rename_uses(source, name, other)
        if renamed is not None and other not in names_at(source, node):
            yield (Edit(*span, other), *renamed), cost
    options: dict[str, float] = {}
    relative = node.level > 0
    for module, kind in definitions_of(project).get(name, []):
        for text, cost in _from_imports(layout.package_of(source), module, name, relative):
            options.setdefault(text.split()[1], cost + (0.8 if kind == "import" else 0.1))
    for module in stdlib.homes(name):
        options.setdefault(module, 0.2)
    if node.module and not node.level and name in stdlib.members(f"{node.module}.abc"):
        options[f"{node.module}.abc"] = 0.0
    here = layout.names.get(source.path)
    for text, cost in sorted(options.items(), key=lambda item: (item[1], item[0]))[:6]:
        if text in ("." * node.level + (node.module or ""), here):
            continue
        if len(node.names) == 1:
            yield _put_module(source, node, text), cost
        else:
            yield (*_drop_alias(source, node, alias), *insert_after(source, node, f"from {text} import {name}")), cost
    yield from made_local(source, node)


def _rename_uses(source: Source, name: str, other: str) -> Edits | None:
    """Edits that rename every use of a name in a file; None when one of them cannot be found in the text."""
    uses = sorted({
        source.span(part) for part in source.nodes if isinstance(part, ast.Name) and part.id == name
    })  # fmt: skip
    if any(source.text[start:end] != name for start, end in uses):
        return None
    return tuple(Edit(start, end, other) for start, end in uses)


def _drop_alias(source: Source, node: ast.ImportFrom, alias: ast.alias) -> Edits:
    index = next(i for i, member in enumerate(node.names) if member is alias)
    if index:
        return (Edit(source.span(node.names[index - 1])[1], source.span(alias)[1], ""),)
    return (Edit(source.span(alias)[0], source.span(node.names[1])[0], ""),)


def _level_changes(source: Source, node: ast.ImportFrom, project: Project) -> Iterator[Change]:
    """One dot more or less, and the absolute form of a relative import and the reverse, where the result exists."""
    layout = layout_of(project)
    package = layout.package_of(source)
    module = node.module or ""
    if not package:
        return
    for level in (node.level - 1, node.level + 1):
        target = layout.resolve(source, module, level) if level > 0 or (level == 0 and module) else None
        if target is not None and layout.exists(target):
            members = layout.members(target)
            fits = members is None or all(alias.name in members for alias in node.names)
            yield _put_module(source, node, "." * level + module), 0.3 if fits else 2.0


# -- rows of the table ----------------------------------------------------------------------------------------------


@operator("import_missing", ast.Name, family="import", prior=-1.4, inverse="delete_statement")
def import_missing(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Import a name that nothing in the file binds."""
    assert isinstance(node, ast.Name)
    if node.id in BUILTIN_NAMES or node.id.startswith("__") or not isinstance(node.ctx, ast.Load):
        return
    if node.id in undefined_names(source):
        for rewrite in repair_undefined_name(source, node.id, project):
            yield rewrite.edits, rewrite.cost


@operator("import_repair", ast.Import, ast.ImportFrom, family="import", prior=-2.5)
def import_repair(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Another module, member or level where an import names something that is not there."""
    assert isinstance(node, ImportNode)
    for rewrite in repair_import(source, node, project):
        yield rewrite.edits, rewrite.cost
