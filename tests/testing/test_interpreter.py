"""Which Python runs a project's tests, what of the host it needs, and what it says of itself inside the sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

from quantatissu.foundation import QuantaError
from quantatissu.sandbox import Sandbox, open_sandbox
from quantatissu.testing.command import parse_command
from quantatissu.testing.executables import base_prefixes, has_module, may_be_shown, resolve_shim
from quantatissu.testing.interpreter import (
    Interpreter,
    choose_interpreter,
    missing_source_path,
    probe,
    readable_roots,
    require_runner,
)
from quantatissu.testing.layout import Layout
from quantatissu.testing.plugins import without_absent_plugins

PYENV = Path.home() / ".pyenv" / "versions"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "LANG": "C.UTF-8"}


def pyenv(version: str) -> Path:
    """An interpreter such as 3.9's, kept by pyenv below the home folder; skips the test when there is none."""
    found = sorted(PYENV.glob(f"{version}.*/bin/python{version}"))
    if not found:
        pytest.skip(f"no Python {version} below {PYENV}")
    return found[-1]


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return open_sandbox()


@pytest.fixture(scope="module")
def other_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv without pip, whose base lies wherever the running Python's does."""
    folder = tmp_path_factory.mktemp("venvs") / "env"
    venv.create(folder, symlinks=True)
    return folder


def make_venv(folder: Path, python: Path | None = None) -> Path:
    if python is None:
        venv.create(folder, symlinks=True)
    else:
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    return folder / "bin" / "python"


def site_of(python: Path) -> Path:
    return next((python.parent.parent / "lib").glob("python3*/site-packages"))


# -- choosing --------------------------------------------------------------------------------------------------------


def fake_python(path: Path) -> Path:
    """A link to a real interpreter, which is what PATH entries of other tools look like."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.realpath(sys.executable))
    return path


def test_the_order_of_choice(tmp_path: Path, other_venv: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    own, named = make_venv(root / ".venv"), make_venv(tmp_path / "named")
    active = {"VIRTUAL_ENV": str(other_venv), "PATH": "/usr/bin:/bin"}
    plain = parse_command("pytest", root)

    assert choose_interpreter(root, parse_command("../named/bin/python -m pytest", root), own, environ=active) == named
    assert choose_interpreter(root, parse_command("../named/bin/python run.py", root), own, environ=active) == named
    assert choose_interpreter(root, plain, named, environ=active) == named
    assert choose_interpreter(root, plain, tmp_path / "named", environ=active) == named
    assert choose_interpreter(root, plain, None, environ=active) == own
    # A bare ``python`` in the command does not name one: the option does.
    assert choose_interpreter(root, parse_command("python -m pytest", root), named, environ=active) == named
    (root / ".venv").rename(root / "venv")
    assert choose_interpreter(root, plain, None, environ=active) == root / "venv/bin/python"
    shutil.rmtree(root / "venv")
    assert choose_interpreter(root, plain, None, environ=active) == other_venv / "bin/python"
    make_venv(root / ".tox" / "py")
    (root / "tox.ini").write_text("[testenv]\ncommands = pytest\n")
    tox = parse_command("tox -e py", root)
    assert choose_interpreter(root, tox, None, environ={"PATH": "/usr/bin"}) == root / ".tox/py/bin/python"


def test_a_venv_named_by_a_file(tmp_path: Path, other_venv: Path) -> None:
    (tmp_path / ".venv").write_text(f"{other_venv}\n")
    command = parse_command("pytest", tmp_path)
    assert choose_interpreter(tmp_path, command, None, environ={}) == other_venv / "bin/python"


def test_a_pytest_script_chooses_its_own_interpreter(tmp_path: Path) -> None:
    python = make_venv(tmp_path / "env")
    (tmp_path / "env/bin/pytest").write_text(f"#!{python}\nimport pytest\n")
    (tmp_path / "env/bin/pytest").chmod(0o755)
    command = parse_command("env/bin/pytest -q", tmp_path)
    assert choose_interpreter(tmp_path, command, None, environ={}) == python


def test_on_path_the_one_with_the_runner_is_taken(tmp_path: Path, other_venv: Path) -> None:
    with_pytest = make_venv(tmp_path / "with")
    (site_of(with_pytest) / "pytest").mkdir()
    path = {"PATH": f"{other_venv / 'bin'}:{with_pytest.parent}"}
    command = parse_command("pytest", tmp_path)
    assert choose_interpreter(tmp_path, command, None, environ=path).parent == with_pytest.parent
    generic = parse_command("python run.py", tmp_path)
    assert choose_interpreter(tmp_path, generic, None, environ=path).parent == other_venv / "bin"


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="the tests do not run in an environment of their own")
def test_the_tools_own_environment(tmp_path: Path, other_venv: Path) -> None:
    command = parse_command("python run.py", tmp_path)
    mine, other = str(Path(sys.prefix) / "bin"), str(other_venv / "bin")
    assert choose_interpreter(tmp_path, command, None, environ={"PATH": f"{mine}:{other}"}).parent == Path(other)
    # Nothing else there, or activated by the person: then it is the right one.
    assert choose_interpreter(tmp_path, command, None, environ={"PATH": mine}).parent == Path(mine)
    active = {"PATH": f"{mine}:{other}", "VIRTUAL_ENV": sys.prefix}
    assert choose_interpreter(tmp_path, command, None, environ=active).parent == Path(mine)
    # No other one has pytest, and ours does.
    tests = parse_command("pytest", tmp_path)
    assert choose_interpreter(tmp_path, tests, None, environ={"PATH": other}).parent == Path(mine)


def test_pyenv_shims_are_resolved_and_not_run(tmp_path: Path) -> None:
    tool, project = tmp_path / "pyenv", tmp_path / "work" / "project"
    project.mkdir(parents=True)
    for version in ("3.10.4", "3.11.9", "3.11.10", "3.12.1"):
        fake_python(tool / "versions" / version / "bin" / "python")
        fake_python(tool / "versions" / version / "bin" / f"python{version.rpartition('.')[0]}")
    shims = tool / "shims"
    shims.mkdir()
    for name in ("python", "python3.10", "python3.13"):
        (shims / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        (shims / name).chmod(0o755)

    def at(name: str, environ: dict[str, str] | None = None) -> str | None:
        found = resolve_shim(shims / name, project, environ or {})
        return found.parent.parent.name if found else None

    assert at("python") is None
    (tool / "version").write_text("3.12.1\n")
    assert at("python") == "3.12.1"
    (tmp_path / "work" / ".python-version").write_text("3.11  # newest\n")
    assert at("python") == "3.11.10"
    assert at("python", {"PYENV_VERSION": "3.10.4"}) == "3.10.4"
    assert at("python", {"PYENV_VERSION": "system"}) is None
    assert at("python3.10") == "3.10.4"
    assert at("python3.13") is None
    environ = {"PATH": str(shims)}
    command = parse_command("python3.10 -m pytest", project)
    assert choose_interpreter(project, command, None, environ=environ).parent.parent.name == "3.10.4"
    command = parse_command("python run.py", project)
    assert choose_interpreter(project, command, None, environ=environ).parent.parent.name == "3.11.10"
    assert not (tmp_path / "ran").exists()


def test_asdf_shims_follow_tool_versions(tmp_path: Path) -> None:
    tool = tmp_path / "asdf"
    fake_python(tool / "installs/python/3.12.3/bin/python")
    (tool / "shims").mkdir()
    (tool / "shims/python").write_text("#!/bin/sh\n")
    (tool / "shims/python").chmod(0o755)
    (tmp_path / ".tool-versions").write_text("nodejs 20\npython 3.12.3\n")
    assert resolve_shim(tool / "shims/python", tmp_path, {}) == tool / "installs/python/3.12.3/bin/python"


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("python9.9", "no python9.9 on PATH"),
        ("./missing/python", "no interpreter .*missing/python"),
        ("./dangling", "it is a link to .*nowhere"),
        ("./plain.txt", "not an executable file"),
        ("./wrapper", "is a script, not a Python"),
        ("./folder", "a folder without bin/python"),
    ],
)
def test_an_interpreter_that_was_named_must_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str, said: str
) -> None:
    (tmp_path / "dangling").symlink_to("/nowhere/python")
    (tmp_path / "plain.txt").write_text("")
    (tmp_path / "wrapper").write_text("#!/bin/sh\nexec python3\n")
    (tmp_path / "wrapper").chmod(0o755)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    command = parse_command("pytest", tmp_path)
    with pytest.raises(QuantaError, match=said) as caught:
        choose_interpreter(tmp_path, command, Path(python), environ={"PATH": "/usr/bin:/bin"})
    assert caught.value.hint
    assert "--python" in caught.value.message


def test_a_missing_interpreter_in_the_command_is_not_replaced(tmp_path: Path) -> None:
    command = parse_command(".venv/bin/python -m pytest", tmp_path)
    with pytest.raises(QuantaError, match="the test command"):
        choose_interpreter(tmp_path, command, None, environ={"PATH": "/usr/bin"})


# -- what must be visible --------------------------------------------------------------------------------------------


def test_a_venv_needs_itself_and_its_base(tmp_path: Path) -> None:
    base = pyenv("3.11")
    python = make_venv(tmp_path / "venv", base)
    root = tmp_path / "project"
    root.mkdir()
    roots = readable_roots(python, root)
    assert tmp_path / "venv" in roots
    assert base.parent.parent in roots
    # A venv inside the project comes with it.
    inside = make_venv(root / ".venv", base)
    assert readable_roots(inside, root) == (base.parent.parent,)


def test_links_between_an_environment_and_its_base_are_followed(tmp_path: Path, sandbox: Sandbox) -> None:
    base = pyenv("3.12").parent.parent
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "cpython-3.12").symlink_to(base)
    root = tmp_path / "project"
    environment = root / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "lib/python3.12/site-packages").mkdir(parents=True)
    (environment / "bin/python").symlink_to(tmp_path / "store/cpython-3.12/bin/python3.12")
    (environment / "pyvenv.cfg").write_text(f"home = {tmp_path}/store/cpython-3.12/bin\n")
    found = probe(sandbox, environment / "bin/python", root, ENVIRONMENT)
    assert found.prefix == environment
    assert found.version[:2] == (3, 12)


def test_editable_installs_and_python_path_outside_the_project_are_shown(tmp_path: Path, sandbox: Sandbox) -> None:
    root = tmp_path / "project"
    python = make_venv(root / ".venv")
    site = site_of(python)
    outside = {name: tmp_path / "work" / name for name in ("by-path", "by-finder", "by-url", "by-variable")}
    for name, folder in outside.items():
        (folder / name.replace("-", "_")).mkdir(parents=True)
        (folder / name.replace("-", "_") / "__init__.py").write_text("")
    (site / "a.pth").write_text(f"{outside['by-path']}\nimport os\n# comment\n/does/not/exist\n")
    mapping = {"by_finder": str(outside["by-finder"] / "by_finder")}
    (site / "__editable___x_finder.py").write_text(f"MAPPING: dict[str, str] = {mapping!r}\nNAMESPACES = {{}}\n")
    (site / "x-1.0.dist-info").mkdir()
    (site / "x-1.0.dist-info/direct_url.json").write_text(
        json.dumps({"url": f"file://{outside['by-url']}", "dir_info": {"editable": True}})
    )
    environment = {**ENVIRONMENT, "PYTHONPATH": f"../work/by-variable:{root}"}
    roots = readable_roots(python, root, environment=environment)
    expected = {outside["by-path"], outside["by-finder"] / "by_finder", outside["by-url"], outside["by-variable"]}
    assert expected <= set(roots)
    found = probe(sandbox, python, root, environment)
    assert expected <= set(found.readable)
    assert str(outside["by-path"]) in found.sys_path
    assert set(found.editable) == expected - {outside["by-variable"]}


@pytest.mark.parametrize("place", ["/", "/etc", "/proc/1", "/home", "~", "~/.ssh", "~/.config/x", "~/x/.git"])
def test_places_that_are_never_shown(place: str) -> None:
    assert not may_be_shown(Path(place).expanduser())


def test_a_hostile_venv_cannot_widen_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, root = tmp_path / "home", tmp_path / "home" / "project"
    for name in (".ssh", ".aws"):
        (home / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    python = make_venv(root / ".venv")
    (root / ".venv/pyvenv.cfg").write_text(f"home = {home}/.ssh\n")
    site = site_of(python)
    (site / "a.pth").write_text(f"{home}\n{home}/.aws\n/\n{tmp_path}\n")
    os.mkfifo(site / "b.pth")
    shown = readable_roots(python, root)
    assert all(not home.is_relative_to(path) and not path.is_relative_to(home) for path in shown)


def test_modules_are_found_on_disk(tmp_path: Path) -> None:
    python = make_venv(tmp_path / "venv")
    assert not has_module(python, "pytest")
    (tmp_path / "more" / "pytest").mkdir(parents=True)
    (site_of(python) / "more.pth").write_text(f"{tmp_path}/more\n")
    assert has_module(python, "pytest")
    assert has_module(Path(sys.executable), "pytest")


# -- asking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_every_supported_python_answers(tmp_path: Path, sandbox: Sandbox, version: str) -> None:
    python = pyenv(version)
    found = probe(sandbox, python, tmp_path, ENVIRONMENT)
    assert found.version[:2] == tuple(map(int, version.split(".")))
    assert found.implementation == "cpython"
    assert found.path == python
    assert found.prefix == found.base_prefix == python.parent.parent
    assert not found.is_venv
    assert found.unittest
    assert any((folder / "os.py").is_file() for folder in found.stdlib)
    assert python.parent.parent in found.readable


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8"])
def test_a_python_that_is_too_old_is_refused(tmp_path: Path, sandbox: Sandbox, version: str) -> None:
    with pytest.raises(QuantaError, match=rf"is Python {version}.*oldest supported is 3\.9"):
        probe(sandbox, pyenv(version), tmp_path, ENVIRONMENT)


def test_runner_and_plugins(tmp_path: Path, sandbox: Sandbox) -> None:
    found = probe(sandbox, Path(sys.executable), tmp_path, ENVIRONMENT)
    assert found.pytest == pytest.__version__
    xdist = found.plugin("xdist")
    assert xdist is not None and xdist.version[0].isdigit()
    assert found.plugin("pytest-xdist") is not None
    assert found.plugin("PyTest_XDist") is not None
    assert found.plugin("randomly") is None
    require_runner(found, parse_command("pytest", tmp_path))


def test_a_missing_runner_is_named(tmp_path: Path, sandbox: Sandbox, other_venv: Path) -> None:
    python = other_venv / "bin/python"
    found = probe(sandbox, python, tmp_path, ENVIRONMENT)
    assert found.is_venv
    assert found.pytest is None
    with pytest.raises(QuantaError, match="has no pytest") as caught:
        require_runner(found, parse_command("pytest", tmp_path))
    assert f"{python} -m pip install pytest" in (caught.value.hint or "")
    require_runner(found, parse_command("python -m unittest", tmp_path))


def test_a_noisy_site_does_not_spoil_the_answer(tmp_path: Path, sandbox: Sandbox) -> None:
    root = tmp_path / "project"
    python = make_venv(root / ".venv")
    (site_of(python) / "sitecustomize.py").write_text(
        "import atexit, sys, threading, time\nprint('{\"version\": [1]}')\nsys.stderr.write('warning')\n"
        "sys.stdout.write('no newline')\natexit.register(lambda: time.sleep(60))\n"
    )
    began = time.monotonic()
    assert probe(sandbox, python, root, ENVIRONMENT).prefix == root / ".venv"
    assert time.monotonic() - began < 10


def test_a_site_that_runs_code_is_confined(tmp_path: Path, sandbox: Sandbox) -> None:
    root = tmp_path / "project"
    python = make_venv(root / ".venv")
    mark = tmp_path / "escaped"
    (site_of(python) / "evil.pth").write_text(
        f"import os; open({str(root / 'in-tree')!r}, 'w'); open({str(mark)!r}, 'w')\n"
    )
    (root / "secret").write_text("")
    found = probe(sandbox, python, root, ENVIRONMENT)
    assert found.version >= (3, 9, 0)
    assert not mark.exists()
    assert not (root / "in-tree").exists()


def test_an_answer_cannot_widen_what_is_shown(tmp_path: Path, sandbox: Sandbox) -> None:
    root, private = tmp_path / "project", tmp_path / "letters"
    private.mkdir()
    (private / "letter.txt").write_text("")
    python = make_venv(root / ".venv")
    lines = f"import sys; sys.path += [{str(private)!r}, '/', '/root', '/home']; sys.base_prefix = {str(private)!r}"
    (site_of(python) / "evil.pth").write_text(lines + "\n")
    found = probe(sandbox, python, root, ENVIRONMENT)
    assert private in map(Path, found.sys_path)
    assert not any(path in (private, tmp_path, Path("/"), Path("/root"), Path("/home")) for path in found.readable)


@pytest.mark.parametrize(
    ("name", "said"),
    [("/bin/ls", "/bin/ls is not a Python interpreter.* It said:"), ("broken", "broken does not start")],
)
def test_what_is_no_python(tmp_path: Path, sandbox: Sandbox, name: str, said: str) -> None:
    (tmp_path / "broken").write_bytes(b"\x7fELF nothing of the kind")
    (tmp_path / "broken").chmod(0o755)
    with pytest.raises(QuantaError, match=said) as caught:
        probe(sandbox, tmp_path / name, tmp_path, ENVIRONMENT)
    assert caught.value.hint


def test_a_python_without_its_library_says_what_to_do(tmp_path: Path, sandbox: Sandbox) -> None:
    lonely = tmp_path / "bin" / "python3"
    lonely.parent.mkdir()
    shutil.copy(os.path.realpath(pyenv("3.11")), lonely)
    with pytest.raises(QuantaError, match=r"cannot start in the sandbox|does not start") as caught:
        probe(sandbox, lonely, tmp_path, {**ENVIRONMENT, "PYTHONHOME": "/nowhere"})
    assert "--python" in (caught.value.hint or "")


# -- where the project's modules come from ---------------------------------------------------------------------------


def layout_with(root: Path, *files: str) -> Layout:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return Layout.read(root)


def test_a_src_layout_that_is_not_installed_needs_a_path(tmp_path: Path, sandbox: Sandbox, other_venv: Path) -> None:
    layout = layout_with(tmp_path, "src/pkg/__init__.py", "tests/test_a.py")
    python = other_venv / "bin/python"
    command = parse_command("pytest", tmp_path)
    found = probe(sandbox, python, tmp_path, ENVIRONMENT)
    assert found.origins == {"pkg": None}
    assert missing_source_path(found, layout, command) == (tmp_path / "src",)
    found = probe(sandbox, python, tmp_path, {**ENVIRONMENT, "PYTHONPATH": str(tmp_path / "src")})
    assert found.origins == {"pkg": str(tmp_path / "src/pkg/__init__.py")}
    assert missing_source_path(found, layout, command) == ()


def test_an_installed_copy_would_hide_every_patch(tmp_path: Path, sandbox: Sandbox) -> None:
    layout = layout_with(tmp_path, "pkg/__init__.py", "test_a.py")
    python = make_venv(tmp_path / ".venv")
    copy = site_of(python) / "pkg"
    copy.mkdir()
    (copy / "__init__.py").write_text("")
    found = probe(sandbox, python, tmp_path, ENVIRONMENT)
    assert missing_source_path(found, layout, parse_command("pytest", tmp_path)) == (tmp_path,)
    # ``python -m pytest`` puts the project first by itself.
    assert missing_source_path(found, layout, parse_command("python -m pytest", tmp_path)) == ()
    # A compiled copy is left alone: the tree has no extension to take its place.
    (copy / "_speed.so").write_text("")
    assert missing_source_path(found, layout, parse_command("pytest", tmp_path)) == ()


def test_a_flat_layout_needs_nothing(tmp_path: Path, sandbox: Sandbox, other_venv: Path) -> None:
    layout = layout_with(tmp_path, "pkg/__init__.py", "tests/test_a.py")
    found: Interpreter = probe(sandbox, other_venv / "bin/python", tmp_path, ENVIRONMENT)
    assert missing_source_path(found, layout, parse_command("python -m pytest", tmp_path)) == ()
    assert missing_source_path(found, layout, parse_command("pytest", tmp_path)) == ()


def test_the_chain_of_prefixes_of_the_running_python() -> None:
    assert Path(os.path.realpath(sys.base_prefix)) in [
        Path(os.path.realpath(prefix)) for prefix in base_prefixes(Path(sys.executable))
    ]


def test_options_of_plugins_that_are_not_there_are_dropped(tmp_path: Path, sandbox: Sandbox, other_venv: Path) -> None:
    (tmp_path / "tox.ini").write_text(
        "[testenv]\ncommands = pytest -q -n 4 --cov=pkg --cov-report term --cov --timeout=5 -k 'not slow' tests\n"
    )
    command = parse_command("tox", tmp_path)
    command, dropped = without_absent_plugins(command, probe(sandbox, other_venv / "bin/python", tmp_path, ENVIRONMENT))
    assert command.arguments == ("-q", "-k", "not slow", "tests")
    assert command.argv[-4:] == command.arguments
    assert dropped == ("-n", "4", "--cov=pkg", "--cov-report", "term", "--cov", "--timeout=5")
    # What is there stays, and so does everything a person typed.
    mine = probe(sandbox, Path(sys.executable), tmp_path, ENVIRONMENT)
    assert without_absent_plugins(parse_command("tox", tmp_path), mine)[0].arguments[:3] == ("-q", "-n", "4")
    typed = parse_command("pytest --cov=pkg", tmp_path)
    assert without_absent_plugins(typed, mine) == (typed, ())
