"""When nobody said how to run the tests: where the project is, and what its test command must be."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from quantatissu.foundation import QuantaError
from quantatissu.testing.command import TestCommand, parse_command, pytest_command, unittest_command
from quantatissu.testing.configuration import load_settings
from quantatissu.testing.executables import absolute, has_module
from quantatissu.testing.interpreter import choose_interpreter
from quantatissu.testing.layout import DEFAULT_PYTHON_FILES, Layout, pytest_settings, test_styles, walk_files
from quantatissu.testing.tasks import resolve

_MARKERS = (
    "pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "tox.toml",
    "noxfile.py", "Pipfile", "manage.py", ".git", ".hg",
)  # fmt: skip
_TASK_RUNNERS = (
    ("tox", ("tox.ini", "tox.toml", "setup.cfg", "pyproject.toml"), ((),)),
    ("nox", ("noxfile.py",), ((), ("-s", "tests"), ("-s", "test"))),
    ("make", ("Makefile", "makefile", "GNUmakefile"), (("test",), ("tests",), ("check",), ("pytest",))),
)
_MOST_PARSED = 60


@dataclass(frozen=True, slots=True)
class Place:
    """What a PATH on the command line stands for.

    ``root`` is the project, which the sandbox shows as a whole. ``cwd`` is where its tests are run from and
    ``selection`` what to run there (empty: everything), both relative to ``root``. ``editable`` is the only part that
    may be changed: a PATH inside a project limits the patch to it, unless it holds nothing but tests.
    """

    root: Path
    cwd: str = "."
    selection: tuple[str, ...] = ()
    editable: str = "."


def locate(path: Path) -> Place:
    """Finds the project that ``path``, a folder or a single test file, belongs to.

    Raises QuantaError when it does not exist, or is a file that is not Python.
    """
    path = absolute(path)
    if not path.exists():
        raise QuantaError(f"There is no {path}.", hint="Pass the folder of a project, or one of its test files.")
    if path.is_file() and path.suffix != ".py":
        raise QuantaError(
            f"{path} is not a Python file.", hint="Pass the folder of a project, or one of its test files."
        )
    folder = path if path.is_dir() else path.parent
    if path.is_dir() and _is_marked(path):
        return Place(path)
    root = _enclosing(folder)
    if path.is_file():
        root = root or folder
        relative = path.relative_to(root).as_posix()
        tests = test_styles(path)
        return Place(root, selection=(relative,)) if tests else Place(root, editable=relative)
    if root is None:
        return Place(path)
    relative = path.relative_to(root).as_posix()
    holds_tests, holds_code = _contents(path)
    if holds_tests and holds_code and not (path / "__init__.py").is_file():
        # A project of its own that merely lies inside a bigger one, unless that one configures its tests.
        configured = pytest_settings(root).source is not None
        return Place(root, cwd=relative, editable=relative) if configured else Place(path)
    if holds_tests:
        return Place(root, selection=(relative,), editable=relative if holds_code else ".")
    return Place(root, editable=relative)


def _is_marked(folder: Path) -> bool:
    return any((folder / name).exists() for name in _MARKERS)


def _enclosing(folder: Path) -> Path | None:
    """The nearest folder upwards with a project's marker; never the home folder or the root, nor above a repository."""
    home = absolute(Path.home())
    for candidate in (folder, *folder.parents):
        if candidate == home or len(candidate.parts) < 2:
            return None
        if _is_marked(candidate):
            return candidate
    return None


def _contents(folder: Path) -> tuple[bool, bool]:
    """Whether a folder holds test files, and whether it holds other modules."""
    tests = code = False
    for path in walk_files(folder, 2000):
        if path.suffix != ".py":
            continue
        if _is_test_file(path) or "tests" in path.relative_to(folder.parent).parts[:-1] or path.name == "conftest.py":
            tests = tests or _is_test_file(path)
        elif path.name not in ("__init__.py", "setup.py"):
            code = True
    return tests, code


def _is_test_file(path: Path) -> bool:
    return any(fnmatch.fnmatch(path.name, pattern) for pattern in (*DEFAULT_PYTHON_FILES, "test.py", "tests.py"))


def find_command(
    root: Path, *, cwd: str = ".", selection: Sequence[str] = (), python: Path | None = None
) -> TestCommand:
    """The project's test command when none was given, with ``selection`` (paths relative to the project) to run.

    In this order: ``[tool.quanta] test``; pytest's own configuration; a test target of tox, nox or make that comes down
    to pytest or unittest; the test files themselves (unittest when all are unittest's and ``python``, or the
    project's interpreter, has no pytest). Raises QuantaError when there is nothing to run.
    """
    root = absolute(root)
    settings = load_settings(root)
    if settings.test is not None:
        return parse_command(settings.test, root, origin="pyproject [tool.quanta]").with_arguments(selection)
    if pytest_settings(root).source is not None:
        return pytest_command(selection, text=_spelt("pytest", selection), origin="pytest configuration", cwd=cwd)
    if cwd == "." and (found := _task_command(root)) is not None:
        return found.with_arguments(selection) if not selection else _narrowed(found, selection)
    return _from_files(root / cwd, root, cwd, tuple(selection), python)


def _spelt(module: str, arguments: Sequence[str]) -> str:
    return " ".join(("python", "-m", module, *arguments))


def _task_command(root: Path) -> TestCommand | None:
    for runner, files, choices in _TASK_RUNNERS:
        if not any((root / name).is_file() for name in files):
            continue
        for arguments in choices:
            if resolve(runner, arguments, root):
                command = parse_command(" ".join((runner, *arguments)), root)
                if command.kind != "generic":
                    return command
    return None


def _narrowed(found: TestCommand, selection: Sequence[str]) -> TestCommand:
    """The selection instead of what the task names; its options are kept only as far as they cannot be paths."""
    options = tuple(word for word in found.arguments if word.startswith("-") and "=" in word)
    make = pytest_command if found.kind == "pytest" else unittest_command
    text = _spelt(found.kind, (*options, *selection))
    narrowed = make((*options, *selection), text=text, origin=found.origin)
    return replace(narrowed, environment=found.environment, python=found.python, venvs=found.venvs)


def _from_files(folder: Path, root: Path, cwd: str, selection: tuple[str, ...], python: Path | None) -> TestCommand:
    layout = Layout.read(folder)
    named = [path for path in walk_files(folder, 20_000) if path.suffix == ".py" and _is_test_file(path)]
    found = [(path, styles) for path in named[:_MOST_PARSED] if (styles := test_styles(path)) != set()]
    chosen = [root / name for name in selection]
    if not found and not chosen:
        raise QuantaError(
            f"No tests were found in {folder}.",
            hint='Say how to run them: --test "python -m pytest path/to/tests"',
        )
    command = pytest_command(selection, text=_spelt("pytest", selection), origin="default", cwd=cwd)
    if any(styles is None or "pytest" in styles for _, styles in found):
        return _odd_names(command, [path for path, _ in found], folder, layout)
    if has_module(choose_interpreter(root, command, python), "pytest"):
        return _odd_names(command, [path for path, _ in found], folder, layout)
    arguments = _unittest_arguments(folder, [path for path, _ in found], selection)
    return unittest_command(arguments, text=_spelt("unittest", arguments), origin="default", cwd=cwd)


def _odd_names(command: TestCommand, files: list[Path], folder: Path, layout: Layout) -> TestCommand:
    """pytest does not collect ``tests.py`` by itself: such files are named, when there are no others."""
    usual = any(fnmatch.fnmatch(path.name, pattern) for path in files for pattern in layout.pytest.python_files)
    if usual or command.arguments:
        return command
    names = [path.relative_to(folder).as_posix() for path in files]
    return pytest_command(names, text=_spelt("pytest", names), origin=command.origin, cwd=command.cwd)


def _unittest_arguments(folder: Path, files: list[Path], selection: tuple[str, ...]) -> tuple[str, ...]:
    if selection:
        return tuple(selection)
    tops = {path.relative_to(folder).parts[0] if path.parent != folder else "." for path in files}
    arguments = ["discover"]
    if len(tops) == 1 and tops != {"."}:
        start = tops.pop()
        arguments += ["-s", start]
        arguments += ["-t", "."] if (folder / start / "__init__.py").is_file() else []
    if not any(path.name.startswith("test") for path in files):
        arguments += ["-p", "*_test.py"]
    return tuple(arguments)
