"""What the person means by their test command: pytest, unittest, or something to be run as it stands."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from quantatissu.foundation import QuantaError
from quantatissu.testing.executables import absolute, is_executable, script_interpreter
from quantatissu.testing.shell import ASSIGNMENT, NeedsShell, split
from quantatissu.testing.tasks import Task, resolve
from quantatissu.testing.wrappers import peel

Kind = Literal["pytest", "unittest", "generic"]

# Bare ``pytest`` leaves the current folder off sys.path, ``python -m pytest`` puts it first: this is the former.
BARE_PYTEST = "import sys; sys.path[:1] == [''] and sys.path.pop(0); import pytest; sys.exit(pytest.main())"

_PYTHON = re.compile(r"(?:python|pypy)(\d(?:\.\d+)*)?t?|py")
_PYTEST = re.compile(r"(?:pytest|py\.test)(?:-?\d(?:\.\d+)?)?")
_TASK_RUNNERS = {"tox", "nox", "make", "gmake", "poe"}
# Beside the test command in one line or recipe, these do not decide whether tests pass.
_BYSTANDERS = {
    "echo", "printf", "true", ":", "rm", "mkdir", "find", "clear", "pip", "pip3", "ruff", "black", "isort", "mypy",
    "flake8", "pylint", "pyright", "codecov", "coveralls", "twine", "check-manifest", "date", "set", "pre-commit", "cd",
}  # fmt: skip
_MAX_DEPTH = 6


@dataclass(frozen=True)
class TestCommand:
    """A test command, understood as far as it can be without running anything.

    ``argv`` is what a clean verification runs (`argv_for` puts the chosen interpreter in); ``environment`` is set in
    front of it, ``cwd`` is relative to the project. ``arguments`` follow ``pytest`` or ``unittest``, selection and
    options as given. ``python`` is the interpreter the command itself names: an absolute path, or a bare name such as
    ``python3.11`` to be found on PATH. ``interpreter_options`` (``-W error``) are given to that interpreter.
    ``module_form`` tells whether the command puts its working folder on ``sys.path``. ``venvs`` are environments the
    task runner would have used.
    """

    __test__: ClassVar[bool] = False

    kind: Kind
    argv: tuple[str, ...]
    text: str
    origin: str
    environment: Mapping[str, str] = field(default_factory=dict)
    python: Path | None = None
    arguments: tuple[str, ...] = ()
    interpreter_options: tuple[str, ...] = ()
    cwd: str = "."
    module_form: bool = True
    venvs: tuple[Path, ...] = ()

    def argv_for(self, python: Path) -> tuple[str, ...]:
        """``argv`` with the interpreter to use in place of the one it starts with, if it starts with one."""
        if self.argv and _PYTHON.fullmatch(Path(self.argv[0]).name):
            return (str(python), *self.argv[1:])
        return self.argv

    def with_interpreter(self, python: Path) -> TestCommand:
        """The same command with `argv_for` this interpreter as its ``argv``."""
        return replace(self, argv=self.argv_for(python), python=python)

    def with_arguments(self, arguments: Iterable[str]) -> TestCommand:
        """The same runner with further arguments after its own. Raises QuantaError for a generic command."""
        more = tuple(arguments)
        if self.kind == "generic" and more:
            raise QuantaError(
                f"Cannot select tests in a command that is neither pytest nor unittest: {self.text}",
                hint='Pass the whole selection yourself: --test "..."',
            )
        return replace(self, argv=(*self.argv, *more), arguments=(*self.arguments, *more))


def pytest_command(arguments: Sequence[str], *, text: str, origin: str, cwd: str = ".") -> TestCommand:
    """``python -m pytest arguments``, for a project where nobody named a command."""
    argv = ("python", "-m", "pytest", *arguments)
    return TestCommand("pytest", argv, text, origin, arguments=tuple(arguments), cwd=cwd)


def unittest_command(arguments: Sequence[str], *, text: str, origin: str, cwd: str = ".") -> TestCommand:
    """``python -m unittest arguments``."""
    argv = ("python", "-m", "unittest", *arguments)
    return TestCommand("unittest", argv, text, origin, arguments=tuple(arguments), cwd=cwd)


def parse_command(text: str, root: Path, *, origin: str = "--test", cwd: str = ".") -> TestCommand:
    """Understands one test command as typed in folder ``cwd`` of the project ``root``.

    What is not understood becomes ``generic``: its words as they stand, or ``sh -c text`` where a shell is needed.
    Raises QuantaError when the text is empty or its quotes do not close.
    """
    root = absolute(root)
    if not text.strip():
        raise QuantaError("The test command is empty.", hint='For example: --test "python -m pytest -q"')
    return _parse_text(text, _Context(root, text.strip(), origin, cwd))


@dataclass(frozen=True)
class _Context:
    """What has been read so far on the way to the runner."""

    root: Path
    text: str
    origin: str
    cwd: str = "."
    environment: Mapping[str, str] = field(default_factory=dict)
    python: Path | None = None
    venvs: tuple[Path, ...] = ()
    depth: int = 0

    @property
    def folder(self) -> Path:
        return self.root / self.cwd

    def command(self, kind: Kind, argv: Sequence[str], **more: object) -> TestCommand:
        known = TestCommand(
            kind, tuple(argv), self.text, self.origin, self.environment, self.python, cwd=self.cwd, venvs=self.venvs
        )
        return replace(known, **more)  # type: ignore[arg-type]


def _parse_text(text: str, context: _Context) -> TestCommand:
    try:
        # PYTHONPATH of the person's own shell counts; other variables are for a shell inside the sandbox to look up.
        variables = {
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            **context.environment,
            "PWD": str(context.folder),
        }
        here = context
        found: TestCommand | None = None
        for words in split(text, variables):
            step = _step(_Words([part for word in words for part in word.expand(here.folder)]), here)
            if isinstance(step, _Context):
                here = step
            elif found is None:
                found = step
            elif step.kind != "generic" or not _is_bystander(step):
                if not _is_bystander(found):
                    raise NeedsShell("two commands that both matter")
                found = step
        if found is not None:
            return found
    except NeedsShell:
        pass
    return TestCommand(
        "generic", ("sh", "-c", text), context.text, context.origin, context.environment, cwd=context.cwd
    )


class _Words(list[str]):
    """The words of one simple command."""


def _step(words: _Words, context: _Context) -> TestCommand | _Context:
    """One command of an ``&&`` list: either it changes the context for the next, or it is a command."""
    if not words:
        raise NeedsShell("an empty command")
    match list(words):
        case ["cd", folder]:
            return replace(context, cwd=_enter(context, folder))
        case ["export", *pairs] if pairs and all(ASSIGNMENT.match(pair) for pair in pairs):
            return replace(context, environment={**context.environment, **_pairs(pairs)})
        case ["set", flags] if re.fullmatch(r"[-+][euxo]+", flags):
            return context
        case ["source" | ".", script] if Path(script).name == "activate":
            return replace(context, python=context.folder / Path(script).parent / "python")
        case _:
            return _simple(list(words), context)


def _enter(context: _Context, folder: str) -> str:
    place = os.path.normpath(context.folder / folder)
    relative = os.path.relpath(place, context.root)
    if relative.startswith("..") or not Path(place).is_dir():
        raise NeedsShell("cd to a folder that is not in the project")
    return relative


def _pairs(words: Iterable[str]) -> dict[str, str]:
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _simple(words: list[str], context: _Context) -> TestCommand:
    """One command without shell syntax: wrappers are peeled off until the runner is reached."""
    whole = words
    environment = dict(context.environment)
    while words:
        if ASSIGNMENT.match(words[0]):
            environment.update(_pairs(words[:1]))
            words = words[1:]
            continue
        peeled = peel(words)
        if peeled is None:
            break
        tasks = resolve(words[0], words[2:], context.root, context.cwd) if words[1:2] == ["run"] else []
        if tasks and (found := _from_tasks(tasks, replace(context, environment=environment))):
            return found
        environment.update(peeled.environment)
        words = peeled.words
    context = replace(context, environment=environment)
    if not words:
        return context.command("generic", whole)
    return _runner(words, context) or _generic(words, context)


def _generic(words: list[str], context: _Context) -> TestCommand:
    if _PYTHON.fullmatch(Path(words[0]).name):
        return context.command("generic", words, python=_named_python(words[0], context) or context.python)
    return context.command("generic", words)


def _runner(words: list[str], context: _Context) -> TestCommand | None:
    program = Path(words[0]).name
    if _PYTEST.fullmatch(program):
        python = context.python
        if "/" in words[0]:
            python = script_interpreter(context.folder / words[0]) or context.folder / Path(words[0]).parent / "python"
        return _pytest(words[1:], replace(context, python=python), (), module_form=False)
    if _PYTHON.fullmatch(program):
        named = _named_python(words[0], context)
        return _python(words[1:], replace(context, python=named or context.python))
    if program == "coverage":
        return _coverage(words[1:], context, ())
    if program in _TASK_RUNNERS:
        return _from_tasks(resolve(program, words[1:], context.root, context.cwd), context)
    if program in ("hatch", "rye") and words[1:2] == ["test"]:
        rest = [word for word in words[2:] if word != "--"]
        return _pytest(rest, context, (), module_form=False)
    return None


def _named_python(word: str, context: _Context) -> Path | None:
    """The interpreter a word names. Bare ``python`` names none: it means the project's own, whichever that is."""
    if "/" in word:
        return Path(os.path.normpath(context.folder / word))
    match = _PYTHON.fullmatch(word)
    return Path(word) if match and match[1] and "." in match[1] else None


def _python(words: list[str], context: _Context) -> TestCommand | None:
    """``python [flags] -m MODULE`` or ``python [flags] SCRIPT``; None for what is neither pytest nor unittest."""
    flags: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        if re.fullmatch(r"-\d(\.\d+)?", word):  # the py launcher's version
            at += 1
        elif word in ("-W", "-X", "--check-hash-based-pycs"):
            flags += words[at : at + 2]
            at += 2
        elif re.match(r"-[WX].", word):
            flags.append(word)
            at += 1
        elif match := re.fullmatch(r"-([bBdEiIOPqRsSuvx]*)m(.*)", word):
            if match[1]:
                flags.append("-" + match[1])
            tail = words[at + 1 :]
            module, rest = (match[2], tail) if match[2] else (tail[0] if tail else "", tail[1:])
            return _module(module, rest, context, tuple(flags))
        elif re.fullmatch(r"-[bBdEiIOPqRsSuvx]+", word):
            flags.append(word)
            at += 1
        else:
            return None if word.startswith("-") else _script(word, words[at + 1 :], context, tuple(flags))
    return None


def _module(module: str, rest: list[str], context: _Context, flags: tuple[str, ...]) -> TestCommand | None:
    if module in ("pytest", "py.test"):
        return _pytest(rest, context, flags, module_form=not _hides_cwd(flags, context.environment))
    if module == "unittest":
        return context.command(
            "unittest", ("python", *flags, "-m", "unittest", *rest), arguments=tuple(rest), interpreter_options=flags
        )
    if module == "coverage":
        return _coverage(rest, context, flags)
    if module in _TASK_RUNNERS:
        return _from_tasks(resolve(module, rest, context.root, context.cwd), context)
    return None


def _hides_cwd(flags: Iterable[str], environment: Mapping[str, str]) -> bool:
    short = "".join(flag[1:] for flag in flags if re.fullmatch(r"-[A-VYa-z]+", flag))
    return "I" in short or "P" in short or bool(environment.get("PYTHONSAFEPATH"))


def _script(script: str, rest: list[str], context: _Context, flags: tuple[str, ...]) -> TestCommand | None:
    name = Path(script).name
    if _PYTEST.fullmatch(name):
        return _pytest(rest, context, flags, module_form=False)
    if name == "setup.py" and rest[:1] in (["test"], ["pytest"]):
        if rest[0] == "pytest":
            return _pytest(rest[1:], context, flags, module_form=True)
        arguments = (
            ("discover", "-s", "tests", "-t", ".")
            if (context.folder / "tests/__init__.py").is_file()
            else (("discover", "-s", "tests") if (context.folder / "tests").is_dir() else ("discover",))
        )
        return context.command(
            "unittest", ("python", *flags, "-m", "unittest", *arguments), arguments=arguments, interpreter_options=flags
        )
    return None


def _pytest(rest: Sequence[str], context: _Context, flags: tuple[str, ...], *, module_form: bool) -> TestCommand:
    start = ("-m", "pytest") if module_form or _hides_cwd(flags, context.environment) else ("-c", BARE_PYTEST)
    argv = ("python", *flags, *start, *rest)
    return context.command("pytest", argv, arguments=tuple(rest), interpreter_options=flags, module_form=module_form)


def _coverage(words: list[str], context: _Context, flags: tuple[str, ...]) -> TestCommand | None:
    """``coverage run [options] -m pytest``: the tests matter, the measuring is left out."""
    if words[:1] != ["run"]:
        return None
    at = 1
    while at < len(words) and words[at].startswith("-"):
        if words[at] in ("-m", "--module"):
            module = words[at + 1 : at + 2]
            return _module(module[0], words[at + 2 :], context, flags) if module else None
        if words[at].startswith("-m") and not words[at].startswith("--"):
            return _module(words[at][2:], words[at + 1 :], context, flags)
        takes_value = words[at] in (
            "--source", "--omit", "--include", "--rcfile", "--data-file", "--context", "--concurrency", "--save-signal",
        )  # fmt: skip
        at += 2 if takes_value else 1
    return _script(words[at], words[at + 1 :], context, flags) if at < len(words) else None


def _from_tasks(tasks: Sequence[Task], context: _Context) -> TestCommand | None:
    """The one pytest or unittest line among the tasks; None when there is none, or when several would be needed."""
    if context.depth >= _MAX_DEPTH:
        return None
    for task in tasks:
        folder = os.path.normpath(task.folder)
        if folder.startswith(("..", "/")) or not (context.root / folder).is_dir():
            continue
        inner = replace(
            context,
            cwd=folder,
            environment={**context.environment, **task.environment},
            venvs=(*context.venvs, *(venv for venv in task.venvs if is_executable(venv / "bin" / "python"))),
            depth=context.depth + 1,
            origin=task.origin,
        )
        try:
            steps = [_line(line, inner) for line in task.lines]
        except (NeedsShell, QuantaError):
            continue
        found = [step for step in steps if step.kind != "generic"]
        if len(found) == 1 and not _decides(steps, found[0]):
            # A recipe may first make the environment that it names; where nobody did, it names none.
            missing = found[0].python is not None and found[0].python.is_absolute() and not found[0].python.exists()
            return replace(found[0], python=context.python) if missing else found[0]
    return None


def _line(line: str | tuple[str, ...], context: _Context) -> TestCommand:
    return _parse_text(line, context) if isinstance(line, str) else _simple(list(line), context)


def _decides(steps: Sequence[TestCommand], found: TestCommand) -> bool:
    """Whether another line of the recipe is itself a test run of an unknown kind, which must not be dropped."""
    others = [step for step in steps if step is not found]
    return any(re.search(r"\b(py\.?test|unittest|nose2?|runtests?|tox|nox)\b", " ".join(step.argv)) for step in others)


def _is_bystander(command: TestCommand) -> bool:
    """A line that formats, installs, cleans or reports; dropping it does not change which tests pass."""
    if command.kind != "generic":
        return False
    program = Path(command.argv[0]).name
    if program == "coverage" or command.argv[1:3] == ("-m", "coverage"):
        return "run" not in command.argv[1:4]
    if _PYTHON.fullmatch(program) and command.argv[1:2] == ("-m",):
        return command.argv[2:3] != () and command.argv[2] in _BYSTANDERS
    return program in _BYSTANDERS
