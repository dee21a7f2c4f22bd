"""How test commands are understood: spellings, wrappers, task runners, and what is left to a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantatissu.foundation import QuantaError
from quantatissu.testing.command import BARE_PYTEST, TestCommand, parse_command


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "sub").mkdir()
    for name in ("test_a.py", "test_b.py"):
        (tmp_path / "tests" / name).write_text("")
    return tmp_path


PYTEST = [
    # text, arguments, environment, module form
    ("pytest", (), {}, False),
    ("py.test -x", ("-x",), {}, False),
    ("pytest-3 -q", ("-q",), {}, False),
    ("python -m pytest", (), {}, True),
    ("python3 -mpytest -q", ("-q",), {}, True),
    ("python -m py.test", (), {}, True),
    ("py -3.11 -m pytest", (), {}, True),
    ("python -B -W error -X dev -m pytest tests", ("tests",), {}, True),
    ("python -bb -Werror -um pytest tests", ("tests",), {}, True),
    ("python -I -m pytest", (), {}, False),
    ("python -Pm pytest", (), {}, False),
    (
        "PYTHONPATH=src FOO=1 python -W error -m pytest -q --deselect a::b -k 'x and y' tests/",
        ("-q", "--deselect", "a::b", "-k", "x and y", "tests/"),
        {"PYTHONPATH": "src", "FOO": "1"},
        True,
    ),
    ("env A=1 B='2 3' pytest", (), {"A": "1", "B": "2 3"}, False),
    ("env -u HOME -i A=1 python -m pytest", (), {"A": "1"}, True),
    ("A=1 env B=2 pytest -q", ("-q",), {"A": "1", "B": "2"}, False),
    ("coverage run -m pytest -q", ("-q",), {}, True),
    ("coverage run --branch --source pkg -m pytest && coverage report -m", (), {}, True),
    ("coverage erase && coverage run --source=pkg -m pytest && coverage xml", (), {}, True),
    ("python -m coverage run --parallel-mode -m pytest tests", ("tests",), {}, True),
    ("uv run pytest -q", ("-q",), {}, False),
    ("uv run --extra test --python 3.12 --no-sync python -m pytest", (), {}, True),
    ("uv run -- pytest", (), {}, False),
    ("uv run -m pytest -q", ("-q",), {}, True),
    ("uvx --with hypothesis pytest tests", ("tests",), {}, False),
    ("uv tool run pytest", (), {}, False),
    ("poetry run pytest", (), {}, False),
    ("poetry run coverage run -m pytest", (), {}, True),
    ("pdm run pytest", (), {}, False),
    ("hatch run pytest -q", ("-q",), {}, False),
    ("hatch run test:pytest -q", ("-q",), {}, False),
    ("hatch test -- -q", ("-q",), {}, False),
    ("pipenv run python -m pytest", (), {}, True),
    ("rye run pytest", (), {}, False),
    ("conda run -n science pytest", (), {}, False),
    ("timeout -k 5 60 pytest", (), {}, False),
    ("exec time nice -n 5 pytest -q", ("-q",), {}, False),
    ("pip install -e . && ruff check . && pytest", (), {}, False),
    ("export A=1 B=2 && pytest", (), {"A": "1", "B": "2"}, False),
    ("set -ex && pytest", (), {}, False),
    ("pytest # the quick ones", (), {}, False),
    ("pytest tests/a.py::test_x[1-a]", ("tests/a.py::test_x[1-a]",), {}, False),
    ("pytest tests/test_*.py", ("tests/test_a.py", "tests/test_b.py"), {}, False),
    ("pytest 'tests/test_*.py'", ("tests/test_*.py",), {}, False),
    ("pytest -q \\\n  tests ;", ("-q", "tests"), {}, False),
    ("A=1; export A && pytest".replace("A=1; export A", "export A=1"), (), {"A": "1"}, False),
    ('pytest -k "a \\"b\\" \'c\'"', ("-k", "a \"b\" 'c'"), {}, False),
    ("python setup.py pytest -q", ("-q",), {}, True),
]


@pytest.mark.parametrize(("text", "arguments", "environment", "module_form"), PYTEST, ids=[row[0] for row in PYTEST])
def test_pytest_in_many_spellings(root: Path, text, arguments, environment, module_form) -> None:
    command = parse_command(text, root)
    assert command.kind == "pytest"
    assert command.arguments == arguments
    assert dict(command.environment) == environment
    assert command.module_form is module_form
    assert command.text == text.strip()
    assert command.origin == "--test"
    assert command.argv[0] == "python"
    assert command.argv[len(command.argv) - len(arguments) :] == arguments


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("python -W error -X dev -m pytest", ("-W", "error", "-X", "dev")),
        ("python -bb -Im pytest", ("-bb", "-I")),
        ("python3.11 -Wd -OO -m unittest", ("-Wd", "-OO")),
    ],
)
def test_interpreter_options_are_kept(root: Path, text: str, options: tuple[str, ...]) -> None:
    command = parse_command(text, root)
    assert command.interpreter_options == options
    assert command.argv[1 : 1 + len(options)] == options


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("python -m pytest", None),
        ("python3 -m pytest", None),
        ("pytest", None),
        ("python3.11 -Im pytest", "python3.11"),
        ("./env/bin/python -m pytest", "{root}/env/bin/python"),
        ("/opt/py/bin/python3 -m unittest", "/opt/py/bin/python3"),
        ("cd sub && ../env/bin/python run.py", "{root}/env/bin/python"),
        ("source env/bin/activate && pytest", "{root}/env/bin/python"),
    ],
)
def test_the_interpreter_a_command_names(root: Path, text: str, python: str | None) -> None:
    found = parse_command(text, root).python
    assert (str(found) if found else None) == (python.format(root=root) if python else None)


def test_a_pytest_script_names_the_interpreter_of_its_shebang(root: Path) -> None:
    scripts = root / ".venv" / "bin"
    scripts.mkdir(parents=True)
    (scripts / "python").symlink_to(sys.executable)
    (scripts / "pytest").write_text(f"#!{sys.executable}\nimport pytest\n")
    assert parse_command(".venv/bin/pytest -q", root).python == Path(sys.executable)
    # A venv that was moved: its shebang names nothing, the neighbour still works.
    (scripts / "pytest").write_text("#!/nowhere/bin/python\nimport pytest\n")
    assert parse_command(".venv/bin/pytest -q", root).python == scripts / "python"


def test_working_folder_and_its_variable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    command = parse_command("cd sub && PYTHONPATH=$(pwd)/lib:$PYTHONPATH pytest", root)
    assert (command.kind, command.cwd) == ("pytest", "sub")
    assert command.environment == {"PYTHONPATH": f"{root}/lib:/somewhere"}
    assert parse_command("cd .. && pytest", root, cwd="sub").cwd == "."
    assert parse_command("PYTHONPATH=$PWD pytest", root, cwd="sub").environment == {"PYTHONPATH": f"{root}/sub"}
    assert parse_command('PYTHONPATH="$PWD" pytest', root).environment == {"PYTHONPATH": str(root)}


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("python -m unittest", ()),
        ("python -m unittest discover -s tests -t .", ("discover", "-s", "tests", "-t", ".")),
        ("coverage run -m unittest tests.test_a -v", ("tests.test_a", "-v")),
        ("poetry run python -m unittest tests/test_a.py", ("tests/test_a.py",)),
        ("python setup.py test", ("discover", "-s", "tests")),
    ],
)
def test_unittest(root: Path, text: str, arguments: tuple[str, ...]) -> None:
    command = parse_command(text, root)
    assert (command.kind, command.arguments) == ("unittest", arguments)
    assert command.argv == ("python", "-m", "unittest", *arguments)


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("python manage.py test", ("python", "manage.py", "test")),
        ("DEBUG=1 python tests/run.py --all", ("python", "tests/run.py", "--all")),
        ("./run_tests.sh", ("./run_tests.sh",)),
        ("python -c 'import pkg'", ("python", "-c", "import pkg")),
        ("nose2 -v", ("nose2", "-v")),
        ("make test", ("make", "test")),
        ("tox", ("tox",)),
        ("nox -s tests", ("nox", "-s", "tests")),
        ("python -m doctest README.md", ("python", "-m", "doctest", "README.md")),
        ("coverage run tests/run.py", ("coverage", "run", "tests/run.py")),
    ],
)
def test_generic_commands_keep_their_words(root: Path, text: str, argv: tuple[str, ...]) -> None:
    command = parse_command(text, root)
    assert (command.kind, command.argv) == ("generic", argv)


@pytest.mark.parametrize(
    "text",
    [
        "pytest | tee log",
        "pytest; true",
        "pytest || exit 1",
        "pytest > log 2>&1",
        "pytest $(git ls-files tests)",
        "pytest `ls`",
        "pytest $TARGET",
        "(cd sub; pytest)",
        "pytest tests/unit && pytest tests/slow",
        "./prepare.sh && pytest",
        "cd ../elsewhere && pytest",
        "cd missing && pytest",
        "pytest &",
        "pytest &&",
        "pytest /etc/*.py",
        "pytest ../*.py",
        "pytest\nruff check",
    ],
)
def test_what_needs_a_shell_is_given_to_one(root: Path, text: str) -> None:
    command = parse_command(text, root)
    assert (command.kind, command.argv) == ("generic", ("sh", "-c", text.strip()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pytest -k 'a and b", "single quote"),
        ('pytest -k "a', "double quote"),
        ("pytest \\", "backslash"),
        ("", "empty"),
        ("   \n", "empty"),
        ("pytest a\0b", "NUL"),
    ],
)
def test_malformed_text_is_refused_with_the_reason(root: Path, text: str, said: str) -> None:
    with pytest.raises(QuantaError, match=said) as caught:
        parse_command(text, root)
    assert caught.value.hint


# -- task runners ----------------------------------------------------------------------------------------------------

TOX = """
[tox]
envlist = lint, py{39,310-311}-{new,old}
[base]
flags = -q
    -x
[testenv]
setenv =
    PYTHONPATH = {toxinidir}/src
    old: OLD = 1
commands =
    python -m pip list
    coverage erase
    coverage run -m pytest {[base]flags} \\
        {posargs:tests} \\
        --basetemp={envtmpdir}
    coverage html -d {unknownthing}
[testenv:lint]
commands = ruff check .
[testenv:docs]
changedir = sub
commands = sphinx-build .
    pytest --doctest-modules
[testenv:{a,b}-twice]
commands =
    pytest tests/test_a.py
    pytest tests/test_b.py
"""


@pytest.mark.parametrize(
    ("text", "arguments", "environment", "cwd"),
    [
        ("tox", ("-q", "-x", "tests"), {}, "."),
        ("tox -e py311-new", ("-q", "-x", "tests"), {}, "."),
        ("tox -epy39-old", ("-q", "-x", "tests"), {"OLD": "1"}, "."),
        ("tox run -e lint,py310-new -- -k 'a b'", ("-q", "-x", "-k", "a b"), {}, "."),
        ("python -m tox -e py310-old", ("-q", "-x", "tests"), {"OLD": "1"}, "."),
        ("tox -e docs", ("--doctest-modules",), {}, "sub"),
    ],
)
def test_tox_ini(root: Path, text: str, arguments, environment, cwd) -> None:
    (root / "tox.ini").write_text(TOX)
    command = parse_command(text, root)
    assert (command.kind, command.cwd) == ("pytest", cwd)
    assert tuple(word for word in command.arguments if word != "--basetemp=/tmp/tox") == arguments
    assert command.environment == {"PYTHONPATH": f"{root}/src", **environment}
    assert command.origin.startswith("tox.ini (environment ")


@pytest.mark.parametrize("text", ["tox -e lint", "tox -e a-twice", "tox -m group", "tox devenv"])
def test_tox_environments_that_do_not_come_down_to_one_runner(root: Path, text: str) -> None:
    (root / "tox.ini").write_text(TOX)
    assert parse_command(text, root).kind == "generic"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("setup.cfg", "[tox:tox]\nenvlist = py\n[testenv]\ncommands = pytest -q {posargs}\n"),
        (
            "pyproject.toml",
            '[tool.tox]\nlegacy_tox_ini = """\n[tox]\nenvlist = py\n[testenv]\ncommands = pytest -q {posargs}\n"""\n',
        ),
        (
            "pyproject.toml",
            '[tool.tox.env_run_base]\ncommands = [["pytest", "-q", {replace = "posargs", extend = true}]]\n',
        ),
        ("tox.toml", 'env_list = ["3.12"]\n[env_run_base]\ncommands = [["pytest", "-q", {replace = "posargs"}]]\n'),
    ],
)
def test_tox_in_its_other_files(root: Path, name: str, content: str) -> None:
    (root / name).write_text(content)
    assert parse_command("tox -- tests", root).arguments == ("-q", "tests")


NOX = """
import nox
nox.options.sessions = ["lint", "tests"]
FLAGS = ["-q"]
raise SystemExit("this file must never run")

@nox.session(python=["3.9", "3.11"])
def tests(session):
    session.install(".", "pytest")
    args = session.posargs or ["tests/"]
    session.run("pytest", *FLAGS, *args, env={"A": "1"})
    session.run("coverage", "report", f"--fail-under={UNKNOWN}")

@nox.session
def lint(session):
    session.run("ruff", "check")

@nox.session(name="in-sub")
def nested(session):
    with session.chdir("sub"):
        pass
    session.chdir("sub")
    session.run("python", "-m", "unittest", f"{'test'}_x")

@nox.session
def maybe(session):
    if session.posargs:
        session.run("pytest", "a")
    else:
        session.run("pytest", "b")

@nox.session
def unknown(session):
    session.run("pytest", *make_arguments())
"""


@pytest.mark.parametrize(
    ("text", "kind", "arguments", "cwd"),
    [
        ("nox", "pytest", ("-q", "tests/"), "."),
        ("nox -s tests", "pytest", ("-q", "tests/"), "."),
        ("nox -s tests-3.9 -- -k z", "pytest", ("-q", "-k", "z"), "."),
        ("python -m nox --session=tests", "pytest", ("-q", "tests/"), "."),
        ("nox -s in-sub", "unittest", ("test_x",), "sub"),
        ("nox -s lint", "generic", (), "."),
        ("nox -s maybe", "generic", (), "."),
        ("nox -s unknown", "generic", (), "."),
        ("nox -k tests", "generic", (), "."),
    ],
)
def test_noxfile_is_read_and_never_run(root: Path, text: str, kind: str, arguments, cwd: str) -> None:
    (root / "noxfile.py").write_text(NOX)
    command = parse_command(text, root)
    assert (command.kind, command.arguments, command.cwd) == (kind, arguments, cwd)


MAKE = """
PY ?= python3
FLAGS := -q
FLAGS += -x
TREE = $(FLAGS) $(DIR)
DIR = tests
export SETTING = x
.PHONY: test lint
all: lint
lint: ; ruff check
test: lint
	@echo running
	-PYTHONPATH=$$PWD/src $(PY) -m pytest ${TREE} # quick
	@coverage report
again:
	$(MAKE) -C . test DIR=sub
unit check: test
in-sub:
	cd sub && pytest
listed:
	pytest $(shell ls)
both:
	pytest a
	pytest b
hidden:
	pytest a
	./runtests --slow
scoped: FLAGS = -v
scoped:
	pytest $(FLAGS)
ifdef SLOW
slow:
	pytest slow
endif
"""


@pytest.mark.parametrize(
    ("text", "arguments", "environment", "cwd"),
    [
        ("make test", ("-q", "-x", "tests"), {"PYTHONPATH": "{root}/src"}, "."),
        ("make check", ("-q", "-x", "tests"), {"PYTHONPATH": "{root}/src"}, "."),
        ("make -j test DIR=sub", ("-q", "-x", "sub"), {"PYTHONPATH": "{root}/src"}, "."),
        ("make again", ("-q", "-x", "sub"), {"PYTHONPATH": "{root}/src"}, "."),
        ("make in-sub", (), {}, "sub"),
        ("make scoped", ("-v",), {}, "."),
    ],
)
def test_makefile(root: Path, text: str, arguments, environment, cwd) -> None:
    (root / "Makefile").write_text(MAKE)
    command = parse_command(text, root)
    assert (command.kind, command.arguments, command.cwd) == ("pytest", arguments, cwd)
    expected = {name: value.format(root=root) for name, value in environment.items()}
    assert command.environment == {"SETTING": "x", **expected}


@pytest.mark.parametrize("target", ["listed", "both", "hidden", "slow", "lint", "absent", "", "test lint"])
def test_make_targets_beyond_what_is_read(root: Path, target: str) -> None:
    (root / "Makefile").write_text(MAKE)
    assert parse_command(f"make {target}", root).kind == "generic"


def test_an_environment_that_a_recipe_would_make_first_is_not_named(root: Path) -> None:
    (root / "Makefile").write_text("V = env\ntest:\n\tpython -m venv $V\n\t$(V)/bin/python -m pytest\n")
    assert parse_command("make test", root).python is None
    (root / "env/bin").mkdir(parents=True)
    (root / "env/bin/python").write_text("")
    assert parse_command("make test", root).python == root / "env/bin/python"


def test_runners_that_call_each_other_for_ever_end(root: Path) -> None:
    (root / "Makefile").write_text("test:\n\ttox\n")
    (root / "tox.ini").write_text("[tox]\nenvlist=py\n[testenv]\ncommands = make test\n")
    assert parse_command("make test", root).kind == "generic"


def test_make_in_a_folder_outside_the_project_is_not_followed(root: Path) -> None:
    project = root / "sub"
    (root / "Makefile").write_text("test:\n\tpytest\n")
    assert parse_command("make -C .. test", project).kind == "generic"


@pytest.mark.parametrize(
    ("pyproject", "text", "arguments"),
    [
        ('[tool.hatch.envs.default.scripts]\ntest = "pytest {args:tests}"', "hatch run test", ("tests",)),
        (
            '[tool.hatch.envs.default.scripts]\nt = "pytest {args:tests}"\nall = ["ruff check", "t -q"]',
            "hatch run all", ("-q",),
        ),
        ('[tool.hatch.envs.ci.scripts]\ntest = "python -m pytest {args}"', "hatch run ci:test -x", ("-x",)),
        ('[tool.pdm.scripts]\ntest = "pytest -q"', "pdm run test tests", ("-q", "tests")),
        ('[tool.pdm.scripts.test]\ncmd = ["pytest", "-k", "a b"]', "pdm run test", ("-k", "a b")),
        ('[tool.poe.tasks]\ntest = "pytest -q"\nlint = "ruff"\nall = ["lint", "test"]', "poetry run poe all", ("-q",)),
    ],
)  # fmt: skip
def test_scripts_of_project_managers(root: Path, pyproject: str, text: str, arguments) -> None:
    (root / "pyproject.toml").write_text(pyproject)
    command = parse_command(text, root)
    assert (command.kind, command.arguments) == ("pytest", arguments)


def test_hostile_files_do_not_hang_or_break(root: Path) -> None:
    os.mkfifo(root / "Makefile")
    (root / "tox.ini").write_bytes(b"\xff\xfe[tox\n\0")
    (root / "noxfile.py").write_text("(" * 5000)
    (root / "pyproject.toml").write_text("not = = toml")
    for text in ("make test", "tox", "nox", "pdm run test", "hatch run x:y"):
        assert parse_command(text, root).kind == "generic"


# -- using a command -------------------------------------------------------------------------------------------------


def test_an_interpreter_takes_the_place_of_the_one_named() -> None:
    command = TestCommand("generic", ("python3", "run.py"), "", "--test")
    assert command.argv_for(Path("/x/python")) == ("/x/python", "run.py")
    assert TestCommand("generic", ("sh", "-c", "x"), "", "--test").argv_for(Path("/x/python")) == ("sh", "-c", "x")


def test_arguments_cannot_be_added_to_a_generic_command(root: Path) -> None:
    assert parse_command("pytest -q", root).with_arguments(["t.py"]).argv[-2:] == ("-q", "t.py")
    with pytest.raises(QuantaError, match="neither pytest nor unittest"):
        parse_command("./run", root).with_arguments(["t.py"])


@pytest.mark.parametrize(("text", "passes"), [("python -m pytest", True), ("pytest", False)])
def test_bare_pytest_keeps_the_working_folder_off_the_path(tmp_path: Path, text: str, passes: bool) -> None:
    (tmp_path / "lib.py").write_text("")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_lib.py").write_text("def test_import():\n    import lib\n")
    command = parse_command(f"{text} -q -p no:cacheprovider", tmp_path)
    argv = command.argv_for(Path(sys.executable))
    assert (BARE_PYTEST in argv) is not passes
    ran = subprocess.run(argv, cwd=tmp_path, capture_output=True, timeout=60, env={"PATH": "/usr/bin"})
    assert (ran.returncode == 0) is passes, ran.stdout.decode()


_TOKENS = (
    r"""pytest python -m unittest tox nox make test -e -s -- && cd sub env uv run coverage A=1 ' " \ $X ${ $(pwd) ` """
    "* [ ~/ # ; timeout {posargs} source activate export -C .. / -f --env= hatch poe py -3 setup.py"
)
_PIECES = st.sampled_from(_TOKENS.split())
_COMMANDS = st.one_of(
    st.text(max_size=60),
    st.lists(_PIECES, max_size=9).map(" ".join),
    st.lists(_PIECES, max_size=6).map("".join),
    st.lists(_PIECES, max_size=6).map("\n".join),
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_COMMANDS)
def test_any_text_is_a_command_or_a_clear_error(root: Path, text: str) -> None:
    if not (root / "tox.ini").exists():
        (root / "tox.ini").write_text(TOX)
        (root / "noxfile.py").write_text(NOX)
        (root / "Makefile").write_text(MAKE)
    try:
        command = parse_command(text, root)
    except QuantaError:
        return
    assert command.argv
    assert (root / command.cwd).is_dir()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(makefile=st.text(max_size=200), tox=st.text(max_size=120), nox=st.text(max_size=120))
def test_any_file_content_is_survived(root: Path, makefile: str, tox: str, nox: str) -> None:
    (root / "Makefile").write_bytes(b"test:\n\t" + makefile.encode("utf-8", "replace"))
    (root / "tox.ini").write_bytes(b"[testenv]\ncommands = pytest " + tox.encode("utf-8", "replace"))
    (root / "noxfile.py").write_bytes(nox.encode("utf-8", "replace"))
    for text in ("make test", "tox -e x", "nox"):
        try:
            parse_command(text, root)
        except QuantaError:
            pass
