"""Options of pytest plugins that a task runner would have installed and the chosen interpreter lacks."""

from __future__ import annotations

import re
from dataclasses import replace

from quantatissu.testing.command import TestCommand
from quantatissu.testing.interpreter import Interpreter

# Entry point -> its options, those that always take a value as a word of their own first. None of them decides
# whether a test passes: they measure, report, spread the work, or limit its time.
_OPTIONS: dict[str, tuple[str, str]] = {
    "pytest_cov": (r"--cov-report|--cov-config|--cov-fail-under|--cov-context", r"--cov(=.*)?|--cov-.*|--no-cov.*"),
    "xdist": (r"-n|--numprocesses|--dist|--maxprocesses|--tx", r"-n\w+|(--numprocesses|--dist|--maxprocesses|--tx)=.*"),
    "timeout": (r"--timeout|--timeout-method", r"--timeout(-method)?=.*"),
    "html": (r"--html|--css", r"--(html|css)=.*|--self-contained-html"),
    "benchmark": (r"--benchmark-save|--benchmark-storage", r"--benchmark-.*"),
    "rerunfailures": (r"--reruns|--reruns-delay", r"--reruns(-delay)?=.*"),
    "instafail": (r"(?!)", r"--instafail"),
    "sugar": (r"(?!)", r"--force-sugar|--old-summary"),
}


def without_absent_plugins(command: TestCommand, interpreter: Interpreter) -> tuple[TestCommand, tuple[str, ...]]:
    """The command without options of plugins that ``interpreter`` lacks, and the words that were dropped.

    Only for a command that was found: one that a person typed is run as typed, and pytest says what is wrong with it.
    """
    if command.kind != "pytest" or command.origin == "--test":
        return command, ()
    absent = [options for name, options in _OPTIONS.items() if interpreter.plugin(name) is None]
    kept: list[str] = []
    dropped: list[str] = []
    words = iter(command.arguments)
    for word in words:
        if word == "--":
            kept += [word, *words]
        elif any(re.fullmatch(spaced, word) for spaced, _ in absent):
            dropped += [word, *(value for value in [next(words, None)] if value is not None)]
        elif any(re.fullmatch(single, word) for _, single in absent):
            dropped.append(word)
        else:
            kept.append(word)
    start = command.argv[: len(command.argv) - len(command.arguments)]
    return replace(command, argv=(*start, *kept), arguments=tuple(kept)), tuple(dropped)
