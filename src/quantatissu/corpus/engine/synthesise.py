"""Records of injected bugs and lint errors, made from the corpus's own documents, group by group."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from quantatissu.corpus.document import Document, Origin
from quantatissu.corpus.engine.groups import Planned, pack, unpack
from quantatissu.corpus.engine.identity import digest
from quantatissu.corpus.engine.layout import Layout, write_bytes
from quantatissu.corpus.engine.plan import map_jobs
from quantatissu.corpus.engine.tokens import read_duplicates
from quantatissu.corpus.shards.splits import TRAIN
from quantatissu.corpus.synthetic import SyntheticSettings, inject, write_records

if TYPE_CHECKING:
    from quantatissu.corpus.engine.ids import IdSet
    from quantatissu.corpus.recipe import Recipe
    from quantatissu.corpus.shards import Splits
    from quantatissu.foundation.progress import Progress

_COLUMNS = ("id", "text", "language", "licences", "source", "repository", "revision", "path", "date", "size")


@dataclass(frozen=True)
class SyntheticWork:
    """Makes the records of one group's training documents. Its done-file is written last and holds the key."""

    root: Path
    seed: int
    settings: SyntheticSettings
    splits: Splits

    def __call__(self, job: str) -> str:
        planned = unpack(job)
        layout = Layout(self.root)
        records = inject(self._documents(layout.kept(planned.group)), self.settings, self.seed)
        written = write_records(records, layout.synthetic(planned.group))
        done = {"key": planned.key, "records": written.records}
        done["checksums"] = {path.name: checksum for path, checksum in written.checksums.items()}
        write_bytes(_done(layout, planned), (json.dumps(done, sort_keys=True) + "\n").encode())
        return str(written.records)

    @cached_property
    def _duplicates(self) -> IdSet:
        return read_duplicates(Layout(self.root).duplicates)

    def _documents(self, path: Path) -> Iterator[Document]:
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                table = file.read_row_group(number, columns=list(_COLUMNS))
                unique = ~self._duplicates.contains(table.column("id").to_pylist())
                for row in table.filter(pa.array(unique)).to_pylist():
                    if self.splits.of(row["repository"]) == TRAIN:
                        origin = Origin(*(row[name] for name in ("source", "repository", "revision", "path", "date")))
                        licences = tuple(row["licences"])
                        yield Document(row["id"], origin, row["text"], row["size"], row["language"], licences)


def write_synthetic(
    layout: Layout,
    planned: Sequence[Planned],
    key: str,
    recipe: Recipe,
    splits: Splits,
    *,
    workers: int,
    progress: Progress,
) -> int:
    """Make the records that the recipe asks for, of every group that is not done with ``key`` and its settings, and
    remove those of an earlier one. Returns how many there are. Raises QuantaError when the linter or the sandbox they
    need is missing.
    """
    folder = layout.root / "synthetic"
    if recipe.synthetic is None:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    stems = {layout.synthetic(one.group) for one in planned}
    for path in sorted(folder.glob("*/*")):
        if path.with_suffix("") not in stems:
            path.unlink()
    key = digest(key, recipe.seed, recipe.synthetic.model_dump(mode="json", exclude={"workers"}), splits.described)
    keyed = [replace(one, key=digest(key, one.key)) for one in planned]
    waiting = [one for one in keyed if _read_done(_done(layout, one)).get("key") != one.key]
    work = SyntheticWork(layout.root, recipe.seed, recipe.synthetic, splits)
    with progress.stage("inject errors", len(keyed), "groups") as stage:
        stage.skip(len(keyed) - len(waiting))
        for _ in map_jobs(work, [pack(one) for one in waiting], workers=workers):
            stage.advance(1)
    return sum(int(_read_done(_done(layout, one))["records"]) for one in keyed)


def _done(layout: Layout, planned: Planned) -> Path:
    stem = layout.synthetic(planned.group)
    return stem.with_name(f"{stem.name}.json")


def _read_done(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
