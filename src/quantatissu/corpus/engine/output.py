"""The last steps of a build: tokens in the seeded order into shards, provenance beside them, and the manifest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from quantatissu.corpus.engine.layout import Layout, write_bytes
from quantatissu.corpus.engine.shuffle import Shuffle
from quantatissu.corpus.engine.tokens import TOKENS
from quantatissu.corpus.shards import Provenance, ShardManifest, ShardSettings, ShardWriter, write_provenance
from quantatissu.foundation.progress import Progress
from quantatissu.tokenizer import load_tokenizer


def write_shards(
    layout: Layout, files: Sequence[Path], settings: ShardSettings, *, memory_bytes: int, progress: Progress
) -> ShardManifest:
    """Shards and provenance from the groups' token files. The bytes depend on the documents and the seed alone.

    What does not fit in ``memory_bytes`` is sorted in files below the work folder.
    """
    tokenizer = load_tokenizer(layout.tokenizer)
    total = sum(path.stat().st_size for path in files)
    scratch = layout.work / "order"
    shutil.rmtree(scratch, ignore_errors=True)
    shuffle = Shuffle(scratch, TOKENS, total_bytes=total, memory_bytes=memory_bytes)
    with progress.stage("write shards", total // 1_000_000, "MB of tokens") as stage:
        for path in files:
            with pa.ipc.open_file(path) as file:
                for number in range(file.num_record_batches):
                    shuffle.add(file.get_batch(number))
        writer = ShardWriter(layout.shards, tokenizer, settings)

        def rows() -> Iterator[Provenance]:
            written = 0
            last = ""
            for table in shuffle.sorted():
                for row in table.to_pylist():
                    # A file that was read twice has one id; equal ids are neighbours.
                    if row["id"] == last:
                        continue
                    last = row["id"]
                    tokens = np.frombuffer(row["tokens"], tokenizer.dtype)
                    placed = writer.add_tokens(row["id"], tokens, language=row["language"], split=row["split"])
                    written += len(row["tokens"])
                    yield Provenance(
                        row["id"],
                        row["source"],
                        row["repository"],
                        row["revision"],
                        row["path"],
                        tuple(row["licences"]),
                        row["content_hash"].hex(),
                        placed,
                    )
                stage.advance(written // 1_000_000 - stage.done)

        try:
            write_provenance(layout.provenance, rows())
        except BaseException:
            writer.discard()
            raise
        return writer.close()


def write_manifest(layout: Layout, facts: Mapping[str, Any]) -> None:
    """Write ``manifest.json``: from then on the folder is a finished corpus."""
    text = json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_bytes(layout.manifest, text.encode())


def read_manifest(layout: Layout) -> dict[str, Any]:
    """The manifest, empty when the build is not finished."""
    try:
        found = json.loads(layout.manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
