"""Steps of a fix, and the patchwork they make of one file.

A step's edits are in the text it was found in, which earlier steps have changed. The patchwork keeps all of them in
coordinates of the original, so that any selection of them can be put together: a step that touches what an earlier one
wrote becomes one *unit* with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from quantatissu.repair.lint.ruff import Finding
from quantatissu.rewriting import Edit, apply_edits

T = TypeVar("T")

# A candidate, told apart from others wherever its line has moved: rule, message and line, texts of its edits.
Key = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Step:
    """Edits that are to remove ``findings``. ``risky`` ones may change what the code does: only tests can tell."""

    findings: tuple[Finding, ...]
    edits: tuple[Edit, ...]
    risky: bool
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """Steps that stand or fall together: edits of the original text, and what they were made for.

    ``keys`` are the candidates in it, with whether each is risky.
    """

    edits: tuple[Edit, ...]
    findings: tuple[Finding, ...]
    risky: bool
    keys: tuple[tuple[Key, bool], ...] = ()

    @property
    def suspects(self) -> tuple[Key, ...]:
        """The candidates that are to blame when a test breaks: the risky ones if there are any."""
        return tuple(key for key, risky in self.keys if risky) or tuple(key for key, _ in self.keys)


@dataclass(frozen=True, slots=True)
class _Region:
    """A changed stretch: [start, end) of the original is [low, high) of the current text; ``unit`` made it."""

    start: int
    end: int
    low: int
    high: int
    unit: int


class Patchwork:
    """One file's original text and the units that change it."""

    def __init__(self, original: str) -> None:
        self.original = original
        self.units: list[Unit] = []

    @property
    def text(self) -> str:
        return self.compose(self.units)

    def compose(self, units: Iterable[Unit]) -> str:
        """The original with some units."""
        return apply_edits(self.original, (edit for unit in units for edit in unit.edits))

    def add(self, steps: Iterable[Step]) -> None:
        """Add steps whose edits are all in the current text and do not touch each other."""
        base, regions = self.text, self._regions()
        units = list(self.units)
        gone: set[int] = set()
        for parts, edits, touched in _grouped(regions, steps, units):
            owners = {region.unit for region in touched}
            swallowed = {(region.start, region.end) for region in touched}
            kept = [e for n in owners for e in units[n].edits if (e.start, e.end) not in swallowed]
            new = [*_onto(base, regions, edits), *kept]
            findings = tuple(finding for one in parts for finding in one.findings)
            keys = tuple(key for one in parts for key in _keys(one))
            self.units.append(Unit(tuple(sorted(new)), findings, any(one.risky for one in parts), keys))
            gone |= owners
        self.units = [unit for number, unit in enumerate(self.units) if number not in gone]

    def _regions(self) -> list[_Region]:
        marked = sorted((edit, number) for number, unit in enumerate(self.units) for edit in unit.edits)
        regions, shift = [], 0
        for edit, number in marked:
            low = edit.start + shift
            regions.append(_Region(edit.start, edit.end, low, low + len(edit.text), number))
            shift += len(edit.text) - (edit.end - edit.start)
        return regions


def _keys(part: Step | Unit) -> tuple[tuple[Key, bool], ...]:
    if isinstance(part, Unit):
        return part.keys
    return ((part.key, part.risky),) if part.key is not None else ()


def _grouped(
    regions: Sequence[_Region], steps: Iterable[Step], units: Sequence[Unit]
) -> list[tuple[list[Unit | Step], list[Edit], set[_Region]]]:
    """Steps that meet in a unit as one, each with that unit, their edits and the regions that are swallowed."""
    groups: list[tuple[list[Step], set[int], set[_Region]]] = []
    for step in steps:
        hulls = _hulls(regions, step.edits)
        touched = {region for low, high in hulls for region in regions if region.low <= high and low <= region.high}
        owners = {region.unit for region in touched}
        meeting = [group for group in groups if group[1] & owners]
        groups = [group for group in groups if not group[1] & owners]
        members = [one for group in meeting for one in group[0]]
        groups.append(
            ([*members, step], owners.union(*(g[1] for g in meeting)), touched.union(*(g[2] for g in meeting)))
        )
    result = []
    for members, owners, touched in groups:
        edits = sorted(edit for step in members for edit in step.edits)
        parts: list[Unit | Step] = [*(units[number] for number in sorted(owners)), *members]
        result.append((parts, edits, touched))
    return result


def _hulls(regions: Sequence[_Region], edits: Iterable[Edit]) -> list[tuple[int, int]]:
    """The stretches of the current text that edits change, grown over every region they touch."""
    hulls: list[tuple[int, int]] = []
    for edit in sorted(edits):
        low, high = edit.start, edit.end
        while True:
            met = [region for region in regions if region.low <= high and low <= region.high]
            grown = min([low, *(r.low for r in met)]), max([high, *(r.high for r in met)])
            if grown == (low, high):
                break
            low, high = grown
        while hulls and low <= hulls[-1][1]:
            before = hulls.pop()
            low, high = min(low, before[0]), max(high, before[1])
        hulls.append((low, high))
    return hulls


def _onto(base: str, regions: Sequence[_Region], edits: Sequence[Edit]) -> list[Edit]:
    """Edits of the current text as edits of the original."""
    result = []
    for low, high in _hulls(regions, edits):
        inside = [Edit(e.start - low, e.end - low, e.text) for e in edits if low <= e.start and e.end <= high]
        start = low + sum(_growth(region) for region in regions if region.high < low)
        end = high + sum(_growth(region) for region in regions if region.high <= high)
        result.append(Edit(start, end, apply_edits(base[low:high], inside)))
    return result


def _growth(region: _Region) -> int:
    """How many characters longer the original of a region is."""
    return (region.end - region.start) - (region.high - region.low)


def chained(base: str, first: Sequence[Edit], second: Sequence[Edit]) -> tuple[Edit, ...]:
    """Edits of ``base`` that do what ``first`` and then ``second`` (edits of what ``first`` gives) do."""
    work = Patchwork(base)
    work.add([Step((), tuple(first), False)])
    work.add([Step((), tuple(second), False)])
    return tuple(sorted(edit for unit in work.units for edit in unit.edits))


def touches(one: Sequence[Edit], other: Iterable[Edit]) -> bool:
    """Whether any two edits overlap or have no character between them."""
    return any(a.start <= b.end and b.start <= a.end for a in one for b in other)


def keep(
    accepted: list[T], group: Sequence[T], passes: Callable[[Sequence[T]], bool], single: Callable[[T], None]
) -> list[T]:
    """``accepted`` and as much of ``group`` as passes together with it, found by bisection.

    ``accepted`` alone is taken to pass. ``single`` hears of members that do not pass even by themselves beside what is
    accepted. Costs about c log2(n) trials for c culprits among n.
    """
    if not group or passes([*accepted, *group]):
        return [*accepted, *group]
    if len(group) == 1:
        single(group[0])
        return accepted
    middle = len(group) // 2
    return keep(keep(accepted, group[:middle], passes, single), group[middle:], passes, single)
