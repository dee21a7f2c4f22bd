"""tox.ini, setup.cfg ``[tox:tox]``, pyproject ``[tool.tox]`` and tox.toml, read as far as test commands need."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.testing.reading import parse_ini, read_ini, read_toml, table, toml_table
from quantatissu.testing.tasks.model import Task, Unresolved

_FACTORS = re.compile(r"^((?:!?[\w.]+|\{[^}]*\})(?:[-,]\s*(?:!?[\w.]+|\{[^}]*\}))*):(?:\s+|$)(.*)")
_SCRATCH = ("envtmpdir", "env_tmp_dir", "envlogdir", "env_log_dir", "toxworkdir", "work_dir", "temp_dir")
_TAKES_VALUE = {"-c", "--conf", "--workdir", "--result-json", "-x", "--override", "--runner", "-p", "--parallel"}


def read(arguments: list[str], root: Path, folder: str) -> list[Task]:
    """The environments that ``tox arguments`` would run, in order, as tasks."""
    names, positional = _arguments(arguments)
    here = root / folder
    settings = _Toml.load(here) or _Ini.load(here)
    if settings is None:
        raise Unresolved("no tox configuration")
    tasks = []
    for name in names or settings.default_names():
        task = settings.task(name, positional, here)
        venv = here / ".tox" / name
        tasks.append(Task(task.origin, task.lines, task.environment, _join(folder, task.folder), (venv,)))
    return tasks


def _join(folder: str, below: str) -> str:
    return Path(folder, below).as_posix()


def _arguments(arguments: list[str]) -> tuple[list[str], list[str] | None]:
    """Environment names asked for, and what stands after ``--`` (None when there is no ``--``)."""
    positional = None
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, positional = arguments[:cut], arguments[cut + 1 :]
    names: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word in ("-e", "--env"):
            names += next(rest, "").split(",")
        elif word.startswith("-e") and not word.startswith("--"):
            names += word[2:].lstrip("=").split(",")
        elif word.startswith("--env="):
            names += word[6:].split(",")
        elif word in ("-f", "-m") or (not word.startswith("-") and word not in ("run", "r", "run-parallel", "p")):
            raise Unresolved(word)
        elif word in _TAKES_VALUE:
            next(rest, None)
    return [name.strip() for name in names if name.strip()], positional


class _Ini:
    """The ini dialect: factors, ``{...}`` substitutions, sections that lend to each other."""

    def __init__(self, sections: dict[str, dict[str, str]], core: str, origin: str) -> None:
        self.sections = sections
        self.core = core
        self.origin = origin

    @classmethod
    def load(cls, here: Path) -> _Ini | None:
        sections = read_ini(here / "tox.ini")
        if "tox" in sections or any(name.startswith("testenv") for name in sections):
            return cls(sections, "tox", "tox.ini")
        sections = read_ini(here / "setup.cfg")
        if "tox:tox" in sections:
            return cls(sections, "tox:tox", "setup.cfg [tox:tox]")
        legacy = toml_table(here, "tool", "tox").get("legacy_tox_ini")
        if isinstance(legacy, str):
            return cls(parse_ini(legacy), "tox", "pyproject [tool.tox]")
        return None

    def default_names(self) -> list[str]:
        core = self.sections.get(self.core, {})
        listed = core.get("env_list") or core.get("envlist") or "py"
        names = [name for part in re.split(r"[\n,](?![^{]*\})", listed) for name in _braces(part.strip())]
        return [name for name in names if name]

    def task(self, name: str, positional: list[str] | None, here: Path) -> Task:
        options = self._options(name)
        resolver = _Substitution(self, name, options, positional, here)
        words = [_split(line, resolver) for line in _lines(options.get("commands", ""), name)]
        setenv = options.get("set_env") or options.get("setenv") or ""
        environment = {}
        for line in _lines(setenv, name):
            key, _, value = line.partition("=")
            if key.strip().isidentifier():
                try:
                    environment[key.strip()] = resolver.apply(value.strip())
                except Unresolved:
                    continue
        folder = options.get("change_dir") or options.get("changedir") or "."
        place = Path(resolver.apply(folder.strip()))
        if place.is_absolute():
            if not place.is_relative_to(here):
                raise Unresolved(folder)
            place = place.relative_to(here)
        origin = f"{self.origin} (environment {name})"
        return Task(origin, tuple(tuple(line) for line in words if line), environment, place.as_posix())

    def _options(self, name: str) -> dict[str, str]:
        """``[testenv]`` below ``[testenv:name]``, generative section names included."""
        merged = dict(self.sections.get("testenv", {}))
        for section, options in self.sections.items():
            if not section.startswith("testenv:"):
                continue
            patterns = re.split(r",(?![^{]*\})", section[len("testenv:") :])
            if any(name in _braces(pattern.strip()) for pattern in patterns):
                base = options.get("base", "")
                merged.update(self.sections.get(base.strip(), {}))
                merged.update(options)
        return merged


def _split(line: str, resolver: _Substitution) -> list[str]:
    """The words of one command; a line that cannot be read is dropped unless it might be the test command."""
    try:
        return shlex.split(re.sub(r"^[-!\s]+", "", resolver.apply(line)))
    except (Unresolved, ValueError) as error:
        if re.search(r"test|python", line):
            raise Unresolved(line) from error
        return []


class _Substitution:
    def __init__(self, ini: _Ini, name: str, options: dict[str, str], positional: list[str] | None, here: Path) -> None:
        self.ini, self.name, self.options, self.positional, self.here = ini, name, options, positional, here

    def apply(self, text: str, depth: int = 0) -> str:
        """Replaces ``{...}`` from the inside out; raises Unresolved for what is not known without running tox."""
        if depth > 20:
            raise Unresolved("substitutions that never end")
        text = text.replace("[]", "{posargs}") if depth == 0 else text
        match = re.search(r"(?<!\\)\{([^{}]*)\}", text)
        if match is None:
            return text.replace("\\{", "{").replace("\\}", "}")
        return self.apply(text[: match.start()] + self._value(match[1]) + text[match.end() :], depth + 1)

    def _value(self, inner: str) -> str:
        key, _, default = inner.partition(":")
        here = str(self.here)
        fixed = {
            "toxinidir": here,
            "tox_root": here,
            "envname": self.name,
            "env_name": self.name,
            "envpython": "python",
            "env_python": "python",
            "basepython": "python",
            "envdir": f"{here}/.tox/{self.name}",
            "env_dir": f"{here}/.tox/{self.name}",
            "envbindir": f"{here}/.tox/{self.name}/bin",
            "env_bin_dir": f"{here}/.tox/{self.name}/bin",
            **dict.fromkeys(_SCRATCH, "/tmp/tox"),  # noqa: S108 - the sandbox has a private one
            "": ":",
            "/": "/",
            "tty": "",
        }
        if inner == "/":
            return "/"
        if key == "posargs":
            return default if self.positional is None else shlex.join(self.positional)
        if key == "env":
            return default.partition(":")[2]
        if key in fixed and not (key == "" and default):
            return fixed[key]
        if key.startswith("[") and "]" in inner:
            section, _, option = inner[1:].partition("]")
            value = self.ini.sections.get(section, {}).get(option)
        else:
            value = self.options.get(key)
        if value is None:
            raise Unresolved(f"{{{inner}}}")
        return "\n".join(_lines(value, self.name))


def _lines(text: str, name: str) -> list[str]:
    """Logical lines that apply to environment ``name``: continuations joined, factor conditions applied."""
    lines = []
    for raw in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _FACTORS.match(line)
        if match:
            if not any(_factor_holds(choice.strip(), name) for choice in _top_level_commas(match[1])):
                continue
            line = match[2]
        if line:
            lines.append(line)
    return lines


def _top_level_commas(text: str) -> list[str]:
    return [choice for part in re.split(r",(?![^{]*\})", text) for choice in _braces(part.strip())]


def _factor_holds(condition: str, name: str) -> bool:
    have = set(name.split("-"))
    return all((part[1:] not in have) if part.startswith("!") else part in have for part in condition.split("-"))


def _braces(text: str) -> list[str]:
    """``py{39,310}-x`` -> py39-x, py310-x. Ranges such as ``py3{10-12}`` are counted out."""
    match = re.search(r"\{([^{}]*)\}", text)
    if match is None:
        return [text]
    choices: list[str] = []
    for choice in match[1].split(","):
        limits = re.fullmatch(r"\s*(\d{1,3})-(\d{1,3})\s*", choice)
        choices += map(str, range(int(limits[1]), int(limits[2]) + 1)) if limits else [choice.strip()]
    return [full for choice in choices for full in _braces(text[: match.start()] + choice + text[match.end() :])][:500]


class _Toml:
    """The TOML dialect: lists of words, ``replace`` tables, ``env_run_base`` and ``env.<name>``."""

    def __init__(self, data: dict[str, Any], origin: str) -> None:
        self.data = data
        self.origin = origin

    @classmethod
    def load(cls, here: Path) -> _Toml | None:
        try:
            if data := read_toml(here / "tox.toml"):
                return cls(data, "tox.toml")
        except QuantaError:
            return None
        data = toml_table(here, "tool", "tox")
        return cls(data, "pyproject [tool.tox]") if data and "legacy_tox_ini" not in data else None

    def default_names(self) -> list[str]:
        listed = self.data.get("env_list")
        return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else ["py"]

    def task(self, name: str, positional: list[str] | None, here: Path) -> Task:
        options = {**table(self.data, "env_run_base"), **table(self.data, "env", name)}
        commands = options.get("commands", [])
        if not isinstance(commands, list):
            raise Unresolved("commands")
        lines = [tuple(self._words(line, name, positional, here)) for line in commands if isinstance(line, list)]
        environment = {
            key: self._text(value, name, positional, here)
            for key, value in table(options, "set_env").items()
            if isinstance(value, str)
        }
        folder = options.get("change_dir", ".")
        if not isinstance(folder, str):
            raise Unresolved("change_dir")
        place = Path(self._text(folder, name, positional, here))
        if place.is_absolute():
            if not place.is_relative_to(here):
                raise Unresolved(folder)
            place = place.relative_to(here)
        return Task(f"{self.origin} (environment {name})", tuple(filter(None, lines)), environment, place.as_posix())

    def _words(self, items: list[Any], name: str, positional: list[str] | None, here: Path) -> list[str]:
        words: list[str] = []
        for item in items:
            if isinstance(item, str):
                words.append(self._text(item, name, positional, here))
            elif isinstance(item, dict) and item.get("replace") == "posargs":
                default = item.get("default", [])
                chosen = default if positional is None else positional
                words += self._words(chosen if isinstance(chosen, list) else [chosen], name, positional, here)
            else:
                raise Unresolved(str(item))
        return words

    def _text(self, text: str, name: str, positional: list[str] | None, here: Path) -> str:
        ini = _Ini({"testenv": {}}, "tox", self.origin)
        return _Substitution(ini, name, {}, positional, here).apply(text)
