"""The project's own Python: which one it is, what it needs to be seen in the sandbox, and what it says of itself.

Choosing looks at the disk only. Asking runs the interpreter, and with it whatever the repository hides in ``.pth``
files or a sitecustomize, so that happens in the sandbox, and the answer is believed only as far as it is harmless.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from quantatissu.foundation import QuantaError
from quantatissu.sandbox import Finished, Limits, Policy
from quantatissu.testing.command import TestCommand
from quantatissu.testing.executables import (
    absolute,
    has_module,
    is_executable,
    is_prefix,
    is_script,
    link_chain,
    managed_venvs,
    resolve_shim,
    script_interpreter,
    venv_of,
)
from quantatissu.testing.layout import Layout
from quantatissu.testing.reading import read_text
from quantatissu.testing.visibility import editable_targets, outermost, readable_roots

__all__ = [
    "Interpreter",
    "Plugin",
    "Runner",
    "choose_interpreter",
    "missing_source_path",
    "probe",
    "readable_roots",
    "require_runner",
]

OLDEST = (3, 9)
_PROBE = Path(__file__).with_name("probe_script.py")
_PROBE_SECONDS = 30.0


class Runner(Protocol):
    """The part of a sandbox that a probe needs."""

    def run(self, argv: Sequence[str], *, cwd: Path, policy: Policy, stdin: bytes | None = None) -> Finished: ...


@dataclass(frozen=True, slots=True)
class Plugin:
    """A pytest plugin that loads by itself: entry point name, distribution and version."""

    name: str
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What an interpreter said of itself. ``path`` is how to invoke it: a venv's link, not what it points at.

    ``origins`` maps the project's modules to the file they would be imported from without the working folder on
    ``sys.path`` (None: not found). ``readable`` are the host paths that must be visible for it to run.
    """

    path: Path
    version: tuple[int, int, int]
    prefix: Path
    base_prefix: Path
    sys_path: tuple[str, ...]
    stdlib: tuple[Path, ...]
    pytest: str | None
    unittest: bool
    plugins: tuple[Plugin, ...]
    origins: Mapping[str, str | None]
    editable: tuple[Path, ...]
    readable: tuple[Path, ...]
    implementation: str = "cpython"

    @property
    def is_venv(self) -> bool:
        return self.prefix != self.base_prefix

    def plugin(self, name: str) -> Plugin | None:
        """The plugin of that entry point name (``xdist``) or distribution (``pytest-xdist``)."""
        wanted = _normal(name)
        return next((item for item in self.plugins if wanted in (_normal(item.name), _normal(item.distribution))), None)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# -- choosing --------------------------------------------------------------------------------------------------------


def choose_interpreter(
    root: Path, command: TestCommand, python: Path | None, *, environ: Mapping[str, str] = os.environ
) -> Path:
    """The interpreter that runs the project's tests, as a path to invoke.

    In this order: the one the command names; ``python`` (a path, a venv folder, or a name on PATH); the project's
    ``.venv`` or ``venv``, or the one poetry, pipenv or hatch made for it; ``VIRTUAL_ENV`` or ``CONDA_PREFIX``; the
    environment tox or nox made; PATH. On PATH the first with the test runner installed is taken, and QuantaTissu's own
    private environment only when no other one has it.

    Raises QuantaError when the named one is missing, not executable, or not a Python; or when there is none at all.
    """
    root = absolute(root)
    if command.python is not None:
        return _named(command.python, root, environ, "the test command")
    if python is not None:
        return _named(python, Path.cwd(), environ, "--python")
    for venv in (root / ".venv", root / "venv", *managed_venvs(root)):
        if (found := _venv_python(venv)) is not None:
            return found
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if environ.get(variable) and (found := _venv_python(Path(environ[variable]))) is not None:
            return found
    for venv in command.venvs:
        if (found := _venv_python(venv)) is not None:
            return found
    return _from_path(root, command, environ)


def _venv_python(folder: Path) -> Path | None:
    if folder.is_file() and folder.name == ".venv":  # some tools leave a file that names the folder
        folder = folder.parent / (read_text(folder, limit=4096) or "").strip()
    candidates = (folder / "bin" / name for name in ("python", "python3"))
    return next((path for path in candidates if is_executable(path)), None)


def _named(python: Path, base: Path, environ: Mapping[str, str], source: str) -> Path:
    """An interpreter somebody asked for: it is that one or an error, never another."""
    text = str(python)
    if "/" not in text:
        name = f"python{text}" if re.fullmatch(r"\d\.\d+", text) else text
        if (found := next(iter(_on_path(name, base, environ)), None)) is not None:
            return found
        if not os.path.lexists(base / text):
            raise QuantaError(
                f"There is no {name} on PATH, which {source} names.",
                hint="Name an interpreter by its path: --python path/to/bin/python",
            )
    path = absolute(base / python.expanduser())
    if path.is_dir():
        inside = _venv_python(path)
        if inside is None:
            raise QuantaError(
                f"{path}, named by {source}, is a folder without bin/python.", hint="Name the interpreter itself."
            )
        return inside
    if not path.exists():
        broken = link_chain(path)[-1]
        detail = f": it is a link to {broken}, which is missing" if path.is_symlink() else ""
        raise QuantaError(
            f"There is no interpreter {path}, which {source} names{detail}.",
            hint="Create the environment anew, or name another interpreter with --python.",
        )
    if not is_executable(path):
        raise QuantaError(
            f"{path}, named by {source}, is not an executable file.", hint="Name a Python such as .venv/bin/python."
        )
    return _real(path, base, environ) or _refuse_script(path, source)


def _refuse_script(path: Path, source: str) -> Path:
    raise QuantaError(
        f"{path}, named by {source}, is a script, not a Python interpreter.",
        hint=f"Name the interpreter that it starts: {path} -c 'import sys; print(sys.executable)' prints it.",
    )


def _real(path: Path, root: Path, environ: Mapping[str, str]) -> Path | None:
    """The interpreter itself behind a shim, a pytest script, or a plain link; None for any other script."""
    if path.parent.name == "shims":
        return resolve_shim(path, root, environ)
    if is_script(path):
        return script_interpreter(path) if re.match(r"py\.?test", path.name) else None
    # A link from some bin folder works only where its target is seen: name the target. A venv's link is its identity.
    for hop in link_chain(path):
        folder = hop.parent.parent
        if (folder / "pyvenv.cfg").is_file() or is_prefix(folder):
            return hop
    return Path(os.path.realpath(path))


def _on_path(name: str, root: Path, environ: Mapping[str, str]) -> Iterable[Path]:
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        candidate = absolute(Path(folder or ".") / name)
        if is_executable(candidate) and (found := _real(candidate, root, environ)) is not None:
            yield found


def _from_path(root: Path, command: TestCommand, environ: Mapping[str, str]) -> Path:
    typed = Path(command.argv[0]).name if command.argv else ""
    names = dict.fromkeys([*([typed] if re.fullmatch(r"python3?", typed) else []), "python3", "python"])
    candidates = list(dict.fromkeys(path for name in names for path in _on_path(name, root, environ)))
    own = Path(sys.prefix) if sys.prefix != sys.base_prefix else None
    private = [path for path in candidates if own is not None and venv_of(path) == own]
    others = [path for path in candidates if path not in private]
    mine = private or ([Path(sys.executable)] if sys.executable else [])
    module = "pytest" if command.kind == "pytest" else None
    for path in (*others, *mine):
        if module is None or has_module(path, module):
            return path
    if others or mine:
        return (others or mine)[0]
    raise QuantaError(
        "There is no Python for this project: no .venv, no active environment, none on PATH.",
        hint="Pass one: --python path/to/bin/python",
    )


# -- asking ----------------------------------------------------------------------------------------------------------


def probe(
    sandbox: Runner,
    python: Path,
    root: Path,
    environment: Mapping[str, str],
    *,
    readable: Iterable[Path] = (),
    cwd: str = ".",
) -> Interpreter:
    """Runs ``python`` inside the sandbox, once, and returns what it says of itself.

    ``environment`` is the whole environment of the tests. ``readable`` are further host paths to show. Raises
    QuantaError for what is no Python, cannot start, is not CPython, or is older than 3.9.
    """
    root = absolute(root)
    visible = readable_roots(python, root, environment=environment, extra=readable)
    marker = f"<{secrets.token_hex(8)}>"
    source = _PROBE.read_text("utf-8")
    modules = sorted(Layout.read(root).modules)[:50]
    policy = Policy(
        readable=(root, *visible),
        environment={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        limits=Limits(wall_seconds=_PROBE_SECONDS, memory_bytes=2 << 30, output_bytes=8 << 20),
    )
    try:
        finished = sandbox.run([str(python), "-c", source, marker, *modules], cwd=root / cwd, policy=policy)
    except QuantaError as error:
        hint = error.hint or "Run it yourself to see why, or pass another one with --python."
        raise QuantaError(f"{python} does not start: {error.message}", hint=hint) from error
    answer = _answer(python, finished, marker)
    version = tuple(answer["version"][:3])
    if answer.get("implementation") != "cpython":
        raise QuantaError(
            f"{python} is {answer.get('implementation')}, not CPython, which the repair needs.",
            hint="Pass a CPython of 3.9 or newer with --python.",
        )
    if version < OLDEST:
        raise QuantaError(
            f"{python} is Python {'.'.join(map(str, version))}; the oldest supported is 3.9.",
            hint="Pass a newer one with --python.",
        )
    return _interpreter(python, root, answer, visible)


def _answer(python: Path, finished: Finished, marker: str) -> dict[str, Any]:
    output = finished.stdout.decode("utf-8", "replace")
    try:
        answer = json.loads(output.rsplit(marker, 2)[1])
        if not (isinstance(answer, dict) and all(isinstance(part, int) for part in answer["version"])):
            raise ValueError("not the probe's answer")
        return answer
    except (IndexError, ValueError, KeyError, TypeError):
        pass
    said = (finished.stderr.decode("utf-8", "replace").strip() or output.strip()).splitlines()
    tail = f" It said: {said[-1][:300]}" if said else ""
    if finished.limit == "wall":
        raise QuantaError(
            f"{python} did not answer within {_PROBE_SECONDS:.0f} s.",
            hint="A sitecustomize or a .pth file of this environment may hang; try another one with --python.",
        )
    if any("error while loading shared libraries" in line or "No module named 'encodings'" in line for line in said):
        raise QuantaError(
            f"{python} cannot start in the sandbox: a part of it lies where the sandbox shows nothing.{tail}",
            hint="Name the missing folder in [tool.quanta] readable, or pass another interpreter with --python.",
        )
    if re.search(r"python|pypy", python.name):
        raise QuantaError(
            f"{python} does not start.{tail}", hint="Run it yourself to see why, or pass another with --python."
        )
    raise QuantaError(
        f"{python} is not a Python interpreter.{tail}", hint="Name a Python such as .venv/bin/python with --python."
    )


def _interpreter(python: Path, root: Path, answer: dict[str, Any], visible: tuple[Path, ...]) -> Interpreter:
    """The answer, typed. Nothing in it may widen what the sandbox shows beyond folders that look like Python's."""
    sys_path = tuple(str(entry) for entry in answer["path"])
    prefix, base_prefix = Path(answer["prefix"]), Path(answer["base_prefix"])
    entries = [Path(entry) for entry in sys_path if entry.startswith("/")]
    found = [path for path in (prefix, base_prefix) if is_prefix(path) or (path / "pyvenv.cfg").is_file()]
    found += [path for path in entries if _looks_like_code(path)]
    editable = editable_targets(path for path in entries if path.name in ("site-packages", "dist-packages"))
    pytest_version = answer.get("pytest")
    return Interpreter(
        path=python,
        version=(answer["version"][0], answer["version"][1], answer["version"][2]),
        prefix=prefix,
        base_prefix=base_prefix,
        sys_path=sys_path,
        stdlib=tuple(Path(entry) for entry in dict.fromkeys(answer.get("stdlib", ())) if entry),
        pytest=str(pytest_version) if pytest_version else None,
        unittest=bool(answer.get("unittest")),
        plugins=tuple(Plugin(*map(str, item)) for item in answer.get("plugins", ()) if len(item) == 3),
        origins={str(name): origin for name, origin in answer.get("origins", {}).items()},
        editable=editable,
        readable=outermost([*visible, *found, *editable], root),
    )


def _looks_like_code(folder: Path) -> bool:
    """A folder of modules or installed distributions; not one that merely was named."""
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.endswith((".py", ".so", ".dist-info", ".egg-info", ".pth")) for entry in entries)
    except OSError:
        return False


def require_runner(interpreter: Interpreter, command: TestCommand) -> None:
    """Raises QuantaError when the interpreter lacks what the command needs: pytest, or unittest."""
    if command.kind == "pytest" and interpreter.pytest is None:
        raise QuantaError(
            f"{interpreter.path} has no pytest.",
            hint=f"Install it there ({interpreter.path} -m pip install pytest) or pass another one with --python.",
        )
    if command.kind == "unittest" and not interpreter.unittest:
        raise QuantaError(f"{interpreter.path} has no unittest module.", hint="Pass a complete Python with --python.")


def missing_source_path(interpreter: Interpreter, layout: Layout, command: TestCommand) -> tuple[Path, ...]:
    """Folders to put on ``PYTHONPATH`` so that tests import the project's tree instead of nothing or a copy of it.

    A src layout that is not installed cannot be imported; one that is installed as a copy is imported from there, and
    no patch of the tree would ever be seen. Empty when the project's modules already come from its tree. A copy with
    compiled extensions is left in place: the tree alone would lack them.
    """
    needed: list[Path] = []
    for folder in layout.sources:
        if folder in layout.pytest.pythonpath or (folder == "." and command.module_form and command.cwd == "."):
            continue
        place = layout.root / folder
        for name in sorted(layout.modules):
            if not ((place / name).is_dir() or (place / f"{name}.py").is_file()):
                continue
            origin = interpreter.origins.get(name)
            inside = origin is not None and Path(origin).is_relative_to(layout.root) and not _installed(origin)
            compiled = (
                origin is not None and any(Path(origin).parent.glob("*.so")) and Path(origin).name == "__init__.py"
            )
            if not inside and not compiled and (origin is not None or folder != "."):
                needed.append(place)
                break
    return tuple(needed)


def _installed(origin: str) -> bool:
    return "site-packages" in Path(origin).parts or "dist-packages" in Path(origin).parts
