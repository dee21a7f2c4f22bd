"""A finished build folder: its manifest, its Parquet files by kind, and bounded ways through them."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantatissu.foundation.errors import QuantaError

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 1_000_000  # about 200 MB of the columns a report reads
_BATCH = 50_000


@dataclass(frozen=True, slots=True)
class Build:
    """A build folder's files. ``kept`` and ``dropped`` are the groups' tables, in order of name."""

    folder: Path
    manifest: Mapping[str, Any]
    kept: tuple[Path, ...]
    dropped: tuple[Path, ...]
    duplicates: Path
    provenance: Path
    synthetic: tuple[Path, ...]

    def rows(self) -> int:
        """Documents that passed all stages before deduplication."""
        import pyarrow.parquet as pq

        return sum(pq.read_metadata(path).num_rows for path in self.kept)

    def groups(self, source: str) -> int:
        """Groups of documents that came from a source."""
        return sum(path.parent.name == source for path in self.kept)

    def shards(self, split: str) -> int:
        """Shard files of a split."""
        return sum(1 for _ in self.folder.glob(f"shards/{glob.escape(split)}-[0-9]*.bin"))

    def ranges(self) -> Iterator[tuple[str, str]]:
        """Ranges ``(first, end)`` of document ids, each with about a million documents, that cover all ids.

        Ids are hexadecimal hashes and so fall evenly. The last range has no end ("").
        """
        parts = max(1, -(-self.rows() // _ROWS_AT_ONCE))
        bounds = [f"{(part << 32) // parts:08x}" for part in range(parts)]
        bounds[0] = ""
        yield from zip(bounds, [*bounds[1:], ""], strict=True)


def open_build(folder: Path) -> Build:
    """The build in `folder`. QuantaError when there is none, or it has not come to its end."""
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise QuantaError(
            f"{folder} holds no finished corpus: there is no manifest.json in it.",
            hint="Finish the build with `quanta corpus build RECIPE.toml --resume`, or name another folder.",
        ) from None
    except (OSError, ValueError) as error:
        raise QuantaError(f"Cannot read {path}: {error}") from error
    if not isinstance(manifest, dict):
        raise QuantaError(f"{path} is not a corpus manifest.")
    build = Build(
        folder,
        manifest,
        tuple(sorted(folder.glob("groups/*/*.kept.parquet"))),
        tuple(sorted(folder.glob("groups/*/*.dropped.parquet"))),
        folder / "duplicates.parquet",
        folder / "provenance.parquet",
        tuple(sorted(folder.glob("synthetic/*/*.parquet"))),
    )
    for needed in (build.duplicates, build.provenance):
        if not needed.is_file():
            raise QuantaError(f"{needed} is missing.", hint="Build the corpus again, or copy it whole.")
    return build


def batches(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[pa.Table]:
    """The files' rows in order, some ten thousands at a time; empty tables are left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH, columns=list(columns)):
                if batch.num_rows:
                    yield pa.Table.from_batches([batch])


def between(paths: Sequence[Path], columns: Sequence[str], key: str, first: str, end: str) -> pa.Table:
    """All rows whose column `key` lies in the range; `paths` must not be empty."""
    import pyarrow.dataset as ds

    condition = ds.field(key) >= first
    if end:
        condition &= ds.field(key) < end
    return ds.dataset([str(path) for path in paths], format="parquet").to_table(list(columns), filter=condition)


def having(paths: Sequence[Path], columns: Sequence[str], key: str, values: Sequence[str]) -> pa.Table:
    """All rows whose column `key` is one of `values`, in the files' order; `paths` must not be empty."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    condition = pc.is_in(ds.field(key), value_set=pa.array(values, pa.string()))
    return ds.dataset([str(path) for path in paths], format="parquet").to_table(list(columns), filter=condition)


def date_span(build: Build, source: str) -> tuple[str, str]:
    """The oldest and the newest date (ISO 8601, to the day) of a source's files; empty where no file has one."""
    import pyarrow.compute as pc

    oldest, newest = "", ""
    paths = [path for path in (*build.kept, *build.dropped) if path.parent.name == source]
    for batch in batches(paths, ["date"]):
        known = batch["date"].filter(pc.not_equal(batch["date"], ""))
        if len(known):
            least, most = (pc.min_max(known)[end].as_py()[:10] for end in ("min", "max"))
            oldest, newest = min(oldest or least, least), max(newest, most)
    return oldest, newest
