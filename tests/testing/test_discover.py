"""Where the project is, how its tests are run when nobody says, and which of its files may be edited."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

import pytest

from quantatissu.foundation import QuantaError
from quantatissu.testing.command import parse_command
from quantatissu.testing.configuration import load_settings
from quantatissu.testing.discover import find_command, locate
from quantatissu.testing.layout import Layout, classify_files, project_modules, source_folders

PYTEST_STYLE = "def test_x():\n    assert True\n"
UNITTEST_STYLE = "import unittest\nclass T(unittest.TestCase):\n    def test_x(self):\n        pass\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.fixture
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter without pytest."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


# -- which command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "kind", "arguments", "origin"),
    [
        (
            {"pyproject.toml": '[tool.quanta]\ntest = "pytest -q a"\n', "pytest.ini": ""},
            "pytest", ("-q", "a"), "pyproject [tool.quanta]",
        ),
        ({"pytest.ini": "[pytest]\n"}, "pytest", (), "pytest configuration"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, "pytest", (), "pytest configuration"),
        ({"pyproject.toml": "[tool.pytest]\nminversion = '9'\n"}, "pytest", (), "pytest configuration"),
        ({"tox.ini": "[tox]\n[pytest]\naddopts = -q\n[testenv]\ncommands = x\n"}, "pytest", (), "pytest configuration"),
        ({"setup.cfg": "[tool:pytest]\n"}, "pytest", (), "pytest configuration"),
        ({"tox.ini": "[testenv]\ncommands = pytest -q tests\n"}, "pytest", ("-q", "tests"), "tox.ini (environment py)"),
        ({"Makefile": "check:\n\tpython -m unittest discover\n"}, "unittest", ("discover",), "Makefile (target check)"),
        (
            {"noxfile.py": "import nox\n@nox.session\ndef tests(s):\n    s.run('pytest', 'x')\n"},
            "pytest", ("x",), "noxfile.py (session tests)",
        ),
        # A task runner that cannot be read gives way to the files.
        ({"tox.ini": "[testenv]\ncommands = ./run.sh\n", "tests/test_a.py": PYTEST_STYLE}, "pytest", (), "default"),
        ({"test_a.py": PYTEST_STYLE}, "pytest", (), "default"),
        ({"a_test.py": PYTEST_STYLE}, "pytest", (), "default"),
        ({"tests.py": PYTEST_STYLE}, "pytest", ("tests.py",), "default"),
        ({"test_a.py": "def broken(:\n"}, "pytest", (), "default"),
    ],
)  # fmt: skip
def test_command_that_nobody_gave(tmp_path: Path, files, kind, arguments, origin) -> None:
    command = find_command(write(tmp_path, files))
    assert (command.kind, command.arguments, command.origin) == (kind, arguments, origin)
    assert command.module_form or origin.startswith(("pyproject", "tox", "nox"))


@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        ({"test_a.py": UNITTEST_STYLE}, ("discover",)),
        ({"tests/test_a.py": UNITTEST_STYLE}, ("discover", "-s", "tests")),
        ({"tests/__init__.py": "", "tests/test_a.py": UNITTEST_STYLE}, ("discover", "-s", "tests", "-t", ".")),
        ({"a_test.py": UNITTEST_STYLE}, ("discover", "-p", "*_test.py")),
    ],
)
def test_unittest_when_there_is_no_pytest(tmp_path: Path, bare_python: Path, files, arguments) -> None:
    project = write(tmp_path, files)
    command = find_command(project, python=bare_python)
    assert (command.kind, command.arguments) == ("unittest", arguments)
    # With pytest at hand, pytest runs unittest's tests as well.
    assert find_command(project, python=Path(sys.executable)).kind == "pytest"


def test_one_pytest_style_file_needs_pytest(tmp_path: Path, bare_python: Path) -> None:
    write(tmp_path, {"test_a.py": UNITTEST_STYLE, "test_b.py": PYTEST_STYLE})
    assert find_command(tmp_path, python=bare_python).kind == "pytest"


@pytest.mark.parametrize("files", [{}, {"pkg/__init__.py": ""}, {"test_nothing.py": "x = 1\n"}])
def test_nothing_to_run_is_an_error_with_a_way_out(tmp_path: Path, files) -> None:
    with pytest.raises(QuantaError, match="No tests were found") as caught:
        find_command(write(tmp_path, files))
    assert "--test" in (caught.value.hint or "")


def test_a_selection_replaces_what_a_task_selects(tmp_path: Path) -> None:
    write(tmp_path, {"Makefile": "test:\n\tA=1 pytest --tb=short -k x tests\n"})
    command = find_command(tmp_path, selection=["tests/test_b.py"])
    assert command.arguments == ("--tb=short", "tests/test_b.py")
    assert command.environment == {"A": "1"}


# -- where -----------------------------------------------------------------------------------------------------------

PROJECT = {
    "pyproject.toml": "[project]\nname='x'\n",
    "pkg/__init__.py": "",
    "pkg/a.py": "",
    "pkg/tests/test_a.py": PYTEST_STYLE,
    "pkg/inner/__init__.py": "",
    "pkg/inner/b.py": "",
    "tests/test_b.py": PYTEST_STYLE,
    "mini/calc.py": "",
    "mini/test_calc.py": PYTEST_STYLE,
}


@pytest.mark.parametrize(
    ("path", "selection", "editable"),
    [
        (".", (), "."),
        ("tests", ("tests",), "."),
        ("tests/test_b.py", ("tests/test_b.py",), "."),
        ("pkg/a.py", (), "pkg/a.py"),
        ("pkg", ("pkg",), "pkg"),
        ("pkg/inner", (), "pkg/inner"),
    ],
)
def test_part_of_a_project(tmp_path: Path, path: str, selection, editable: str) -> None:
    place = locate(write(tmp_path, PROJECT) / path)
    assert (place.root, place.selection, place.editable, place.cwd) == (tmp_path, selection, editable, ".")


def test_a_small_project_inside_a_bigger_one(tmp_path: Path) -> None:
    write(tmp_path, PROJECT)
    assert locate(tmp_path / "mini").root == tmp_path / "mini"
    # When the bigger one configures pytest, its settings apply, from the folder that was named.
    write(tmp_path, {"pytest.ini": "[pytest]\n"})
    place = locate(tmp_path / "mini")
    assert (place.root, place.cwd, place.editable) == (tmp_path, "mini", "mini")
    assert find_command(place.root, cwd=place.cwd).cwd == "mini"


def test_files_without_any_project(tmp_path: Path) -> None:
    write(tmp_path, {"calc.py": "", "test_calc.py": PYTEST_STYLE})
    assert locate(tmp_path).root == tmp_path
    place = locate(tmp_path / "test_calc.py")
    assert (place.root, place.selection) == (tmp_path, ("test_calc.py",))


@pytest.mark.parametrize(("name", "said"), [("missing", "There is no"), ("notes.txt", "not a Python file")])
def test_a_path_that_is_no_project(tmp_path: Path, name: str, said: str) -> None:
    write(tmp_path, {"notes.txt": ""})
    with pytest.raises(QuantaError, match=said):
        locate(tmp_path / name)


# -- which files -----------------------------------------------------------------------------------------------------

LAYOUT = {
    "pyproject.toml": "[project]\nname='x'\n",
    "setup.py": "",
    "noxfile.py": "",
    "conftest.py": "",
    "src/pkg/__init__.py": "",
    "src/pkg/core.py": "",
    "src/pkg/testing.py": "",
    "src/pkg/t_test.py": "def statistic(a, b):\n    return a - b\n",
    "src/pkg/test_runner.py": "class Runner:\n    pass\n",
    "src/pkg/testing/__init__.py": "",
    "src/pkg/testing/fixtures.py": "def make():\n    pass\n",
    "src/pkg/test/__init__.py": "",
    "src/pkg/test/test_core.py": PYTEST_STYLE,
    "src/pkg/test/support.py": "",
    "src/pkg/tests/data.py": "",
    "src/pkg/conftest.py": "",
    "src/pkg/test_core.py": PYTEST_STYLE,
    "src/pkg/test_unreadable.py": "def (",
    "tests/helpers.py": "",
    "tests/test_core.py": PYTEST_STYLE,
    "testing/helper.py": "",
    "checks/check_core.py": PYTEST_STYLE,
    "docs/conf.py": "",
    ".venv/lib/x.py": "",
    "build/lib/pkg/core.py": "",
}

SOURCES = {
    "src/pkg/__init__.py",
    "src/pkg/core.py",
    "src/pkg/testing.py",
    "src/pkg/t_test.py",
    "src/pkg/test_runner.py",
    "src/pkg/testing/__init__.py",
    "src/pkg/testing/fixtures.py",
    "checks/check_core.py",
    "docs/conf.py",
}


def test_tests_and_settings_are_protected_and_library_modules_are_not(tmp_path: Path) -> None:
    layout = Layout.read(write(tmp_path, LAYOUT))
    assert {name for name in LAYOUT if not layout.is_protected(name)} == SOURCES
    files = classify_files(tmp_path, layout)
    assert set(files.sources) == SOURCES
    assert "tests/helpers.py" in files.tests
    assert set(files.configuration) == {
        "pyproject.toml",
        "setup.py",
        "noxfile.py",
        "conftest.py",
        "src/pkg/conftest.py",
    }
    assert not files.truncated


@pytest.mark.parametrize(
    "name",
    ["../other/a.py", "/etc/x.py", ".", "a/../../b.py", "site.pth", "requirements-dev.txt", "a/sitecustomize.py"],
)
def test_what_is_protected_in_every_project(tmp_path: Path, name: str) -> None:
    assert Layout.read(tmp_path).is_protected(name)


def test_links_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "", "real/__init__.py": "", "real/b.py": ""})
    (tmp_path / "link.py").symlink_to("/etc/hosts")
    (tmp_path / "linked").symlink_to("real")
    layout = Layout.read(tmp_path)
    assert [layout.is_protected(name) for name in ("a.py", "real/b.py", "link.py", "linked/b.py")] == [
        False, False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "ini",
    [
        "[pytest]\npython_files = check_*.py\n",
        "[pytest]\ntestpaths = checks\n",
        "[pytest]\npython_files = checks/*.py\ntestpaths = tests\n",
    ],
)
def test_the_projects_own_test_conventions_count(tmp_path: Path, ini: str) -> None:
    layout = Layout.read(write(tmp_path, {**LAYOUT, "pytest.ini": ini}))
    assert layout.is_protected("checks/check_core.py")
    assert not layout.is_protected("src/pkg/core.py")


@pytest.mark.parametrize("paths", ["src tests", ". ", "src/pkg", "pkg"])
def test_testpaths_over_the_source_do_not_protect_it(tmp_path: Path, paths: str) -> None:
    layout = Layout.read(write(tmp_path, {**LAYOUT, "pytest.ini": f"[pytest]\ntestpaths = {paths}\n"}))
    assert not layout.is_protected("src/pkg/core.py")
    assert layout.is_protected("tests/helpers.py")


@pytest.mark.parametrize(
    ("text", "protected"),
    [
        ("pytest checks", True),
        ("pytest checks/check_core.py::test_x", True),
        ("cd checks && pytest check_core.py", True),
        ("python -m unittest discover -s checks -p 'check_*.py'", True),
        ("python -m unittest checks.check_core.T.test_x", True),
        ("python checks/check_core.py", True),
        ("pytest tests", False),
        ("pytest -q src/pkg/core.py src --doctest-modules", False),
    ],
)
def test_what_the_command_names_is_a_test(tmp_path: Path, text: str, protected: bool) -> None:
    write(tmp_path, LAYOUT)
    layout = Layout.read(tmp_path, parse_command(text, tmp_path))
    assert layout.is_protected("checks/check_core.py") is protected
    assert not layout.is_protected("src/pkg/core.py")


def test_custom_test_names_keep_every_candidate_protected(tmp_path: Path) -> None:
    layout = Layout.read(write(tmp_path, {**LAYOUT, "pytest.ini": "[pytest]\npython_functions = check_*\n"}))
    assert layout.is_protected("src/pkg/t_test.py")


@pytest.mark.parametrize(
    ("files", "modules", "folders"),
    [
        ({"src/pkg/__init__.py": "", "src/mod.py": "", "tests/test_a.py": ""}, {"pkg", "mod"}, ("src", ".")),
        ({"src/ns/pkg/__init__.py": ""}, {"ns"}, ("src", ".")),
        ({"pkg/__init__.py": "", "tests/__init__.py": "", "setup.py": "", "docs/conf.py": ""}, {"pkg"}, (".",)),
        ({"mod.py": "", "test_mod.py": "", "conftest.py": ""}, {"mod"}, (".",)),
        ({"src/__init__.py": "", "src/a.py": ""}, {"src"}, (".",)),
        ({"spec/__init__.py": "", "test/test_a.py": "", "examples/a.py": ""}, {"spec"}, (".",)),
        ({"lib/pkg.py": "", "setup.py": "import s\ns.setup(package_dir={'': 'lib'})"}, {"pkg"}, ("lib", ".")),
        ({"code/pkg/__init__.py": "", "setup.cfg": "[options]\npackage_dir =\n    = code\n"}, {"pkg"}, ("code", ".")),
        (
            {"python/pkg/__init__.py": "", "pyproject.toml": '[tool.setuptools.packages.find]\nwhere = ["python"]'},
            {"pkg"}, ("python", "."),
        ),
        (
            {"py/pkg/__init__.py": "", "pyproject.toml": '[tool.poetry]\npackages = [{include = "pkg", from = "py"}]'},
            {"pkg"}, ("py", "."),
        ),
        ({"app/pkg.py": "", "pytest.ini": "[pytest]\npythonpath = app ../up /abs\n"}, {"pkg"}, ("app", ".")),
    ],
)  # fmt: skip
def test_modules_of_a_project(tmp_path: Path, files, modules, folders) -> None:
    write(tmp_path, files)
    assert project_modules(tmp_path) == modules
    assert source_folders(tmp_path) == folders


def test_an_unfriendly_tree_is_survived(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "setup.py")
    os.mkfifo(tmp_path / "test_fifo.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.py").symlink_to(tmp_path / "missing.py")
    write(tmp_path, {"pkg/__init__.py": "", "test_latin.py": "def test_x(): pass\n"})
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n")
    assert "pkg/__init__.py" in classify_files(tmp_path).sources
    assert find_command(tmp_path, python=Path(sys.executable)).kind == "pytest"


# -- settings --------------------------------------------------------------------------------------------------------


def settings_of(root: Path, body: str):
    return load_settings(write(root, {"pyproject.toml": f"[tool.quanta]\n{body}\n"}))


def test_settings(tmp_path: Path) -> None:
    assert load_settings(tmp_path).test is None
    found = settings_of(tmp_path, 'test = "pytest"\npython = "python3.11"\nmax-seconds = 90\nfiles = ["src/**"]')
    assert (found.test, found.python, found.max_seconds, found.files) == ("pytest", "python3.11", 90.0, ("src/**",))
    assert found.requests == ()


def test_a_repository_may_only_ask_for_more_than_the_sandbox_gives(tmp_path: Path) -> None:
    found = settings_of(tmp_path, 'allow = ["network-loopback", "network"]\nenv = ["TOKEN"]\nreadable = ["~/data"]')
    assert found.requests == ("--allow network", "--env TOKEN", "readable ~/data")


@pytest.mark.parametrize(
    ("body", "said", "hint"),
    [
        ('tests = "pytest"', "no setting tests", "Did you mean test?"),
        ("max_seconds = 5", "no setting max_seconds", "Did you mean max-seconds?"),
        ("colour = 1", "no setting colour", "Known settings: allow, env"),
        ("max-seconds = -1", "max-seconds", "-1"),
        ('max-seconds = "long"', "max-seconds", "'long'"),
        ("test = 3", "test", "3"),
        ('test = ""', "test", "''"),
        ('allow = ["everything"]', "allow", "'everything'"),
        ('files = "src"', "files", "'src'"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, body: str, said: str, hint: str) -> None:
    with pytest.raises(QuantaError, match=said) as caught:
        settings_of(tmp_path, body)
    assert hint in (caught.value.hint or "")


def test_a_malformed_pyproject_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[tool.quanta\n"})
    with pytest.raises(QuantaError, match=r"not valid TOML.*line 1"):
        load_settings(tmp_path)
    write(tmp_path, {"pyproject.toml": "[tool]\nquanta = 3\n"})
    with pytest.raises(QuantaError, match="must be a table"):
        load_settings(tmp_path)
