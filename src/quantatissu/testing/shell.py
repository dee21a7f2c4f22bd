"""The small part of shell syntax that test commands are written in, split without running a shell.

Understood: quotes, escapes, ``&&``, comments, ``$NAME`` of known variables, ``$(pwd)``, ``~/`` and globs inside the
project. Anything else raises `NeedsShell`, and the command is then run by ``sh -c`` inside the sandbox.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from quantatissu.foundation import QuantaError

ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_PWD = ("$(pwd)", "`pwd`", "$PWD", "${PWD}", "$(CURDIR)")


class NeedsShell(Exception):
    """The text uses a construct that only a real shell should interpret."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word after quote removal. ``pattern`` is its glob pattern (quoted characters escaped), if it has one."""

    text: str
    pattern: str | None = None

    def expand(self, folder: Path) -> list[str]:
        """The word, or the sorted paths its pattern matches below ``folder``; like sh, no match keeps the word."""
        if self.pattern is None or ASSIGNMENT.match(self.text):
            return [self.text]
        if self.pattern.startswith("/") or ".." in self.pattern.split("/"):
            raise NeedsShell("a glob that leaves the project")
        return sorted(glob.glob(self.pattern, root_dir=folder)) or [self.text]  # noqa: PTH207


def split(text: str, variables: Mapping[str, str]) -> list[list[Word]]:
    """Commands joined by ``&&``, each a list of words. ``variables`` must hold ``PWD``.

    Raises NeedsShell for other shell constructs, QuantaError for quotes that are not closed.
    """
    if "\0" in text:
        raise QuantaError("The test command holds a NUL character.", hint="Pass it as plain text.")
    return _Lexer(text.strip(), variables).commands()


class _Lexer:
    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self.text = text
        self.variables = variables
        self.at = 0

    def commands(self) -> list[list[Word]]:
        commands: list[list[Word]] = [[]]
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in " \t\r":
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self.at += 2
            elif self.text.startswith("&&", self.at):
                self.at += 2
                commands.append([])
            elif char == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif (char == "\n" and not commands[-1]) or (char == ";" and not self.text[self.at + 1 :].strip()):
                self.at += 1
            elif char in "|&;<>()\n":
                raise NeedsShell(f"{char!r}")
            elif (word := self._word()) is not None:
                commands[-1].append(word)
        if not all(commands) and len(commands) > 1:
            raise NeedsShell("an empty command beside &&")
        return commands

    def _word(self) -> Word | None:
        """Reads one word; None when it vanished (an unquoted variable that is empty)."""
        start = self.at
        plain: list[str] = []
        pattern: list[str] = []
        quoted = globbed = False

        def add(value: str) -> None:
            plain.append(value)
            pattern.append(glob.escape(value))

        while self.at < len(self.text):
            char = self.text[self.at]
            if char in " \t\r\n|&;<>()":
                break
            if char == "\\":
                if self.text.startswith("\\\n", self.at):
                    self.at += 2
                    continue
                if self.at + 1 >= len(self.text):
                    raise QuantaError("The test command ends in a lone backslash.", hint=f"It reads: {self.text}")
                add(self.text[self.at + 1])
                self.at += 2
                quoted = True
            elif char == "'":
                add(self._until_single_quote())
                quoted = True
            elif char == '"':
                add(self._until_double_quote())
                quoted = True
            elif char in "$`":
                value = self._variable()
                if re.search(r"[\s*?\[]", value) and not ASSIGNMENT.match("".join(plain)):
                    raise NeedsShell("a variable that splits into words")
                add(value)
            elif char == "~" and self.at == start and re.match(r"~(/|\s|$)", self.text[self.at :]):
                add(str(Path.home()))
                self.at += 1
            else:
                globbed = globbed or char in "*?["
                plain.append(char)
                pattern.append(char)
                self.at += 1
        text = "".join(plain)
        if not text and not quoted:
            return None
        return Word(text, "".join(pattern) if globbed else None)

    def _until_single_quote(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise self._unbalanced("single")
        value = self.text[self.at + 1 : end]
        self.at = end + 1
        return value

    def _until_double_quote(self) -> str:
        start, self.at = self.at, self.at + 1
        parts: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return "".join(parts)
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\", "$", "`", "\n"):
                parts.append(self.text[self.at + 1].replace("\n", ""))
                self.at += 2
            elif char in "$`":
                parts.append(self._variable())
            else:
                parts.append(char)
                self.at += 1
        self.at = start
        raise self._unbalanced("double")

    def _variable(self) -> str:
        rest = self.text[self.at :]
        for spelling in _PWD:
            if rest.startswith(spelling) and not (spelling == "$PWD" and re.match(r"\w", rest[4:5])):
                self.at += len(spelling)
                return self.variables["PWD"]
        if match := re.match(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", rest, re.ASCII):
            name = match[1] or match[2]
            if name in self.variables:
                self.at += match.end()
                return self.variables[name]
            raise NeedsShell(f"${name}")
        if rest[0] == "$" and (len(rest) == 1 or rest[1] in " \t\n\"'"):
            self.at += 1
            return "$"
        raise NeedsShell("a substitution")

    def _unbalanced(self, kind: str) -> QuantaError:
        near = self.text[self.at : self.at + 20]
        return QuantaError(
            f"The test command has a {kind} quote that is never closed, at column {self.at + 1}: {near}",
            hint=f"It reads: {self.text}",
        )
