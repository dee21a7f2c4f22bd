"""Makefile targets: recipes, prerequisites and simple variables. No functions, no conditionals, no ``$(shell)``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from quantatissu.testing.reading import read_text
from quantatissu.testing.tasks.model import Task, Unresolved

_NAMES = ("GNUmakefile", "makefile", "Makefile")
_ASSIGN = re.compile(r"^\s*(export\s+|override\s+)*([A-Za-z_][\w.-]*)\s*(\?=|:::?=|::?=|\+=|!=|=)\s*(.*)$")
_RULE = re.compile(r"^([^\s:=#][^:=#]*?)\s*(::?)(?!=)\s*([^=]*?)(?:;(.*))?$")
_CONDITIONAL = re.compile(r"^\s*(ifeq|ifneq|ifdef|ifndef|else|endif|define|endef)\b")


@dataclass
class _Makefile:
    variables: dict[str, str] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    recipes: dict[str, list[str]] = field(default_factory=dict)
    prerequisites: dict[str, list[str]] = field(default_factory=dict)
    target_variables: dict[str, dict[str, str]] = field(default_factory=dict)
    default: str | None = None
    one_shell: bool = False


def read(arguments: list[str], root: Path, folder: str) -> list[Task]:
    """The recipe of the target that ``make arguments`` names, prerequisites included, as one task."""
    targets: list[str] = []
    given: dict[str, str] = {}
    file_name = None
    words = iter(arguments)
    for word in words:
        if word in ("-C", "--directory"):
            folder = Path(folder, next(words, ".")).as_posix()
        elif word.startswith("-C"):
            folder = Path(folder, word[2:]).as_posix()
        elif word in ("-f", "--file"):
            file_name = next(words, None)
        elif re.match(r"[A-Za-z_]\w*=", word):
            key, _, value = word.partition("=")
            given[key] = value
        elif not word.startswith("-"):
            targets.append(word)
    here = root / folder
    makefile = _parse(here, [file_name] if file_name else list(_NAMES))
    target = targets[0] if len(targets) == 1 else None if targets else makefile.default
    if target is None or makefile.one_shell:
        raise Unresolved("several targets, or one shell for all lines")
    makefile.variables.update(given)
    raw = _collect(makefile, target, set())
    variables = {**makefile.variables, **makefile.target_variables.get(target, {}), **given}
    lines = [re.sub(r"^[@+\-\s]+", "", _expand(line, variables, target)) for line in raw]
    environment = {
        name: _expand(variables[name], variables, target) for name in sorted(makefile.exported) if name in variables
    }
    return [Task(f"Makefile (target {target})", tuple(filter(None, lines)), environment, folder)]


def _parse(here: Path, names: list[str]) -> _Makefile:
    text = next((text for name in names if (text := read_text(here / name)) is not None), None)
    if text is None:
        raise Unresolved("no Makefile")
    makefile = _Makefile()
    current: list[str] = []
    depth = 0
    for line in re.sub(r"\\\n[ \t]*", " ", text).splitlines():
        if line.startswith("\t") and current:
            # A line under a condition might not run: the marker makes whoever needs it give up.
            entry = line[1:] if depth == 0 else "$(conditional)"
            for target in current:
                makefile.recipes[target].append(entry)
            continue
        stripped = line.split("#", 1)[0].rstrip() if not line.startswith("\t") else line
        if match := _CONDITIONAL.match(stripped):
            depth += {"endif": -1, "endef": -1, "else": 0}.get(match[1], 1)
            continue
        if not stripped.strip():
            continue
        current = _statement(makefile, stripped, depth) or ([] if not line.startswith("\t") else current)
    return makefile


def _statement(makefile: _Makefile, line: str, depth: int) -> list[str]:
    """Takes in one line outside recipes; returns the targets it opens a recipe for."""
    if match := _ASSIGN.match(line):
        _assign(makefile.variables, match[2], match[3], match[4] if depth == 0 else "$(conditional)")
        if "export" in line[: match.start(2)]:
            makefile.exported.add(match[2])
        return []
    if line.startswith("export "):
        makefile.exported.update(line.split()[1:])
        return []
    match = _RULE.match(line)
    if match is None:
        # ``target: VARIABLE = value`` has an equals sign, which a rule's prerequisites never have.
        if scoped := re.match(r"^([\w./-]+)\s*:\s*(?:export\s+)?([A-Za-z_]\w*)\s*(\?=|:=|\+=|=)\s*(.*)$", line):
            _assign(makefile.target_variables.setdefault(scoped[1], {}), scoped[2], scoped[3], scoped[4])
            if re.search(r":\s*export\s", line):
                makefile.exported.add(scoped[2])
        return []
    targets = match[1].split()
    for target in targets:
        if target == ".ONESHELL":
            makefile.one_shell = True
        makefile.recipes.setdefault(target, [])
        makefile.prerequisites.setdefault(target, []).extend(match[3].replace("|", " ").split())
        if match[4]:
            makefile.recipes[target].append(match[4].strip())
        if makefile.default is None and not target.startswith(".") and "%" not in target:
            makefile.default = target
    return targets


def _assign(variables: dict[str, str], name: str, operator: str, value: str) -> None:
    if operator == "!=":
        variables[name] = "$(shell)"
    elif operator == "+=" and name in variables:
        variables[name] += " " + value
    elif operator != "?=" or name not in variables:
        variables[name] = value


def _collect(makefile: _Makefile, target: str, seen: set[str]) -> list[str]:
    """Recipe lines of the prerequisites, then of the target itself."""
    if target in seen or target not in makefile.recipes:
        return []
    seen.add(target)
    lines = [line for name in makefile.prerequisites[target] for line in _collect(makefile, name, seen)]
    return lines + makefile.recipes[target]


def _expand(text: str, variables: dict[str, str], target: str, depth: int = 0) -> str:
    """Replaces ``$(NAME)``; an unknown name is empty, as in make. Functions leave a mark no shell parser takes."""
    if depth > 20:
        raise Unresolved("variables that never end")

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "\0"
        name = match[1] or match[2] or match[3]
        if name == "@":
            return target
        if name in ("MAKE", "CURDIR"):
            return "make" if name == "MAKE" else "$(CURDIR)".replace("$", "\0")
        if " " in name or name in ("conditional", "shell") or name in "<^?*+|":
            return "\0(unresolved)"
        return _expand(variables.get(name, ""), variables, target, depth + 1).replace("$", "\0")

    expanded = re.sub(r"\$(?:\$|\(([^()]*)\)|\{([^{}]*)\}|(.))", lambda m: "\0" if m[0] == "$$" else replace(m), text)
    return expanded.replace("\0", "$")
