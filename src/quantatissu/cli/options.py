"""From what was typed, and the project's own settings, to the options of a repair; every check of input is here."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from quantatissu.foundation import QuantaError

if TYPE_CHECKING:
    from quantatissu.repair.report import FixOptions, LintOptions

T = TypeVar("T")

BUILT_IN = "tissu"
"""The model that helps where none was named."""

ALLOWED = {
    "network-loopback": "a private 127.0.0.1",
    "network": "this machine's network",
    "home": "reading the home folder",
}


@dataclass(frozen=True, slots=True)
class FixArguments:
    """The command line of ``quanta fix`` as typed; None where nothing was."""

    path: Path = Path()
    test: str | None = None
    python: str | None = None
    max_seconds: float | None = None
    max_candidates: int | None = None
    files: Sequence[str] | None = None
    allow: Sequence[str] | None = None
    environment: Sequence[str] | None = None
    seed: int | None = None
    model: str | None = None


def project_root(path: Path) -> Path:
    """The folder of the project that `path` (its folder, one inside it, or a test file) belongs to, links followed.

    Raises QuantaError when there is none that can be entered.
    """
    from quantatissu.testing import locate

    place = path.resolve()
    if not place.exists():
        raise QuantaError(f"there is no folder {place}", hint="Pass the folder of a project.")
    root = locate(place).root
    if not os.access(root, os.R_OK | os.X_OK):
        raise QuantaError(f"{root} cannot be read", hint="Check the folder's permissions.")
    return root


def require_supported(platform: str = sys.platform) -> None:
    """Raises QuantaError where tests cannot be confined."""
    if platform != "linux":
        raise QuantaError(
            f"this platform ({platform}) is not supported: tests cannot be confined here",
            hint="QuantaTissu runs on Linux, and on Windows through WSL.",
        )


def fix_options(arguments: FixArguments) -> tuple[FixOptions, tuple[str, ...]]:
    """The options of a repair, flags over ``[tool.quanta]`` over defaults, and warnings about what is ignored.

    Raises QuantaError for anything that makes no sense, and on platforms that are not supported.
    """
    from quantatissu.repair.report import FixOptions
    from quantatissu.testing import load_settings

    require_supported()
    root = project_root(arguments.path)
    settings = load_settings(root)
    defaults = FixOptions(root)
    warnings: list[str] = []

    allow = frozenset(_allowed(_split(arguments.allow)))
    if arguments.allow is None and "network-loopback" in settings.allow:
        allow |= {"network-loopback"}
    environment = _names(arguments.environment or ())
    # The repository is not trusted: it may ask for the user's files, network and variables, but not take them.
    granted = {f"--allow {name}" for name in allow} | {f"--env {name}" for name in environment}
    for request in settings.requests:
        if request not in granted:
            advice = f"pass {request} if you trust this project" if request.startswith("--") else "it is not granted"
            warnings.append(f"[tool.quanta] asks for {request.removeprefix('--')}: {advice}")
    warnings += [f"--env {name}: it is not set here" for name in environment if name not in os.environ]

    test = _first(arguments.test, settings.test)
    if test is not None and not test.strip():
        raise QuantaError("the test command is empty", hint='For instance: --test "python -m pytest tests".')
    files = tuple(arguments.files if arguments.files is not None else settings.files)
    for glob in files:
        if not glob or glob.startswith("/") or ".." in glob.split("/"):
            raise QuantaError(
                f"--files {glob!r} does not stay inside the project", hint="For instance: --files 'src/**'."
            )
    max_candidates = arguments.max_candidates
    if max_candidates is not None and max_candidates < 1:
        raise QuantaError(f"--max-candidates must be at least 1, not {max_candidates}")
    max_seconds = _first(arguments.max_seconds, settings.max_seconds)
    if max_seconds is not None and not (math.isfinite(max_seconds) and max_seconds > 0):
        raise QuantaError(f"--max-seconds must be a number above 0, not {max_seconds:g}")
    options = FixOptions(
        path=arguments.path.resolve(),
        test=test,
        python=_python(arguments.python, settings.python, root),
        max_seconds=defaults.max_seconds if max_seconds is None else max_seconds,
        max_candidates=max_candidates,
        files=files,
        allow=allow,
        environment=environment,
        seed=defaults.seed if arguments.seed is None else arguments.seed,
        model=_model(arguments.model),
    )
    return options, tuple(warnings)


def lint_options(*, lint: bool, select: Sequence[str] | None, unsafe: bool) -> LintOptions | None:
    """What ``--lint`` and its options ask for; None without it. Raises QuantaError for the options alone."""
    from quantatissu.repair.report import LintOptions

    if not lint:
        if select is not None or unsafe:
            raise QuantaError(f"{'--unsafe' if select is None else '--select'} goes with --lint")
        return None
    rules = tuple(_split(select))
    if select is not None and not rules:
        raise QuantaError("--select names no rules", hint="For instance: --select E,F,B.")
    return LintOptions(rules, unsafe)


def _model(typed: str | None) -> str | None:
    """The model to ask, as it can be opened: the built-in one if it can run and no other is named; None for "none"."""
    from importlib.util import find_spec

    from quantatissu.model.packaged import packaged_names

    if typed is None:
        return BUILT_IN if BUILT_IN in packaged_names() and find_spec("onnxruntime") is not None else None
    if typed == "none" or typed in packaged_names():
        return None if typed == "none" else typed
    folder = Path(typed)
    if not (folder / "config.json").is_file():
        names = ", ".join(packaged_names())
        raise QuantaError(f"--model: {typed!r} is not a model", hint=f"{names}, none, or a checkpoint's folder.")
    return str(folder.resolve())


def _first(typed: T | None, configured: T | None) -> T | None:
    return configured if typed is None else typed


def _split(values: Iterable[str] | None) -> list[str]:
    return [part.strip() for value in values or () for part in value.split(",") if part.strip()]


def _allowed(values: Iterable[str]) -> set[str]:
    names = set(values)
    if unknown := sorted(names - ALLOWED.keys()):
        known = ", ".join(f"{name} ({meaning})" for name, meaning in ALLOWED.items())
        raise QuantaError(f"--allow: there is no {unknown[0]!r}", hint=f"What can be allowed: {known}.")
    return names


def _names(values: Iterable[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(values))
    for name in names:
        if not name or "=" in name or "\0" in name:
            raise QuantaError(f"--env takes the name of a variable, not {name!r}", hint="Its value is passed as it is.")
    return names


def _python(typed: str | None, configured: str | None, root: Path) -> Path | None:
    """A path or a name to be found on PATH. One in the settings is meant from the project, not from where we are."""
    if typed is not None:
        return Path(typed).expanduser()
    if configured is not None and os.sep in configured:
        return root / Path(configured).expanduser()
    return Path(configured) if configured is not None else None
