"""Whether failures come from the code or from where it runs, and what to do about the second kind.

The default answer is *from the code*. A cause is named only on evidence that an ordinary bug does not leave: the error
text of the operating system together with frames of the library that met it, never an exception that the project's own
code or a mock raised.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from quantatissu.diagnostics.environment import Reason, Surroundings, reason_for
from quantatissu.diagnostics.model import Diagnostic


@dataclass(frozen=True, slots=True)
class EnvironmentCause:
    """Why ``tests`` (ids, in order) fail though the code may be right.

    ``kind`` is one of ``missing-dependency``, ``missing-service``, ``network``, ``home``, ``shared-memory``,
    ``missing-executable``, ``missing-variable``, ``interpreter``, ``permission``; ``message`` says what is wrong and
    ``suggestion`` what to install, start or pass, each in one line.
    """

    kind: str
    message: str
    suggestion: str
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvironmentFailures:
    """Failures told apart: ``causes`` hold the tests that fail by the environment, ``other`` the rest, in order.

    A failure that belongs to no test stands in ``other`` by its file's or tool's name in angle brackets.
    """

    causes: tuple[EnvironmentCause, ...]
    other: tuple[str, ...]

    @property
    def tests(self) -> tuple[str, ...]:
        """The tests of all causes."""
        return tuple(test for cause in self.causes for test in cause.tests)


def environment_failures(
    diagnostics: Sequence[Diagnostic], *, project_modules: Container[str] = (), sandboxed: bool = True
) -> EnvironmentFailures:
    """Split failing tests by whether the environment is to blame; a test is only if all its diagnostics are.

    ``project_modules`` are the top-level import names that the project itself provides; ``sandboxed`` says that the
    tests ran without network, with an empty home folder and a read-only system.
    """
    surroundings = Surroundings(project_modules, sandboxed)
    by_failure: dict[str, list[Reason | None]] = {}
    for diagnostic in diagnostics:
        if diagnostic.severity == "error":
            by_failure.setdefault(_label(diagnostic), []).append(reason_for(diagnostic, surroundings))
    tests: dict[Reason, list[str]] = {}
    other: list[str] = []
    for label, reasons in by_failure.items():
        first = reasons[0]
        if first is None or None in reasons:
            other.append(label)
        else:
            tests.setdefault(first, []).extend([] if label.startswith("<") else [label])
    causes = tuple(EnvironmentCause(*reason, tuple(failing)) for reason, failing in tests.items())
    return EnvironmentFailures(causes, tuple(other))


def environment_cause(
    diagnostics: Sequence[Diagnostic], *, project_modules: Container[str] = (), sandboxed: bool = True
) -> EnvironmentCause | None:
    """The cause, if the environment is to blame for every one of the failures; else None.

    Several causes become one that names all of them, of the kind that most tests have. Parameters as for
    `environment_failures`.
    """
    failures = environment_failures(diagnostics, project_modules=project_modules, sandboxed=sandboxed)
    if failures.other or not failures.causes:
        return None
    causes = failures.causes
    if len(causes) == 1:
        return causes[0]
    kinds = [cause.kind for cause in causes for _ in (cause.tests or ("",))]
    return EnvironmentCause(
        max(dict.fromkeys(kinds), key=kinds.count),
        "; ".join(cause.message for cause in causes),
        "; ".join(dict.fromkeys(cause.suggestion for cause in causes)),
        failures.tests,
    )


def _label(diagnostic: Diagnostic) -> str:
    if diagnostic.test is not None:
        return diagnostic.test
    return f"<{diagnostic.location.path if diagnostic.location else diagnostic.tool}>"
