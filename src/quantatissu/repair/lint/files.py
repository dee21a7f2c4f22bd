"""One file's findings tried, edit by edit, until no candidate is left: most of them in batches, the rest alone.

An edit that makes new findings which ruff fixes safely (an import out of order), or layout does (a line too long), is
completed with those fixes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from quantatissu.repair.lint.ruff import Finding, Ruff, line_starts
from quantatissu.repair.lint.rules import Candidate, candidates
from quantatissu.repair.lint.steps import Key, Patchwork, Step, Unit, chained, keep, touches
from quantatissu.repair.lint.verify import more, promise_kept, rules_hold
from quantatissu.repair.texts import TextFile
from quantatissu.rewriting import Edit, Source, apply_edits

_ROUNDS = 60  # of candidates for all findings of a file
_COMPLETIONS = 3  # rounds of safe fixes behind an edit
_LAYOUT = ("ast", "docstrings")


class _Tried(IntEnum):
    TOGETHER = 1  # with others, and found wanting
    ALONE = 2  # completed by safe fixes, too


@dataclass(frozen=True, slots=True)
class _Proposal:
    finding: Finding
    candidate: Candidate
    key: Key

    @property
    def step(self) -> Step:
        return Step((self.finding,), self.candidate.edits, self.candidate.risky, self.key)


@dataclass(frozen=True, slots=True)
class Left:
    """A finding that stays, and why."""

    finding: Finding
    reason: str


@dataclass
class FileFixes:
    """What was done about one file: ``units`` change ``file``, ``left`` stay."""

    name: str
    file: TextFile
    found: tuple[Finding, ...]
    units: list[Unit] = field(default_factory=list)
    left: tuple[Left, ...] = ()


def fix_file(
    ruff: Ruff,
    name: str,
    file: TextFile,
    *,
    rules: Container[str],
    risky: bool,
    deadline: float,
    banned: Mapping[Key, str] | None = None,
) -> FileFixes:
    """Fix what can be fixed of one file's findings of some ``rules``, until ``deadline`` (monotonic).

    Without ``risky`` ones no edit is taken that only a test could tell from a wrong one. ``banned`` candidates are not
    tried again, each for the reason beside it.

    Raises QuantaError when ruff does not run.
    """
    return _FileFixer(ruff, name, file, rules, risky, deadline, banned or {}).run()


class _FileFixer:
    def __init__(
        self,
        ruff: Ruff,
        name: str,
        file: TextFile,
        rules: Container[str],
        risky: bool,
        deadline: float,
        banned: Mapping[Key, str],
    ) -> None:
        self._check: Callable[[str], list[Finding] | None] = lambda text: ruff.check_text(name, text, file)
        self._path, self._name, self._file = str(Path(ruff.root, name)), name, file
        self._rules, self._risky, self._deadline = rules, risky, deadline
        self._banned = banned
        self._tried: dict[Key, _Tried] = dict.fromkeys(banned, _Tried.ALONE)
        self._text, self._current = file.text, list[Finding]()
        self._work = Patchwork(file.text)

    def run(self) -> FileFixes:
        found = self._check(self._text)
        if found is None:
            return FileFixes(self._name, self._file, (), [], ())
        self._current = found
        for _ in range(_ROUNDS):
            if time.monotonic() > self._deadline or not self._current or not self._round():
                break
        return FileFixes(self._name, self._file, self._wanted(found), self._work.units, self._left())

    def _wanted(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """Findings of the rules asked for; ruff was asked for more, to see what an edit breaks."""
        return tuple(finding for finding in findings if finding.code in self._rules)

    def _round(self) -> bool:
        """Try one candidate of every finding that has an untried one; False when none has."""
        source = self._parse(self._text)
        if source is None:
            return False
        fresh = self._proposals(source, lambda key: key not in self._tried)
        if fresh:
            layout = [one for one in fresh if one.candidate.keeps in _LAYOUT]
            # Promises are checked of a whole batch, so those that make one are tried apart.
            self._batch(layout or fresh)
            return True
        again = self._proposals(source, lambda key: self._tried.get(key) is _Tried.TOGETHER)
        for proposal in again:
            self._tried[proposal.key] = _Tried.ALONE
            if self._complete(proposal):
                break
        return bool(again)

    def _parse(self, text: str) -> Source | None:
        try:
            return Source(text, self._path)
        except (SyntaxError, ValueError, RecursionError):
            return None

    def _proposals(self, source: Source, wanted: Callable[[Key], bool]) -> list[_Proposal]:
        """A candidate for each finding, none touching another."""
        chosen: list[_Proposal] = []
        taken: list[Edit] = []
        for finding in self._wanted(self._current):
            for candidate in candidates(source, finding):
                key = self._key(source, finding, candidate)
                if not wanted(key) or (candidate.risky and not self._risky):
                    continue
                if not touches(candidate.edits, taken):
                    chosen.append(_Proposal(finding, candidate, key))
                    taken += candidate.edits
                break
        return chosen

    def _key(self, source: Source, finding: Finding, candidate: Candidate) -> Key:
        """What is the same candidate still after other edits have moved its line."""
        place = f"{finding.message}\0{_line(source.text, finding)}"
        return finding.code, place, tuple(edit.text for edit in candidate.edits)

    def _batch(self, proposals: Sequence[_Proposal]) -> None:
        results: dict[tuple[Key, ...], tuple[str, list[Finding]]] = {}

        def passes(group: Sequence[_Proposal]) -> bool:
            if time.monotonic() > self._deadline:
                return False
            text = apply_edits(self._text, (edit for one in group for edit in one.candidate.edits))
            after = self._check(text)
            if after is None or not rules_hold(self._current, after, [one.finding for one in group]):
                return False
            keeps = {one.candidate.keeps for one in group} & {*_LAYOUT}
            if keeps and not promise_kept(self._text, text, "docstrings" if "docstrings" in keeps else "ast"):
                return False
            results[tuple(one.key for one in group)] = text, after
            return True

        def fails(one: _Proposal) -> None:
            self._tried[one.key] = _Tried.TOGETHER

        accepted = keep([], proposals, passes, fails)
        if accepted:
            self._take([one.step for one in accepted], *results[tuple(one.key for one in accepted)])

    def _complete(self, proposal: _Proposal) -> bool:
        """Take a candidate together with safe fixes of what it brings about, where that suffices."""
        edits = proposal.candidate.edits
        for _ in range(_COMPLETIONS):
            text = apply_edits(self._text, edits)
            after = self._check(text)
            if after is None:
                return False
            if rules_hold(self._current, after, [proposal.finding]):
                if not promise_kept(self._text, text, proposal.candidate.keeps):
                    return False
                self._take([Step((proposal.finding,), edits, proposal.candidate.risky, proposal.key)], text, after)
                return True
            fixes = self._completion(text, after, more(self._current, after, [proposal.finding]))
            if not fixes:
                return False
            edits = chained(self._text, edits, fixes)
        return False

    def _completion(self, text: str, findings: Sequence[Finding], rules: Container[str]) -> list[Edit]:
        """Edits of ``text`` for findings of some rules that change no more than layout, or are ruff's own safe ones."""
        fixes: list[Edit] = []
        source = self._parse(text)
        if source is None:
            return fixes
        known = {(one.code, _line(self._text, one)) for one in self._current}
        for finding in findings:
            if finding.code not in rules:
                continue
            new = (finding.code, _line(text, finding)) not in known
            found = (one for one in candidates(source, finding) if one.safe or (new and one.keeps in _LAYOUT))
            candidate = next(found, None)
            if candidate is not None and not touches(candidate.edits, fixes):
                fixes += candidate.edits
        return fixes

    def _take(self, steps: Sequence[Step], text: str, after: list[Finding]) -> None:
        self._work.add(steps)
        assert self._work.text == text, "the patchwork and the text it stands for are one"
        self._text, self._current = text, after

    def _left(self) -> tuple[Left, ...]:
        """What is still found, where it is after the edits, and why."""
        left = self._wanted(self._current)
        if time.monotonic() > self._deadline:
            return tuple(Left(finding, "there was no time left") for finding in left)
        source = self._parse(self._text)
        return tuple(Left(finding, self._reason(source, finding)) for finding in left)

    def _reason(self, source: Source | None, finding: Finding) -> str:
        known = [*candidates(source, finding)] if source is not None else []
        if not known:
            return "no fix is known"
        if not self._risky and all(one.risky for one in known):
            return "a fix may change what the code does, and no test would tell"
        assert source is not None
        reasons = (self._banned.get(self._key(source, finding, one)) for one in known)
        return next((reason for reason in reasons if reason), "the fixes tried did not verify")


def _line(text: str, finding: Finding) -> str:
    """The line that a finding begins on, without its indentation."""
    starts = line_starts(text)
    if finding.line > len(starts):
        return ""
    end = starts[finding.line] if finding.line < len(starts) else len(text)
    return text[starts[finding.line - 1] : end].strip()
