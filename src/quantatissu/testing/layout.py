"""Which of a project's files are tests and settings, never to be edited, and which are its source."""

from __future__ import annotations

import ast
import fnmatch
import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from quantatissu.foundation.syntax import parsed
from quantatissu.testing.command import TestCommand
from quantatissu.testing.reading import read_ini, read_text, read_toml, table, toml_table

DEFAULT_PYTHON_FILES = ("test_*.py", "*_test.py")
_CONFIGURATION = {
    "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "tox.toml", "setup.cfg",
    "setup.py", "pyproject.toml", "noxfile.py", "makefile", "gnumakefile", "justfile", ".coveragerc", "hatch.toml",
    "sitecustomize.py", "usercustomize.py", "uv.lock", "poetry.lock", "pipfile", "pipfile.lock", "environment.yml",
    ".python-version",
}  # fmt: skip
_SKIPPED = {
    "node_modules", "__pycache__", "site-packages", "__pypackages__", "build", "dist", "_build", "htmlcov", "venv",
    "env",
}  # fmt: skip
# Always tests, wherever they are; and names that libraries use for modules of their own as well.
_TEST_FOLDERS = {"tests", "unittests", "unit_tests", "integration_tests", "functional_tests", "unit-tests"}
_MAYBE_TEST_FOLDERS = {"test", "testing", "spec", "specs", "testsuite", "t"}
_NOT_PACKAGES = {"docs", "doc", "examples", "example", "scripts", "tools", "benchmarks", "benchmark", "bench", "ci"}
_NOT_MODULES = {"setup", "conftest", "noxfile", "manage", "tasks", "fabfile", "dodo", "versioneer"}
_MAX_FILES = 50_000


@dataclass(frozen=True)
class PytestSettings:
    """Where pytest's configuration is and what it says about files. ``source`` is None when there is none."""

    source: str | None = None
    python_files: tuple[str, ...] = DEFAULT_PYTHON_FILES
    testpaths: tuple[str, ...] = ()
    pythonpath: tuple[str, ...] = ()
    custom_names: bool = False


def pytest_settings(root: Path) -> PytestSettings:
    """The configuration pytest itself would take for ``root``, by its own order of files."""
    for name in ("pytest.toml", ".pytest.toml"):
        if (root / name).is_file():
            return _settings(name, table(_quiet_toml(root / name), "pytest"))
    for name in ("pytest.ini", ".pytest.ini"):
        if (root / name).is_file():
            return _settings(name, read_ini(root / name).get("pytest", {}))
    tool = toml_table(root, "tool", "pytest")
    if native := {key: value for key, value in tool.items() if key != "ini_options"}:
        return _settings("pyproject.toml [tool.pytest]", native)
    if "ini_options" in tool:
        return _settings("pyproject.toml [tool.pytest.ini_options]", table(tool, "ini_options"))
    for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        options = read_ini(root / name)
        if section in options:
            return _settings(f"{name} [{section}]", options[section])
    return PytestSettings()


def _quiet_toml(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except Exception:  # pytest itself will say what is wrong with its file
        return {}


def _settings(source: str, options: dict[str, Any]) -> PytestSettings:
    return PytestSettings(
        source,
        _names(options.get("python_files")) or DEFAULT_PYTHON_FILES,
        _names(options.get("testpaths")),
        _names(options.get("pythonpath")),
        "python_functions" in options or "python_classes" in options,
    )


def _names(value: object) -> tuple[str, ...]:
    items = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(item for item in items if isinstance(item, str))


def source_folders(root: Path) -> tuple[str, ...]:
    """Folders, relative to the project, whose modules are imported by their bare name: ``src``, ``lib``, ``.``."""
    found: list[str] = [name for name in pytest_settings(root).pythonpath if name != "."]
    tool = toml_table(root, "tool")
    where = table(tool, "setuptools", "packages", "find").get("where", [])
    found += [name for name in where if isinstance(name, str)] if isinstance(where, list) else []
    for package_dir in (table(tool, "setuptools", "package-dir"), _cfg_package_dir(root), _setup_package_dir(root)):
        if isinstance(package_dir.get(""), str):
            found.append(package_dir[""])
    packages = table(tool, "poetry").get("packages", [])
    for package in packages if isinstance(packages, list) else []:
        if isinstance(package, dict) and isinstance(package.get("from"), str):
            found.append(package["from"])
    wheel = table(tool, "hatch", "build", "targets", "wheel").get("packages", [])
    for name in wheel if isinstance(wheel, list) else []:
        if isinstance(name, str):
            found.append(PurePosixPath(name).parent.as_posix())
    for name in ("src", "lib"):
        if not (root / name / "__init__.py").is_file() and any(_importable(root / name)):
            found.append(name)
    inside = (os.path.normpath(name) for name in found)
    below = [name for name in inside if not name.startswith(("..", "/")) and (root / name).is_dir()]
    return tuple(dict.fromkeys([*(name for name in below if name != "."), "."]))


def _cfg_package_dir(root: Path) -> dict[str, str]:
    text = read_ini(root / "setup.cfg").get("options", {}).get("package_dir", "")
    pairs = (line.partition("=") for line in re.split(r"[\n,]", text))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _setup_package_dir(root: Path) -> dict[str, str]:
    """``package_dir={"": "src"}`` in setup.py, read as a syntax tree."""
    text = read_text(root / "setup.py") or ""
    tree = _parse(text)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.keyword) and node.arg == "package_dir":
            try:
                value = ast.literal_eval(node.value)
            except (ValueError, TypeError, SyntaxError, RecursionError):
                continue
            if isinstance(value, dict):
                return {str(key): str(item) for key, item in value.items()}
    return {}


def _importable(folder: Path) -> Iterator[str]:
    """Top-level names that can be imported from a folder: packages (namespace packages too), modules, extensions."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        stem, _, suffix = entry.name.partition(".")
        if not stem.isidentifier():
            continue
        if (
            (not suffix and entry.is_dir() and _holds_python(Path(entry.path), 3))
            or suffix in ("py", "pyx")
            or suffix.endswith(".so")
        ):
            yield stem


def _holds_python(folder: Path, depth: int) -> bool:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return False
    if any(entry.name.endswith(".py") for entry in entries):
        return True
    below = (
        entry for entry in entries if depth > 1 and entry.name.isidentifier() and entry.is_dir(follow_symlinks=False)
    )
    return any(_holds_python(Path(entry.path), depth - 1) for entry in below)


def project_modules(root: Path) -> set[str]:
    """Top-level import names that belong to the project, in src and flat layouts, namespace packages included."""
    names: set[str] = set()
    folders = source_folders(root)
    nested = {PurePosixPath(name).parts[0] for name in folders if name != "."}
    for folder in folders:
        flat = folder == "."
        for name in _importable(root / folder):
            place = root / folder / name
            if name in _TEST_FOLDERS or fnmatch.fnmatch(name, "test_*") or name in _SKIPPED:
                continue
            if flat and (name in nested or name in _NOT_MODULES):
                continue
            if flat and place.is_dir() and not (place / "__init__.py").is_file():
                continue
            if flat and name in _NOT_PACKAGES | {"test", "testing"}:
                continue
            names.add(name)
    return names


@dataclass(frozen=True)
class Layout:
    """A project's files by purpose. `read` it once; its answers are cached."""

    root: Path
    pytest: PytestSettings
    sources: tuple[str, ...]
    modules: frozenset[str]
    named: tuple[str, ...] = ()
    _folders: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, root: Path, command: TestCommand | None = None) -> Layout:
        """Looks at configuration files and top folders only; the tree is walked when asked for.

        Files and folders that ``command`` names are tests whatever they are called.
        """
        named = named_paths(command, root) if command is not None else ()
        return cls(root, pytest_settings(root), source_folders(root), frozenset(project_modules(root)), named)

    def is_protected(self, relative: str | PurePosixPath) -> bool:
        """Whether a file, relative to the project, must never be edited: tests, their helpers and data, conftest,
        test and build configuration, caches and environments, links, and anything outside the project."""
        path = PurePosixPath(os.path.normpath(relative))
        if path.is_absolute() or ".." in path.parts or not path.name:
            return True
        if any(_is_skipped(part) for part in path.parts[:-1]):
            return True
        name = path.name.lower()
        if name in _CONFIGURATION or name.endswith(".pth") or re.match(r"(dev-|test-)?requirements.*\.(txt|in)$", name):
            return True
        if any(self._is_test_folder(parent) for parent in reversed(path.parents) if parent.parts):
            return True
        # A link is edited where it points, if that is in the project.
        if (self.root / path).is_symlink():
            return True
        if path.as_posix() in self.named and (self._module_of(path) not in self.modules or has_tests(self.root / path)):
            return True
        return self._named_like_a_test(path) and not self._is_library_module(path)

    def files(self) -> ProjectFiles:
        """Walks the project once (at most 50,000 files) and sorts its Python files by purpose."""
        return classify_files(self.root, self)

    @cached_property
    def _test_roots(self) -> tuple[PurePosixPath, ...]:
        """``testpaths`` that hold tests alone: not the project, a source folder, or a package with code in it."""
        paths = []
        for pattern in (*self.pytest.testpaths, *map(glob.escape, self.named)):
            for found in sorted(glob.glob(pattern, root_dir=self.root)) if _is_plain_pattern(pattern) else []:  # noqa: PTH207
                relative = PurePosixPath(os.path.normpath(found))
                code = relative.as_posix() in (*self.sources, ".") or self._module_of(relative) in self.modules
                if not code or relative.name in _TEST_FOLDERS:
                    paths.append(relative)
        return tuple(paths)

    def _is_test_folder(self, folder: PurePosixPath) -> bool:
        key = folder.as_posix()
        if key not in self._folders:
            self._folders[key] = self._judge_folder(folder)
        return self._folders[key]

    def _judge_folder(self, folder: PurePosixPath) -> bool:
        name = folder.name.lower()
        if folder in self._test_roots or name in _TEST_FOLDERS or (self.root / folder).is_symlink():
            return True
        if name not in _MAYBE_TEST_FOLDERS:
            return False
        inside = [path for path in walk_files(self.root / folder, 200) if path.suffix == ".py"]
        if any(self._named_like_a_test(PurePosixPath(path.name)) and has_tests(path) for path in inside):
            return True
        # At the top of a project ``testing`` holds tests, unless it is the package that the project is about.
        return len(folder.parts) == 1 and name in ("test", "testing") and bool(self.modules)

    def _named_like_a_test(self, path: PurePosixPath) -> bool:
        patterns = {*self.pytest.python_files, *DEFAULT_PYTHON_FILES, "tests.py", "test.py"}
        return any(
            fnmatch.fnmatchcase(
                path.as_posix() if "/" in pattern else path.name, f"*{pattern}" if "/" in pattern else pattern
            )
            for pattern in patterns
            if pattern not in ("*.py", "*")  # doctest set-ups collect everything; that makes nothing a test
        )

    def _is_library_module(self, path: PurePosixPath) -> bool:
        """``stats/t_test.py``: named like a test, but part of a package of the project and without a test in it."""
        if self.pytest.custom_names or self._module_of(path) not in self.modules or len(path.parts) < 2:
            return False
        return (self.root / path).is_file() and not has_tests(self.root / path)

    def _module_of(self, path: PurePosixPath) -> str | None:
        """The top-level import name a path lies under."""
        for folder in self.sources:
            below = path.relative_to(folder) if path.is_relative_to(folder) else None
            if below and below.parts:
                return below.parts[0].removesuffix(".py")
        return None


def named_paths(command: TestCommand, root: Path) -> tuple[str, ...]:
    """Existing files and folders, relative to the project, that a command's words name: paths, test ids, and the
    modules of ``unittest pkg.test_a.Class``."""
    found: list[str] = []
    for word in command.arguments if command.kind != "generic" else command.argv:
        place = word.split("::")[0]
        choices = [place]
        if command.kind == "unittest":
            parts = place.split(".")
            choices += ["/".join(parts[:count]) + ".py" for count in range(len(parts), 0, -1)]
        for choice in choices:
            relative = os.path.normpath(PurePosixPath(command.cwd, choice))
            if not relative.startswith(("..", "/", "-")) and "\0" not in relative and (root / relative).exists():
                found.append(relative)
                break
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class ProjectFiles:
    """Python files (and configuration files of any kind), relative to the project, sorted."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    configuration: tuple[str, ...]
    truncated: bool = False


def classify_files(root: Path, layout: Layout | None = None) -> ProjectFiles:
    """The project's files by purpose; ``truncated`` when the tree holds more than 50,000 files."""
    layout = layout or Layout.read(root)
    sources: list[str] = []
    tests: list[str] = []
    configuration: list[str] = []
    count = 0
    for count, path in enumerate(walk_files(root, _MAX_FILES), 1):  # noqa: B007
        relative = path.relative_to(root).as_posix()
        if path.name.lower() in _CONFIGURATION:
            configuration.append(relative)
        elif path.suffix == ".py":
            (tests if layout.is_protected(relative) else sources).append(relative)
    return ProjectFiles(tuple(sorted(sources)), tuple(sorted(tests)), tuple(sorted(configuration)), count >= _MAX_FILES)


def has_tests(path: Path) -> bool:
    """Whether a Python file defines tests: ``test*`` functions, ``Test*`` classes, TestCase subclasses. A file that
    cannot be read or parsed counts as one, so that it is left alone."""
    styles = test_styles(path)
    return styles is None or bool(styles)


def test_styles(path: Path) -> set[str] | None:
    """``unittest`` and ``pytest``, whichever kinds of tests the file holds; None when it cannot be read or parsed."""
    tree = _parse(read_text(path))
    if tree is None:
        return None
    styles: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            styles.add("pytest")
        elif isinstance(node, ast.ClassDef):
            if any("TestCase" in ast.unparse(base) for base in node.bases):
                styles.add("unittest")
            elif any(
                isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name.startswith("test")
                for item in node.body
            ):
                styles.add("unittest" if node.bases and not node.name.startswith("Test") else "pytest")
        elif isinstance(node, ast.Import | ast.ImportFrom) and "pytest" in _imported(node):
            styles.add("pytest")
    return styles


test_styles.__test__ = False  # type: ignore[attr-defined]


def _imported(node: ast.Import | ast.ImportFrom) -> Iterable[str]:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return [name.partition(".")[0] for name in names]


def _parse(text: str | None) -> ast.Module | None:
    try:
        return parsed(text) if text is not None else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_plain_pattern(pattern: str) -> bool:
    return bool(pattern) and not pattern.startswith("/") and ".." not in pattern.split("/") and "**" not in pattern


def _is_skipped(part: str) -> bool:
    return part in _SKIPPED or (part.startswith(".") and part != ".") or part.endswith((".egg-info", ".dist-info"))


def walk_files(root: Path, limit: int) -> Iterator[Path]:
    """Files below ``root``, caches, environments and hidden folders left out, links not followed; at most ``limit``."""
    count = 0
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not _is_skipped(name) and not _is_venv(Path(folder, name)))
        for name in sorted(files):
            yield Path(folder, name)
            count += 1
            if count >= limit:
                return


def _is_venv(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file()
