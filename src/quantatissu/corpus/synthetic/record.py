"""One wrong program with its correction: what the seeded edits produce, and what training reads.

A record holds an excerpt of the *wrong* file, the span in it that is wrong, the text that belongs there, and the
evidence that it is wrong: a failing test, a call that gives another result, or a linter's finding.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from quantatissu.corpus.document import Document
from quantatissu.rewriting import Edit, apply_edits, invert_edits

Kind = Literal["bug", "lint"]
Method = Literal["tests", "execution", "linter"]
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class TraceFrame:
    """One frame of a traceback: a path relative to the project, a line from 1, the function, and the source line."""

    path: str
    line: int
    function: str
    source: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that the wrong text is wrong. Fields that a method does not know are empty (``line`` is 0).

    ``tests``: ``code`` and ``message`` are the exception's class and text, ``assertion`` the statement of the test that
    failed, ``expected`` and ``actual`` its two sides as far as they can be read, ``frames`` the traceback (outermost
    first), ``test`` the id and ``test_source`` the text of the failing test, ``output`` the runner's report.

    ``execution``: ``call`` is a call of the function, ``expected`` what the right version gives and ``actual`` what the
    wrong one gives; ``code``, ``message`` and ``frames`` describe what the wrong one raised, if it raised.

    ``linter``: ``code`` is the rule, ``message`` its text. ``path``, ``line`` and ``column`` (from 1) say where in the
    wrong file; for a traceback that is the innermost frame of the project. ``tool`` names the witness.
    """

    method: Method
    tool: str
    code: str = ""
    message: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    assertion: str = ""
    call: str = ""
    expected: str = ""
    actual: str = ""
    frames: tuple[TraceFrame, ...] = ()
    test: str = ""
    test_source: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class EditRecord:
    """A wrong excerpt and the edit that makes it right.

    ``context`` is an excerpt of the wrong file whose first line is ``line`` (from 1). ``context[start:end]``, equal to
    ``before``, is wrong and ``after`` belongs there: whole lines, as few as hold every difference (``before`` is empty
    where lines are missing). ``edits`` says the same to the character: (start, end, text) each, offsets in ``context``.

    ``operator`` is the row of the rewriting table, or the lint edit, that made the wrong text; ``undone_by`` the row
    that offers the right text back. ``document`` is the id of the right document; ``function`` the dotted name of the
    function around the edit.
    """

    id: str
    kind: Kind
    document: str
    source: str
    repository: str
    revision: str
    path: str
    licences: tuple[str, ...]
    language: str
    function: str
    line: int
    context: str
    start: int
    end: int
    before: str
    after: str
    edits: tuple[tuple[int, int, str], ...]
    operator: str
    undone_by: str
    evidence: Evidence

    @property
    def right(self) -> str:
        """The excerpt as it should be."""
        return self.context[: self.start] + self.after + self.context[self.end :]


@dataclass(frozen=True, slots=True)
class Injected:
    """A right document with edits that make it wrong, on the way to its evidence.

    ``first`` and ``last`` are the lines (from 1, in the right text) of the function around the edits, of the whole
    document where there is none.
    """

    document: Document
    edits: tuple[Edit, ...]
    operator: str
    function: str
    first: int
    last: int

    @property
    def wrong(self) -> str:
        return apply_edits(self.document.text, self.edits)


def make_record(
    injected: Injected, kind: Kind, evidence: Evidence, *, context_lines: int, undone_by: str = ""
) -> EditRecord:
    """The record of an injection: its excerpt is cut to the function and to ``context_lines`` around the edit."""
    document = injected.document
    right, wrong = document.text, injected.wrong
    back = invert_edits(right, injected.edits)
    low, high = _window(right, wrong, back, injected, context_lines)
    excerpt, wanted = wrong[low:high], right[low : high - (len(wrong) - len(right))]
    start, end, after = _line_difference(excerpt, wanted)
    edits = tuple((edit.start - low, edit.end - low, edit.text) for edit in back)
    digest = hashlib.blake2b(digest_size=16)
    for part in (document.id, kind, injected.operator, repr(injected.edits)):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return EditRecord(
        id=digest.hexdigest(),
        kind=kind,
        document=document.id,
        source=document.origin.source,
        repository=document.origin.repository,
        revision=document.origin.revision,
        path=document.origin.path,
        licences=document.licences,
        language=document.language,
        function=injected.function,
        line=wrong.count("\n", 0, low) + 1,
        context=excerpt,
        start=start,
        end=end,
        before=excerpt[start:end],
        after=after,
        edits=edits,
        operator=injected.operator,
        undone_by=undone_by,
        evidence=evidence,
    )


def _window(right: str, wrong: str, back: Sequence[Edit], injected: Injected, lines: int) -> tuple[int, int]:
    """(start, end) in the wrong text of whole lines: those of the edits, and of the function as far as allowed."""
    starts = [0, *(match.end() for match in re.finditer("\n", wrong))]
    top = bisect_right(starts, back[0].start)
    bottom = bisect_right(starts, back[-1].end)
    shift = wrong.count("\n") - right.count("\n")
    first = min(top, max(injected.first, top - lines))
    last = max(bottom, min(injected.last + shift, bottom + lines))
    return starts[first - 1], starts[last] if last < len(starts) else len(wrong)


def _line_difference(wrong: str, right: str) -> tuple[int, int, str]:
    """(start, end, text): the fewest whole lines of ``wrong`` that hold every difference, and what belongs there."""
    ours, theirs = _LINE.findall(wrong), _LINE.findall(right)
    head = 0
    while head < min(len(ours), len(theirs)) and ours[head] == theirs[head]:
        head += 1
    tail = 0
    while tail < min(len(ours), len(theirs)) - head and ours[-1 - tail] == theirs[-1 - tail]:
        tail += 1
    start = sum(map(len, ours[:head]))
    end = len(wrong) - sum(map(len, ours[len(ours) - tail :]))
    return start, end, "".join(theirs[head : len(theirs) - tail])
