"""Phase one: every group of every source through the stages, by the plan, skipping what an earlier run finished."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from quantatissu.corpus.engine.layout import Layout
from quantatissu.corpus.engine.pipeline import Pipeline, Tally, run_group
from quantatissu.corpus.engine.plan import map_jobs
from quantatissu.corpus.engine.schema import key_of
from quantatissu.corpus.sources import Group, Source
from quantatissu.foundation.progress import Progress


@dataclass(frozen=True, slots=True)
class Planned:
    """A group to be done: its source's place in the recipe, and the key of everything its files depend on."""

    group: Group
    rank: int
    key: str

    def finished(self, layout: Layout) -> bool:
        """Whether its files are there, made from the same things."""
        return all(key_of(path) == self.key for path in (layout.kept(self.group), layout.dropped(self.group)))


@dataclass(frozen=True, slots=True)
class GroupWork:
    """Does one group. Travels to the workers, which open sources and build stages for themselves, once each."""

    sources: tuple[Source, ...]
    pipeline: Pipeline
    root: Path

    def __call__(self, job: str) -> str:
        planned = unpack(job)
        source = self.sources[planned.rank]
        layout = Layout(self.root)
        tally = run_group(source, planned.group, self.pipeline, layout, key=planned.key, rank=planned.rank)
        return json.dumps(asdict(tally))


def do_groups(planned: Sequence[Planned], work: GroupWork, *, workers: int, progress: Progress) -> Tally:
    """Do every group that is not finished. Returns what was done now, all groups together."""
    layout = Layout(work.root)
    waiting = [one for one in planned if not one.finished(layout)]
    total = Tally()
    with progress.stage("read and filter", len(planned), "groups") as stage:
        stage.skip(len(planned) - len(waiting))
        for result in map_jobs(work, [pack(one) for one in waiting], workers=workers):
            total.add(Tally(**json.loads(result)))
            stage.advance(1, f"{total.read_bytes / 1e6:,.0f} MB read, {total.kept:,} of {total.read:,} files kept")
    return total


def pack(planned: Planned) -> str:
    """A planned group as a job of the plan."""
    return json.dumps(asdict(planned))


def unpack(job: str) -> Planned:
    """The planned group of a job."""
    table = json.loads(job)
    group = table["group"]
    items = tuple(group["items"])
    return Planned(Group(group["source"], group["key"], items, group["fingerprint"]), table["rank"], table["key"])
