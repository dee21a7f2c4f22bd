"""Our side of ``corpus-throughput``: ``python -m benchmarks.corpus.same_stages PATTERN WORK``.

Read JSON Lines, filter, exact and near duplicates (every candidate verified), write: the engine's own plan, group files
and duplicate search, with one stage in place of the whole pipeline.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus.peers.line_rules import keeps
from quantatissu.corpus.document import Document, Drop

WORKERS = 2
SIGNATURE = {"content_hash", "minhash", "shingle_count"}  # columns for the search for duplicates only
_GROUP_BYTES = 12_000_000


@dataclass(frozen=True, slots=True)
class LineRules:
    """The filter as a stage."""

    name: str = "lines"

    def __call__(self, document: Document) -> Document | Drop:
        return document if keeps(document.text) else Drop(self.name, "lines")


@dataclass(frozen=True, slots=True)
class Plain:
    """Excerpts of dropped documents are not redacted here."""

    name: str = "plain"

    def __call__(self, document: Document) -> Document | Drop:
        return document


def main(pattern: str, work: Path) -> None:
    """Write the documents that stay as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from quantatissu.corpus.dedup import find_duplicates
    from quantatissu.corpus.engine.groups import GroupWork, Planned, do_groups
    from quantatissu.corpus.engine.ids import IdSet
    from quantatissu.corpus.engine.layout import Layout
    from quantatissu.corpus.engine.pipeline import Pipeline
    from quantatissu.corpus.engine.texts import Texts
    from quantatissu.corpus.runner import use_runner
    from quantatissu.corpus.sources import JsonlSettings, open_sources
    from quantatissu.foundation.progress import open_progress

    use_runner("native")
    layout = Layout(work)
    size = sum(path.stat().st_size for path in Path("/").glob(pattern.lstrip("/")))
    # Both workers have something to do, whatever there is: their start-up is then that of any other input.
    settings = JsonlSettings(paths=(pattern,), group_bytes=min(_GROUP_BYTES, size // WORKERS + 1))
    sources = open_sources([settings], Path("/"))
    planned = [Planned(group, 0, group.fingerprint) for group in sources[0].groups()]
    pipeline = Pipeline((LineRules(),), Plain())
    do_groups(planned, GroupWork(sources, pipeline, work), workers=WORKERS, progress=open_progress(sys.stderr))
    files = [layout.kept(one.group) for one in planned]
    table = find_duplicates(files, Texts(files))
    superfluous = IdSet(table.column("id").to_pylist())
    (work / "out").mkdir()
    for path in files:
        with pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if name not in SIGNATURE]
            schema = pa.schema([file.schema_arrow.field(name) for name in names])
            # As plain as the other side's output: neither compressed nor with dictionaries.
            with pq.ParquetWriter(work / "out" / path.name, schema, compression="none", use_dictionary=False) as writer:
                for number in range(file.num_row_groups):
                    rows = file.read_row_group(number, columns=names)
                    writer.write_table(rows.filter(pa.array(~superfluous.contains(rows.column("id").to_pylist()))))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
