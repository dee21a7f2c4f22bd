"""Failures that are no bug of the code, and the bugs that look like them."""

from __future__ import annotations

import pytest
from diagnostic_samples import OUTPUTS, read

from quantatissu.diagnostics import (
    Diagnostic,
    EnvironmentCause,
    Frame,
    environment_cause,
    environment_failures,
    parse,
)

VERSIONS = ["py39-pytest62", "py312-pytest84"]
PROJECT = {"bank"}


def _cause(found: list[Diagnostic], *, sandboxed: bool = True) -> EnvironmentCause:
    cause = environment_cause(found, project_modules=PROJECT, sandboxed=sandboxed)
    assert cause is not None
    return cause


def _of_test(version: str, run: str, test: str) -> list[Diagnostic]:
    found = [item for item in read(version, f"environment_{run}.txt") if item.test and item.test.endswith("::" + test)]
    assert found, test
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("test", "kind", "says", "suggestion"),
    [
        ("test_dependency", "missing-dependency", "yaml", "pip install PyYAML"),
        ("test_namespace", "missing-dependency", "google.cloud.storage", "pip install google-cloud-storage"),
        ("test_name", "network", "example.org", "--allow network"),
        ("test_url", "network", "example.org", "--allow network"),
        ("test_unreachable", "network", "192.0.2.1:80", "--allow network"),
        ("test_carried", "network", "192.0.2.1:80", "--allow network"),
        ("test_loopback", "network", "127.0.0.1:8000", "--allow network-loopback"),
        ("test_home", "home", ".aws", "--allow home"),
        ("test_variable", "missing-variable", "SERVICE_TOKEN", "--env SERVICE_TOKEN"),
        ("test_program", "missing-executable", "ffprobe", "install ffprobe"),
        ("test_async_program", "missing-executable", "terraform", "install terraform"),
        ("test_read_only", "permission", "/sys/kernel/uevent_seqnum", "tmp_path"),
    ],
)
def test_causes_of_real_runs(version: str, test: str, kind: str, says: str, suggestion: str) -> None:
    cause = _cause(_of_test(version, "unplugged", test))
    assert cause.kind == kind
    assert says in cause.message
    assert suggestion in cause.suggestion
    assert cause.suggestion != "--allow network" or "loopback" not in suggestion
    assert cause.tests == (f"test_environment.py::{test}",)


@pytest.mark.parametrize("version", VERSIONS)
def test_services_that_refuse(version: str) -> None:
    cause = _cause(_of_test(version, "service", "test_service"))
    assert (cause.kind, cause.message) == ("missing-service", "PostgreSQL refuses connections at 127.0.0.1:5432")
    assert cause.suggestion == "start PostgreSQL at 127.0.0.1:5432 and pass --allow network"
    assert "--allow" not in _cause(_of_test(version, "service", "test_service"), sandboxed=False).suggestion
    assert "Redis" in _cause(_of_test(version, "service", "test_async_service")).message
    own = _of_test(version, "service", "test_own_port")
    assert environment_cause(own) is None, "nobody else listens there, so the project's own server should"


@pytest.mark.parametrize("version", VERSIONS)
def test_no_bug_is_blamed_on_the_environment(version: str) -> None:
    found = read(version, "environment_bugs.txt")
    assert len({item.test for item in found}) == 22
    for sandboxed in (True, False):
        assert environment_failures(found, project_modules=PROJECT, sandboxed=sandboxed).tests == ()
    assert environment_failures(found).tests == (), "not even when the project's modules are not known"


@pytest.mark.parametrize("run", [path.name for path in sorted(OUTPUTS.glob("py312*/pytest_*"))])
def test_ordinary_failures_are_not_explained_away(run: str) -> None:
    for version in ("py39-pytest62", "py310-pytest74", "py312-pytest84", "py313-pytest9"):
        if (OUTPUTS / version / run).exists() and "plugin" not in run:
            tests = environment_failures(read(version, run), project_modules=PROJECT).tests
            assert set(tests) <= {"test_dependency.py"}


@pytest.mark.parametrize(
    ("run", "says"),
    [("newer", "match"), ("typing", "typing.Self"), ("union", "X | Y"), ("module", "tomllib")],
)
def test_interpreter_too_old(run: str, says: str) -> None:
    cause = _cause(read("py39-pytest62", f"environment_{run}.txt"))
    assert cause.kind == "interpreter" and says in cause.message
    assert "Python >=3.1" in cause.suggestion
    assert read("py312-pytest84", f"environment_{run}.txt") == []


def test_interpreter_too_new() -> None:
    cause = _cause(read("py312-pytest84", "environment_old_module.txt"))
    assert (cause.kind, cause.suggestion) == ("interpreter", "--python with a Python <3.12")
    assert read("py39-pytest62", "environment_old_module.txt") == []


@pytest.mark.parametrize("version", VERSIONS)
def test_newer_syntax_in_scripts(version: str) -> None:
    for name in ("match", "generic"):
        found = read(version, f"script_{name}.txt")
        if found:
            assert _cause(found).kind == "interpreter"
    assert environment_cause(read(version, "script_syntax.txt")) is None


def _syntax(line: str, version: str, message: str = "invalid syntax") -> list[Diagnostic]:
    return parse(
        f'Traceback (most recent call last):\n  File "/usr/lib/python{version}/runpy.py", line 1, in f\n    g()\n'
        f'  File "/p/x.py", line 3\n    {line}\n    ^\nSyntaxError: {message}\n'
    )


@pytest.mark.parametrize(
    ("line", "version", "needed"),
    [
        ("match command:", "3.9", ">=3.10"),
        ("except* ValueError as group:", "3.10", ">=3.11"),
        ("type Pair = tuple[int, int]", "3.11", ">=3.12"),
        ("def first[T](items: list[T]) -> T:", "3.11", ">=3.12"),
        ("class Box[T]:", "3.11", ">=3.12"),
        ("match command:", "3.12", None),
        ("match command", "3.9", None),
        ("def first[T](items:", "3.13", None),
        ("x = = 3", "3.9", None),
        ("except ValueError, error:", "3.9", None),
        ("match = [1, 2", "3.9", None),
    ],
)
def test_syntax_needs_a_version(line: str, version: str, needed: str | None) -> None:
    cause = environment_cause(_syntax(line, version))
    assert (cause.suggestion.endswith(needed) if cause and needed else cause is needed) is True


def _raised(code: str, message: str, *frames: Frame, raw: str = "", causes: tuple[Diagnostic, ...] = ()) -> Diagnostic:
    return Diagnostic(
        "pytest", "test", "error", message, code=code, test="t.py::t", frames=frames, raw=raw, causes=causes
    )


OWN = Frame("/p/bank/net.py", 3, "go", "client.go()")
LIBRARY = "/env/lib/python3.12/site-packages/"


@pytest.mark.parametrize(
    ("found", "kind", "suggestion"),
    [
        (
            _raised(
                "psycopg2.OperationalError",
                'connection to server at "db" (10.0.0.2), port 5432 failed: Connection refused',
                OWN,
                Frame(LIBRARY + "psycopg2/__init__.py", 122, "connect", "conn = _connect(dsn)"),
            ),
            "missing-service",
            "start PostgreSQL at db:5432 and pass --allow network",
        ),
        (
            _raised(
                "redis.exceptions.ConnectionError",
                "Error 111 connecting to localhost:6379. Connection refused.",
                OWN,
                Frame(LIBRARY + "redis/connection.py", 9, "connect", "raise ConnectionError(self._error_message(e))"),
            ),
            "missing-service",
            "start Redis at localhost:6379 and pass --allow network",
        ),
        (
            _raised(
                "requests.exceptions.ConnectionError",
                "HTTPSConnectionPool(host='packages.example', port=443): Max retries exceeded with url: /x (Caused by "
                "NameResolutionError(\"Failed to resolve 'packages.example' ([Errno -3] Name or service not known)\"))",
                OWN,
                Frame(LIBRARY + "requests/adapters.py", 9, "send", "raise ConnectionError(e, request=request)"),
            ),
            "network",
            "--allow network",
        ),
        (
            _raised(
                "PermissionError",
                "[Errno 13] Permission denied",
                OWN,
                Frame("/usr/lib/python3.12/multiprocessing/synchronize.py", 57, "__init__", "sl = SemLock("),
            ),
            "shared-memory",
            "/dev/shm",
        ),
        (
            _raised("RuntimeError", "Could not determine home directory.", Frame("/usr/lib/python3.12/pathlib.py", 9)),
            "home",
            "--allow home",
        ),
        (
            _raised("FixtureLookupError", "fixture 'mocker' not found\navailable fixtures: cache"),
            "missing-dependency",
            "pip install pytest-mock",
        ),
        (
            _raised("Failed", "async def functions are not natively supported.\nYou need to install a plugin"),
            "missing-dependency",
            "pip install pytest-asyncio",
        ),
    ],
)
def test_causes_by_message(found: Diagnostic, kind: str, suggestion: str) -> None:
    cause = _cause([found])
    assert cause.kind == kind
    assert suggestion in cause.suggestion


@pytest.mark.parametrize(
    "found",
    [
        _raised("ConnectionRefusedError", "[Errno 111] Connection refused", Frame("/p/t.py", 1, "f", "raise error")),
        _raised("redis.exceptions.ConnectionError", "Connection refused", Frame("/p/fake.py", 1, "f", "raise X()")),
        _raised("bank.net.ConnectionError", "[Errno 111] Connection refused by localhost:5432", OWN),
        _raised("PermissionError", "[Errno 13] Permission denied: 'data/out.txt'", OWN),
        _raised("FileNotFoundError", "[Errno 2] No such file or directory: '/home/me/.bank/data.json'", OWN),
        _raised("FileNotFoundError", "[Errno 2] No such file or directory: '/home/me/project/x.json'", OWN),
        _raised("KeyError", "'TOKEN'", Frame("/p/bank/x.py", 1, "f", 'settings["TOKEN"]')),
        _raised("KeyError", "'TOKEN'"),
        _raised("ModuleNotFoundError", "No module named 'bank.coer'"),
        _raised("ModuleNotFoundError", "No module named 'numpy.arrays'"),
        _raised("ModuleNotFoundError", "No module named 'json.tool.x'; 'json.tool' is not a package"),
        _raised("ModuleNotFoundError", "No module named 'helpers'", Frame("/p/helpers/__init__.py", 1, "<module>")),
        _raised("ModuleNotFoundError", "No module named 'bnak'"),
        _raised("ImportError", "cannot import name 'Flsk' from 'flask' (/env/flask/__init__.py)"),
        _raised(
            "NameError", "name 'f' is not defined", causes=(_raised("ModuleNotFoundError", "No module named 'yaml'"),)
        ),
        _raised("AssertionError", "assert 'Name or service not known' == 'ok'"),
        _raised("FixtureLookupError", "fixture 'acount' not found"),
        _raised("NameError", "name 'ExceptionGroups' is not defined"),
    ],
)
def test_bugs_by_message(found: Diagnostic) -> None:
    assert environment_cause([found], project_modules=PROJECT) is None


def test_a_failed_import_that_another_import_replaces() -> None:
    inner = _raised("ModuleNotFoundError", "No module named 'tomllib'")
    cause = _cause([_raised("ModuleNotFoundError", "No module named 'tomli'", causes=(inner,))])
    assert cause.suggestion == "pip install tomli"


def test_all_or_nothing() -> None:
    found = read("py312-pytest84", "environment_unplugged.txt")
    cause = _cause(found)
    assert cause.kind == "network"
    assert len(cause.tests) == len({item.test for item in found})
    assert "pip install PyYAML" in cause.suggestion and "--allow network" in cause.suggestion
    mixed = [*found, *_of_test("py312-pytest84", "bugs", "test_dict")]
    assert environment_cause(mixed, project_modules=PROJECT) is None
    split = environment_failures(mixed, project_modules=PROJECT)
    assert split.other == ("test_bugs.py::test_dict",)
    assert set(split.tests) == set(cause.tests)


def test_a_test_with_a_bug_beside_its_cause_stays_a_bug() -> None:
    missing = _raised("ModuleNotFoundError", "No module named 'yaml'")
    bug = _raised("AssertionError", "assert 1 == 2")
    assert environment_failures([missing, bug]).other == ("t.py::t",)
    assert environment_cause([]) is None


def test_groups_need_every_member() -> None:
    missing = _raised("ModuleNotFoundError", "No module named 'yaml'")
    bug = _raised("ValueError", "x")
    assert _cause([_raised("ExceptionGroup", "two", causes=(missing, missing))]).kind == "missing-dependency"
    assert environment_cause([_raised("ExceptionGroup", "two", causes=(missing, bug))]) is None


@pytest.mark.parametrize(
    ("output", "kind", "suggestion"),
    [
        ("/usr/bin/python3: No module named pytest\n", "missing-dependency", "pip install pytest"),
        ("/bin/sh: 1: pytest: not found\n", "missing-executable", "pip install pytest"),
        (
            "ERROR: usage: pytest [options]\npytest: error: unrecognized arguments: --cov=bank --cov-report=term\n",
            "missing-dependency",
            "pip install pytest-cov",
        ),
        (
            "ImportError while loading conftest '/p/conftest.py'.\nconftest.py:1: in <module>\n    import yaml\n"
            "E   ModuleNotFoundError: No module named 'yaml'\n",
            "missing-dependency",
            "pip install PyYAML",
        ),
    ],
)
def test_commands_that_cannot_start(output: str, kind: str, suggestion: str) -> None:
    cause = _cause(parse(output))
    assert (cause.kind, cause.suggestion, cause.tests) == (kind, suggestion, ())


@pytest.mark.parametrize("version", ["py312-pytest84", "py313-pytest9"])
def test_plugin_named_by_an_option(version: str) -> None:
    assert _cause(read(version, "pytest_no_plugin.txt")).suggestion == "pip install no-such-plugin"


def test_outside_the_sandbox_nothing_is_allowed() -> None:
    found = read("py312-pytest84", "environment_unplugged.txt")
    split = environment_failures(found, project_modules=PROJECT, sandboxed=False)
    assert not any("--allow" in cause.suggestion for cause in split.causes)
    assert "test_environment.py::test_home" in split.other
