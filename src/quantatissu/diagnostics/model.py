"""The typed form of everything a compiler, linter, test runner or interpreter can complain about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["compile", "lint", "type", "test", "runtime"]
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file. ``line`` and ``column`` count from 1; ``None`` where the tool did not say."""

    path: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One traceback frame, as printed: the file, the line number from 1, the function, and the source line."""

    path: str
    line: int
    function: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One complaint.

    ``tool`` is who complained (``pytest``, ``unittest``, ``python``); ``code`` its machine-readable name, for Python
    the exception's class (``ValueError``, ``json.decoder.JSONDecodeError``) or the linter's rule; ``test`` the test id
    when one failed; ``expected`` and ``actual`` the two sides of a comparison, in the tool's own spelling; ``frames``
    the traceback from the outermost to the innermost frame; ``causes`` the exceptions chained or grouped below this
    one (``__cause__``, ``__context__``, ``ExceptionGroup`` members); ``raw`` the text this was read from.
    """

    tool: str
    kind: Kind
    severity: Severity
    message: str
    location: Location | None = None
    code: str | None = None
    test: str | None = None
    expected: str | None = None
    actual: str | None = None
    frames: tuple[Frame, ...] = ()
    causes: tuple[Diagnostic, ...] = ()
    raw: str = ""
