"""The rules by which one diagnostic is blamed on the environment."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from quantatissu.diagnostics import known
from quantatissu.diagnostics.interpreter import needed_version, python_of
from quantatissu.diagnostics.model import Diagnostic
from quantatissu.diagnostics.network import network_reason


class Reason(NamedTuple):
    """What `EnvironmentCause` says, without the tests."""

    kind: str
    message: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the tests ran, and which top-level modules are the project's own."""

    project_modules: Container[str]
    sandboxed: bool


_ERRNO = re.compile(r"\[Errno (-?\d+)\] ([^:]*)(?:: '(.*)')?", re.DOTALL)
_NO_MODULE = re.compile(r"No module named '?([\w.]+)'?(.*)", re.DOTALL)
_PROGRAM = re.compile(r"[A-Za-z][\w.+-]*")
_VARIABLE = re.compile(r"'([A-Za-z_][A-Za-z0-9_]*)'")
_SETS_VARIABLES = re.compile(
    r"setenv\(|delenv\(|patch\.dict\(|environ\[[^\]\n]{1,80}\] *=[^=]|environ\.(?:pop|update)\("
)
_DOTFILE = re.compile(r"(?:/home/[^/]+|/root|/Users/[^/]+)/(\.[\w.-]+)(?:/.*)?")
_SYSTEM_PATH = re.compile(r"/(?:etc|usr|bin|sbin|lib|lib64|opt|var|srv|mnt|media|sys|proc|boot|run)(?:/.*)?")
_PLUGIN = re.compile(r"Error importing plugin \"([\w.]+)\": No module named '([\w.]+)'")
_FIXTURE = re.compile(r"fixture '(\w+)' not found")
_COMMAND = re.compile(r"[‘'\"]?([\w.+-]+)[’'\"]?: (?:command not found|not found|No such file or directory)$")
_LIBRARY = re.compile(r"site-packages|dist-packages|[/\\]lib(?:64)?[/\\]python\d|^<frozen |[/\\]Lib[/\\]")
_FAKES = re.compile(r"[/\\](?:unittest[/\\])?mock\.py$|[/\\](?:responses|httpretty|requests_mock|respx|vcr|nock)[/\\]")
# Built-in exceptions that say nothing themselves about why they were raised while handling another.
_CARRIERS = frozenset({"OSError", "RuntimeError", "Exception", "SystemExit", "ConnectionError", "ImportError"})
_DEEPEST = 10


def reason_for(diagnostic: Diagnostic, surroundings: Surroundings, depth: int = 0) -> Reason | None:
    """Why the environment is to blame for one diagnostic, or None: then the code is."""
    if depth > _DEEPEST:
        return None
    if (diagnostic.code or "").rpartition(".")[2] in {"ExceptionGroup", "BaseExceptionGroup"}:
        reasons = [reason_for(member, surroundings, depth + 1) for member in diagnostic.causes]
        first = reasons[0] if reasons else None
        return first if first and all(reason and reason.kind == first.kind for reason in reasons) else None
    for link in _links(diagnostic):
        if raised_by_hand(link):
            continue
        for rule in _RULES:
            reason = rule(link, diagnostic, surroundings)
            if reason is not None:
                return reason
    return None


def _links(diagnostic: Diagnostic) -> Iterator[Diagnostic]:
    """The exception, and those it was raised from as long as each only carries the next one on."""
    link = diagnostic
    for _ in range(_DEEPEST):
        yield link
        name = (link.code or "").rpartition(".")[2]
        builtin = "." not in (link.code or "") and hasattr(builtins, name)
        if not link.causes or (builtin and name not in _CARRIERS and not issubclass(getattr(builtins, name), OSError)):
            return
        link = link.causes[0]


def in_library(path: str) -> bool:
    """Whether a frame's file belongs to Python or an installed package."""
    return _LIBRARY.search(path) is not None


def raised_by_hand(diagnostic: Diagnostic) -> bool:
    """Whether the project's own code, or a mock in its place, raised the exception with a ``raise`` of its own."""
    if any(_FAKES.search(frame.path) for frame in diagnostic.frames[-3:]):
        return True
    if not diagnostic.frames:
        return False
    innermost = diagnostic.frames[-1]
    return not in_library(innermost.path) and (innermost.source or "").startswith("raise")


def name_of(diagnostic: Diagnostic) -> str:
    """The exception's class without its module."""
    return (diagnostic.code or "").rpartition(".")[2]


def _misspelt(name: str, surroundings: Surroundings) -> bool:
    """Whether a module's name is one slip away from one that exists."""
    if not 2 < len(name) <= 40:
        return False
    exists = known.STANDARD_LIBRARY | known.SAME_NAME | known.DISTRIBUTIONS.keys()
    return any(other in exists or other in surroundings.project_modules for other in known.one_edit_away(name))


def _missing_dependency(link: Diagnostic, whole: Diagnostic, surroundings: Surroundings) -> Reason | None:
    if link.code != "ModuleNotFoundError" or (match := _NO_MODULE.match(link.message)) is None:
        return None
    module, rest = match[1], match[2].strip()
    top = module.partition(".")[0]
    if "is not a package" in rest or top in surroundings.project_modules or _is_local(top, whole):
        return None
    if since := known.MODULES_SINCE.get(top):
        return _wrong_interpreter(
            f"the module {top!r} came with Python {since[0]}.{since[1]}", f">={since[0]}.{since[1]}"
        )
    if until := known.MODULES_UNTIL.get(top):
        return _wrong_interpreter(
            f"the module {top!r} is gone since Python {until[0]}.{until[1]}", f"<{until[0]}.{until[1]}"
        )
    if top in known.STANDARD_LIBRARY:
        return None
    if "." in module and top not in known.NAMESPACES:
        return None  # its parent was found, so the package is there and the name is wrong
    familiar = top in known.DISTRIBUTIONS or top in known.SAME_NAME or top in known.NAMESPACES
    if not familiar and _misspelt(top, surroundings):
        return None
    if module in known.NAMESPACES and link.frames:
        asked = re.search(rf"(?:import|from) ({module}\.[\w.]+)", link.frames[-1].source or "")
        module = asked[1] if asked else module
    distribution = known.DISTRIBUTIONS.get(module) or known.DISTRIBUTIONS.get(top)
    if distribution is None:
        distribution = module.replace(".", "-") if top in known.NAMESPACES else top.replace("_", "-")
    return Reason("missing-dependency", f"the module {module!r} is not installed", f"pip install {distribution}")


def _is_local(top: str, whole: Diagnostic) -> bool:
    """Whether the frames show a module or package of that name in the project."""
    for frame in whole.frames:
        parts = re.split(r"[/\\]", frame.path.removesuffix(".py"))
        if top in parts and not in_library(frame.path):
            return True
    return False


def _missing_plugin(link: Diagnostic, whole: Diagnostic, surroundings: Surroundings) -> Reason | None:
    plugin: str | None = None
    what = ""
    if link.code == "FixtureLookupError" and (match := _FIXTURE.match(link.message)):
        plugin, what = known.PLUGIN_FIXTURES.get(match[1]), f"the fixture {match[1]!r}"
    elif link.code == "UsageError" and link.message.startswith("unrecognized arguments: "):
        option = link.message.removeprefix("unrecognized arguments: ").split()[0].partition("=")[0]
        plugin = next((name for start, name in known.PLUGIN_OPTIONS.items() if option.startswith(start)), None)
        what = f"the option {option!r}"
    elif link.code == "UsageError" and (match := _PLUGIN.match(link.message)):
        if match[1].partition(".")[0] in surroundings.project_modules or match[1] != match[2]:
            return None
        plugin, what = match[1].replace("_", "-"), "an option of pytest"
    elif link.code in {"Failed", None} and link.message.startswith("async def functions are not natively supported"):
        plugin, what = "pytest-asyncio", "running async tests"
    if plugin is None:
        return None
    return Reason("missing-dependency", f"{what} needs the plugin {plugin}", f"pip install {plugin}")


def _missing_executable(link: Diagnostic, whole: Diagnostic, surroundings: Surroundings) -> Reason | None:
    if link.code == "CommandNotFound":
        match = _COMMAND.search(link.message)
        program = match[1] if match else None
    elif link.code == "FileNotFoundError":
        match = _ERRNO.fullmatch(link.message)
        started = any(frame.path.endswith("subprocess.py") for frame in link.frames[-3:])
        program = match[3] if match and match[1] == "2" and started else None
        if program and program.startswith(("/usr/", "/bin/", "/sbin/", "/opt/")):
            program = program.rpartition("/")[2]
    else:
        return None
    if program is None or not _PROGRAM.fullmatch(program):
        return None
    if program.replace("-", "_") in surroundings.project_modules:
        return Reason(
            "missing-executable", f"the project's own command {program!r} is not installed", "pip install -e ."
        )
    if program in known.RUNNERS:
        return Reason("missing-executable", f"the program {program!r} is not installed", f"pip install {program}")
    if program not in known.EXECUTABLES:
        inside = any(len(name) > 2 and name in program for name in known.EXECUTABLES)
        if inside or known.one_edit_away(program) & known.EXECUTABLES:
            return None
    return Reason("missing-executable", f"the program {program!r} is not on PATH", f"install {program}")


def _missing_variable(link: Diagnostic, whole: Diagnostic, surroundings: Surroundings) -> Reason | None:
    if link.code != "KeyError" or not link.frames or (match := _VARIABLE.fullmatch(link.message.strip())) is None:
        return None
    variable, innermost = match[1], link.frames[-1]
    asked = re.compile(rf"environ(?:b)?\[[fb]?[\"']{variable}[\"']\]")
    from_os = innermost.function in {"__getitem__", None} and (
        innermost.path == "<frozen os>" or re.search(r"[/\\]os\.py$", innermost.path) is not None
    )
    if not from_os and not asked.search(innermost.source or ""):
        return None
    if variable not in known.USUAL_VARIABLES and known.one_edit_away(variable) & known.USUAL_VARIABLES:
        return None
    if _SETS_VARIABLES.search(whole.raw[:100_000]):
        return None  # the test prepares the environment itself, so the code asks for the wrong name
    if variable == "HOME":
        return Reason("home", "the variable HOME is not set", "--allow home" if surroundings.sandboxed else "set HOME")
    suggestion = f"--env {variable}" if surroundings.sandboxed else f"set {variable}"
    return Reason("missing-variable", f"the environment variable {variable} is not set", suggestion)


def _home(link: Diagnostic, whole: Diagnostic, surroundings: Surroundings) -> Reason | None:
    if not surroundings.sandboxed:
        return None
    if link.code == "RuntimeError" and link.message.startswith(
        ("Could not determine home dir", "Can't determine home dir")
    ):
        return Reason("home", "there is no home folder", "--allow home")
    if link.code == "KeyError" and "getpwuid(): uid not found" in link.message:
        return Reason("home", "the user has no entry in the password file", "--allow home")
    if name_of(link) not in {"FileNotFoundError", "PermissionError", "OSError", "NotADirectoryError"}:
        return None
    errno = _ERRNO.fullmatch(link.message)
    match = _DOTFILE.fullmatch(errno[3] or "") if errno and errno[1] in {"2", "13", "30"} else None
    if match is None or match[1].strip(".").partition(".")[0].replace("-", "_") in surroundings.project_modules:
        return None
    if any(f"/{match[1]}/" in frame.path for frame in link.frames if not in_library(frame.path)):
        return None
    return Reason("home", f"the home folder has no readable {match[1]}", "--allow home")


def _shared_memory(link: Diagnostic, whole: Diagnostic, surroundings: Surroundings) -> Reason | None:
    needs = "run the tests where /dev/shm is mounted and writable"
    if name_of(link) == "ImportError" and "lacks a functioning sem_open" in link.message:
        return Reason("shared-memory", "this system has no working semaphores", needs)
    errno = _ERRNO.match(link.message)
    if errno is None or name_of(link) not in {"PermissionError", "OSError", "FileNotFoundError"}:
        return None
    last = "|".join(frame.path for frame in link.frames[-2:])
    if re.search(r"multiprocessing[/\\]synchronize\.py", last) and errno[1] in {"2", "13", "28", "30", "38"}:
        return Reason("shared-memory", "semaphores cannot be created", needs)
    memory = re.search(r"multiprocessing[/\\]shared_memory\.py", last) or (errno[3] or "").startswith("/dev/shm")  # noqa: S108
    if memory and errno[1] in {"13", "28", "30", "38"}:
        return Reason("shared-memory", "shared memory cannot be created", needs)
    return None


def _permission(link: Diagnostic, whole: Diagnostic, surroundings: Surroundings) -> Reason | None:
    errno = _ERRNO.fullmatch(link.message)
    if not surroundings.sandboxed or errno is None or name_of(link) not in {"PermissionError", "OSError"}:
        return None
    path = errno[3] or ""
    if errno[1] not in {"1", "13", "30"} or not _SYSTEM_PATH.fullmatch(path):
        return None
    return Reason(
        "permission",
        f"the sandbox keeps {path} read-only",
        "let the test write below a temporary folder (pytest's tmp_path) instead",
    )


def _interpreter(link: Diagnostic, whole: Diagnostic, surroundings: Surroundings) -> Reason | None:
    found = needed_version(link)
    if found is None:
        return None
    what, (major, minor) = found
    running = python_of(whole)
    if running is not None and running >= (major, minor):
        return None
    return _wrong_interpreter(f"{what} needs Python {major}.{minor}", f">={major}.{minor}")


def _wrong_interpreter(message: str, versions: str) -> Reason:
    return Reason("interpreter", message, f"--python with a Python {versions}")


def _network(link: Diagnostic, whole: Diagnostic, surroundings: Surroundings) -> Reason | None:
    code = link.code or ""
    name = name_of(link)
    builtin = "." not in code or code.startswith("socket.")
    if builtin and not _ERRNO.match(link.message):
        return None  # the system numbers its errors, whoever makes one up seldom does
    if not builtin:
        by_library = in_library(link.frames[-1].path) if link.frames else code.partition(".")[0] in known.CLIENTS
        if not by_library or code.partition(".")[0] in surroundings.project_modules:
            return None
    elif not (name == "gaierror" or _is_os_error(name)):
        return None
    found = network_reason(link, whole, sandboxed=surroundings.sandboxed)
    return Reason(*found) if found else None


def _is_os_error(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and issubclass(kind, OSError)


_Rule = Callable[[Diagnostic, Diagnostic, Surroundings], Reason | None]
_RULES: tuple[_Rule, ...] = (
    _missing_dependency,
    _missing_plugin,
    _missing_executable,
    _missing_variable,
    _home,
    _shared_memory,
    _network,
    _interpreter,
    _permission,
)
