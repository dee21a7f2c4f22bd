"""Scripts named in pyproject.toml: ``hatch run NAME``, ``pdm run NAME``, ``poe NAME``."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from quantatissu.testing.reading import table, toml_table
from quantatissu.testing.tasks.model import Task, Unresolved


def read_hatch(arguments: list[str], root: Path, folder: str) -> list[Task]:
    """``hatch run [ENVIRONMENT:]SCRIPT``; the script may call others of its environment by name."""
    name, rest = _named(arguments)
    environment, _, script = name.rpartition(":")
    settings = toml_table(root / folder, "tool", "hatch", "envs", environment or "default")
    scripts = table(settings, "scripts")
    if script not in scripts and not table(settings, "env-vars"):
        raise Unresolved(script)
    # ``hatch run test:pytest -q`` names a program of the environment, not one of its scripts.
    lines = _hatch_lines(scripts, script, rest, 0) if script in scripts else [shlex.join([script, *rest])]
    variables = {key: str(value) for key, value in table(settings, "env-vars").items()}
    return [Task(f"pyproject [tool.hatch.envs.{environment or 'default'}]", tuple(lines), variables, folder)]


def _hatch_lines(scripts: dict[str, Any], name: str, rest: list[str], depth: int) -> list[str]:
    if depth > 10:
        raise Unresolved("scripts that call each other")
    value = scripts[name]
    lines: list[str] = []
    for line in value if isinstance(value, list) else [value]:
        if not isinstance(line, str):
            raise Unresolved(name)
        filled = re.sub(
            r"\{args(?::([^{}]*))?\}", lambda m: shlex.join(rest) if rest else m[1] or "", line.lstrip("- ")
        )
        head, _, tail = filled.partition(" ")
        lines += _hatch_lines(scripts, head, shlex.split(tail), depth + 1) if head in scripts else [filled]
    return lines


def read_pdm(arguments: list[str], root: Path, folder: str) -> list[Task]:
    """``pdm run SCRIPT``."""
    name, rest = _named(arguments)
    scripts = toml_table(root / folder, "tool", "pdm", "scripts")
    if name not in scripts:
        raise Unresolved(name)
    value = scripts[name]
    options = value if isinstance(value, dict) else {"cmd": value}
    command = options.get("cmd", options.get("shell"))
    text = shlex.join(map(str, command)) if isinstance(command, list) else command
    if not isinstance(text, str):
        raise Unresolved(name)
    text = (
        re.sub(r"\{args(?::([^{}]*))?\}", lambda m: shlex.join(rest) or m[1] or "", text)
        if "{args" in text
        else (" ".join([text, shlex.join(rest)]).strip())
    )
    variables = {key: str(item) for key, item in table(options, "env").items()}
    return [Task(f"pyproject [tool.pdm.scripts] {name}", (text,), variables, folder)]


def read_poe(arguments: list[str], root: Path, folder: str) -> list[Task]:
    """``poe TASK``: plain command tasks, and sequences of them."""
    name, rest = _named(arguments)
    tasks = toml_table(root / folder, "tool", "poe", "tasks")
    return [Task(f"pyproject [tool.poe.tasks] {name}", tuple(_poe_lines(tasks, name, rest, 0)), {}, folder)]


def _poe_lines(tasks: dict[str, Any], name: str, rest: list[str], depth: int) -> list[str]:
    if depth > 10 or name not in tasks:
        raise Unresolved(name)
    value = tasks[name]
    if isinstance(value, dict):
        value = value.get("cmd", value.get("shell", value.get("sequence")))
    if isinstance(value, str):
        return [" ".join([value, shlex.join(rest)]).strip()]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return [line for item in value for line in _poe_lines(tasks, item, rest, depth + 1)]
    raise Unresolved(name)


def _fill(line: str, rest: list[str]) -> str:
    """Puts the further words, or the default, where the line says ``{args:default}``."""
    return re.sub(r"\{args(?::([^{}]*))?\}", lambda match: shlex.join(rest) or match[1] or "", line)


def _named(arguments: list[str]) -> tuple[str, list[str]]:
    if not arguments or arguments[0].startswith("-"):
        raise Unresolved("no script named")
    return arguments[0], arguments[1:]
