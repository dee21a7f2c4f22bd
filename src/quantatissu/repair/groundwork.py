"""What the search stands on: coverage, suspicious statements, what lends names to edits, and the first edits drawn.

All of it follows from what the warm worker finds, so it is laid while the project's own command may still be running.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from quantatissu.planning import Node
from quantatissu.repair.coverage import Tracing
from quantatissu.repair.freshness import Freshness
from quantatissu.repair.localise import Coverage, Place, everywhere, localise
from quantatissu.repair.prepare import Prepared
from quantatissu.repair.propose import EditProposer, Situation
from quantatissu.repair.texts import Texts
from quantatissu.rewriting import Project
from quantatissu.testing.baseline import Baseline

_DONOR_CHARACTERS = 400_000  # about 10,000 lines: what lends names and expressions is parsed and kept
_MOST_TRACING = 6.0  # seconds
_TRACING_SHARE = 0.15  # of the whole budget


@dataclass(frozen=True)
class Groundwork:
    """Laid for a baseline; see `lay`. ``proposer`` has its first edits of ``root`` ready."""

    baseline: Baseline
    coverage: Coverage
    places: Sequence[Place]
    root: Node
    proposer: EditProposer

    def holds_for(self, baseline: Baseline) -> bool:
        """Whether another baseline says the same of every test."""
        mine = self.baseline
        return (mine.failing_ids, mine.passing, mine.hot) == (baseline.failing_ids, baseline.passing, baseline.hot)


def lay(prepared: Prepared, baseline: Baseline, budget: float, locate: Callable[[Node], Situation]) -> Groundwork:
    """Trace and localise on the slot that ran the baseline, and draw the first edits.

    ``budget`` is the whole run's, in seconds; ``locate`` what the proposer will ask at other nodes than the root.
    """
    prepared.tracing = Tracing(baseline, min(_MOST_TRACING, _TRACING_SHARE * budget))
    coverage = prepared.tracing.run(prepared.warm)
    texts = prepared.texts
    places = localise(baseline.failing, coverage, texts.source, prepared.editable, texts.text)
    places = places or everywhere(prepared.editable_files(), texts.source)
    nearby = [path for path in coverage.imports if prepared.editable(path)]
    if any(result.collection for result in baseline.failing):
        nearby += prepared.editable_files()  # what would be imported is not known while imports fail
    root = Node()
    proposer = EditProposer(
        texts,
        make_project(places, nearby, texts),
        locate,
        prepared.editable,
        Freshness(baseline.hot, coverage, texts).toll,
    )
    proposer.begin(root, Situation(baseline.failing, places))
    return Groundwork(baseline, coverage, places, root, proposer)


def make_project(places: Sequence[Place], nearby: Iterable[str], texts: Texts) -> Project:
    """What may lend names and expressions to edits: the suspicious files first, then others that tests import."""
    project = Project()
    left = _DONOR_CHARACTERS
    for path in dict.fromkeys([*(place.path for place in places), *sorted(nearby)]):
        left -= len(texts.text(path))
        if left < 0 and project.sources:
            break
        source = texts.source(path)
        if source is not None:
            project.add(source)
    return project
