"""Programs that run another program: ``env``, ``uv run``, ``poetry run``, ``timeout`` and their kin."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Options that take their value as a word of its own; every other option stands alone.
_UV = {
    "--extra", "--group", "--no-group", "--only-group", "--no-extra", "--env-file", "--with", "-w", "--with-editable",
    "--with-requirements", "--package", "--python", "-p", "--index", "--default-index", "-i", "--index-url",
    "--extra-index-url", "--find-links", "-f", "--resolution", "--prerelease", "--directory", "--project",
    "--config-file", "--cache-dir", "--color", "--link-mode", "--refresh-package", "-P", "--upgrade-package",
    "--python-platform", "--config-setting", "-C", "--exclude-newer", "--from",
}  # fmt: skip
_VALUES: dict[str, set[str]] = {
    "uv": _UV,
    "uvx": _UV,
    "poetry": {"-C", "--directory", "-P", "--project"},
    "pdm": {"-p", "--project", "--venv"},
    "hatch": {"-e", "--env", "-p", "--project", "-x", "-i", "-f"},
    "pipenv": {"--python"},
    "rye": {"-p", "--pyproject"},
    "pixi": {"-e", "--environment", "--manifest-path"},
    "conda": {"-n", "--name", "-p", "--prefix", "--cwd"},
    "mamba": {"-n", "--name", "-p", "--prefix", "--cwd"},
    "micromamba": {"-n", "--name", "-p", "--prefix", "--cwd"},
    "pipx": {"--spec", "--python", "--pip-args"},
}


@dataclass(frozen=True, slots=True)
class Peeled:
    """The words of the inner command, and the variables the wrapper sets for it."""

    words: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def peel(words: list[str]) -> Peeled | None:
    """One wrapper off the front; None when the first word is no known wrapper, or wraps nothing."""
    program = Path(words[0]).name
    if program in _VALUES:
        inner = _run(program, words[1:])
    elif program in _PREFIXES:
        inner = _PREFIXES[program](words[1:])
    else:
        return None
    return inner if inner is not None and inner.words else None


def _run(program: str, words: list[str]) -> Peeled | None:
    """``PROGRAM [options] run [options] [--] command``."""
    values = _VALUES[program]
    at = 0
    if program != "uvx":
        at = _skip_options(words, 0, values)
        if words[at : at + 2] == ["tool", "run"]:
            at += 1
        if words[at : at + 1] != ["run"]:
            return None
        at += 1
    at = _skip_options(words, at, values)
    if program == "uv" and any(word in ("-m", "--module") for word in words[:at]):
        return Peeled(["python", "-m", *words[at:]])
    rest = words[at + 1 :] if words[at : at + 1] == ["--"] else words[at:]
    if program == "hatch" and rest and re.match(r"[\w.+-]+:.", rest[0]):
        rest = [rest[0].partition(":")[2], *rest[1:]]
    return Peeled(rest)


def _skip_options(words: list[str], at: int, values: set[str]) -> int:
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        at += 2 if words[at] in values else 1
    return at


def _env(words: list[str]) -> Peeled | None:
    environment: dict[str, str] = {}
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("-u", "--unset"):
            at += 2
        elif word in ("-i", "-", "--ignore-environment", "--") or word.startswith(("-u", "--unset=")):
            at += 1
        elif word.startswith("-"):
            return None
        elif re.match(r"[A-Za-z_]\w*=", word):
            name, _, value = word.partition("=")
            environment[name] = value
            at += 1
        else:
            return Peeled(words[at:], environment)
    return None


def _options_then(values: set[str], operands: int = 0) -> Callable[[list[str]], Peeled | None]:
    """A wrapper with options, then a fixed number of operands of its own, then the command."""

    def inner(words: list[str]) -> Peeled | None:
        return Peeled(words[_skip_options(words, 0, values) + operands :])

    return inner


_PREFIXES: dict[str, Callable[[list[str]], Peeled | None]] = {
    "env": _env,
    "exec": _options_then(set()),
    "command": _options_then(set()),
    "time": _options_then({"-f", "-o"}),
    "nohup": _options_then(set()),
    "nice": _options_then({"-n"}),
    "timeout": _options_then({"-k", "-s", "--kill-after", "--signal"}, operands=1),
    "xvfb-run": _options_then({"-n", "-s", "-e", "-f", "-w"}),
    "stdbuf": _options_then({"-o", "-e", "-i"}),
}
