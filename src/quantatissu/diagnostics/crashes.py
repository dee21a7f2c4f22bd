"""Ends that no exception tells of: the interpreter's fatal errors, and processes killed by a signal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from quantatissu.diagnostics.model import Diagnostic, Frame, Location

_FATAL = "Fatal Python error: "
_STACK = re.compile(r"(?:Current thread|Thread|Stack) .*\(most recent call first\):")
_FRAME = re.compile(r'  File "(.+)", line (\d{1,9})(?: in (.+))?')
_TIMEOUT = re.compile(r"Timeout \(\d+:\d\d:\d\d(?:\.\d+)?\)!")
_SIGNALS = {
    "Segmentation fault": "SIGSEGV",
    "Aborted": "SIGABRT",
    "Abort trap": "SIGABRT",
    "Bus error": "SIGBUS",
    "Illegal instruction": "SIGILL",
    "Floating point exception": "SIGFPE",
    "Trace/breakpoint trap": "SIGTRAP",
    "Killed": "SIGKILL",
    "Terminated": "SIGTERM",
    "Stack overflow": "SIGSEGV",
}
_WORDS = "|".join(re.escape(word) for word in _SIGNALS)
_SHELL = re.compile(rf"(?:\S+: line \d+: +\d+ )?({_WORDS})(?:: \d+)?(?: \(core dumped\))?(?:  .*)?")
_MAKE = re.compile(rf"(?:make|gmake)(?:\[\d+\])?: \*\*\* \[[^\]]*\] ({_WORDS})(?: \(core dumped\))?")
_BY_NUMBER = re.compile(r"Command terminated by signal (\d{1,2})")
_RUNNING = re.compile(r"(\S+\.py::.+?) +")
_LONGEST_STACK = 200  # frames


def find_crashes(lines: Sequence[str]) -> list[tuple[int, Diagnostic]]:
    """(line index, diagnostic) for every fatal end; what a shell says about one already found is not repeated.

    ``code`` is the signal's name where one is known, ``FatalError`` for the interpreter's other last words, and
    ``Timeout`` for the stack that ``faulthandler`` prints of a process that takes too long.
    """
    found: list[tuple[int, Diagnostic]] = []
    for at, line in enumerate(lines):
        if not line:
            continue
        fatal = line.find(_FATAL)
        if fatal >= 0:
            found.append((at, _read_fatal(lines, at, line[:fatal], line[fatal + len(_FATAL) :])))
        elif line[:7] == "Timeout" and _TIMEOUT.fullmatch(line):
            found.append((at, _read_fatal(lines, at, "", line)))
        else:
            code = _shell_signal(line)
            if code is not None and all(earlier.code != code for _, earlier in found[-5:]):
                message = f"the process was ended by {code}"
                found.append((at, Diagnostic("shell", "runtime", "error", message, code=code, raw=line)))
    return found


def _shell_signal(line: str) -> str | None:
    if line[:4] in {"make", "gmak"}:
        match = _MAKE.match(line)
    elif "erminated by signal" in line:
        number = _BY_NUMBER.fullmatch(line)
        names = {"6": "SIGABRT", "9": "SIGKILL", "11": "SIGSEGV", "15": "SIGTERM"}
        return names.get(number[1], f"signal {number[1]}") if number else None
    elif line[:1].isupper() or ": line " in line:
        match = _SHELL.fullmatch(line)
    else:
        return None
    return _SIGNALS[match[1]] if match else None


def _read_fatal(lines: Sequence[str], at: int, before: str, reason: str) -> Diagnostic:
    running = _RUNNING.fullmatch(before)
    stacks: dict[bool, list[Frame]] = {}
    current: list[Frame] | None = None
    end = at + 1
    while end < len(lines) and end - at < _LONGEST_STACK:
        line = lines[end]
        if _STACK.match(line):
            current = stacks.setdefault(line.startswith("Current"), [])
        elif current is not None and (match := _FRAME.fullmatch(line)):
            current.append(Frame(match[1], int(match[2]), match[3]))
        elif line.strip() and not line.startswith(("  ", "Python runtime state", "Extension modules", "<")):
            break
        end += 1
    frames = tuple(reversed(stacks.get(True) or stacks.get(False) or []))
    reason = reason.strip()
    code = "Timeout" if reason.startswith("Timeout") else _SIGNALS.get(reason.partition(":")[0], "FatalError")
    return Diagnostic(
        "python",
        "runtime",
        "error",
        reason,
        location=Location(frames[-1].path, frames[-1].line) if frames else None,
        code=code,
        test=running[1] if running else None,
        frames=frames,
        raw="\n".join(lines[at:end]).rstrip("\n"),
    )
