"""The row ``corpus-neardup``: how many near duplicates among real files are found, against an exhaustive search.

The files are those of the standard library and the installed packages, one for each content hash. The exhaustive search
is exact: every pair with a Jaccard index of at least t shares one of the ``|x| - ceil(t |x|) + 1`` rarest shingles of
each member (prefix filtering: Bayardo, Ma, Srikant, "Scaling up all pairs similarity search", WWW 2007), so an inverted
index over those alone misses nothing; what it proposes is compared in full.

A pair is found when both members end in one cluster. Precision needs no measure: every link is an exact comparison.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.registry import Outcome, Skip, benchmark

BAR = 0.99


@benchmark(name="corpus-neardup", bar="0.99", describe="near duplicates found, of those of an exhaustive search")
def measure(arguments: Sequence[str]) -> Outcome:
    """Sign the files, find duplicates, find them again exhaustively, compare."""
    options = argparse.ArgumentParser(prog="python -m benchmarks corpus-neardup", description=__doc__)
    options.add_argument("--files", type=int, default=20_000)
    options.add_argument("--threshold", type=float, default=0.8)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--all", action="store_true", help="no time limit")
    chosen = options.parse_args(arguments)
    texts = sample(chosen.files, chosen.seed)
    if len(texts) < 2:
        raise Skip("no files to compare")
    clusters = found_clusters(texts, chosen.threshold)
    started = time.perf_counter()
    pairs = exhaustive(texts, chosen.threshold)
    print(f"exhaustive: {len(pairs)} pairs in {time.perf_counter() - started:.1f} s")
    if not pairs:
        raise Skip("no near duplicates among these files")
    found = sum(clusters.get(one, one) == clusters.get(other, other) for one, other in pairs)
    print(f"{found} of {len(pairs)} pairs found among {len(texts)} files")
    return Outcome(f"{found / len(pairs):.4f}", found >= BAR * len(pairs))


def sample(count: int, seed: int) -> list[str]:
    """The texts of `count` real files, no two of the same normalised content."""
    from benchmarks.corpus.files import code_files
    from quantatissu.corpus.dedup import content_hash

    files = code_files()
    random.Random(seed).shuffle(files)
    texts: dict[bytes, str] = {}
    for path in files:
        if len(texts) == count:
            break
        try:
            text = path.read_text("utf-8")
        except (OSError, ValueError):
            continue
        if 100 <= len(text) <= 1_000_000:
            texts.setdefault(content_hash(text), text)
    return list(texts.values())


def found_clusters(texts: Sequence[str], threshold: float) -> dict[int, int]:
    """From each document that `find_duplicates` takes out to the one it keeps."""
    import pyarrow
    import pyarrow.parquet

    from quantatissu.corpus.dedup import DedupSettings, find_duplicates, sign

    started, busy = time.perf_counter(), time.process_time()
    signed = sign(texts)
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"sign: {len(texts)} files, {size:.0f} MB, {size / (time.process_time() - busy):.1f} MB/s of CPU time")
    ids = [f"{number:032x}" for number in range(len(texts))]

    def some(wanted: Sequence[str]) -> Mapping[str, str]:
        return {id_: texts[int(id_, 16)] for id_ in wanted}

    with tempfile.TemporaryDirectory() as folder:
        table = pyarrow.table(
            {
                "id": ids,
                "content_hash": pyarrow.array(signed.content_hash, pyarrow.binary(16)),
                "minhash": pyarrow.array(list(signed.minhash), pyarrow.list_(pyarrow.uint32())),
                "shingle_count": signed.shingle_count,
                "rank": [0] * len(ids),
            }
        )
        file = Path(folder) / "signatures.parquet"
        pyarrow.parquet.write_table(table, file, row_group_size=4096)
        started, busy = time.perf_counter(), time.process_time()
        result = find_duplicates([file], some, DedupSettings(threshold=threshold))
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    print(f"find_duplicates: {result.num_rows} taken out in {seconds:.1f} s ({busy:.1f} s of CPU time)")
    rows = zip(result.column("id").to_pylist(), result.column("kept").to_pylist(), strict=True)
    return {int(id_, 16): int(kept, 16) for id_, kept in rows}


def exhaustive(texts: Sequence[str], threshold: float) -> list[tuple[int, int]]:
    """Every pair of at least `threshold`, by prefix filtering and exact comparison."""
    import numpy as np

    from quantatissu.corpus.dedup.shingles import shingles
    from quantatissu.corpus.dedup.verify import jaccard

    sets = [shingles(text) for text in texts]
    values, counts = np.unique(np.concatenate(sets), return_counts=True)
    keys, owners = [], []
    for number, found in enumerate(sets):
        if not len(found):
            continue
        rarity = counts[np.searchsorted(values, found)]
        order = np.lexsort((found, rarity))  # one order for all sets, as the method needs
        prefix = len(found) - math.ceil(threshold * len(found) - 1e-9) + 1
        rare = order[:prefix]
        rare = rare[rarity[rare] > 1]
        keys.append(found[rare])
        owners.append(np.full(len(rare), number, np.int32))
    key, owner = np.concatenate(keys), np.concatenate(owners)
    order = np.lexsort((owner, key))
    key, owner = key[order], owner[order]
    sizes = np.array([len(found) for found in sets])
    proposed: set[int] = set()
    bounds = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    for start, stop in zip(bounds, np.append(bounds[1:], len(key)), strict=True):
        if stop - start < 2:
            continue
        members = owner[start:stop].astype(np.int64)
        one, other = np.triu_indices(len(members), 1)
        low, high = members[one], members[other]
        small, large = np.minimum(sizes[low], sizes[high]), np.maximum(sizes[low], sizes[high])
        fits = small >= threshold * large - 1e-9
        proposed.update((low[fits] * len(sets) + high[fits]).tolist())
    pairs = (divmod(code, len(sets)) for code in sorted(proposed))
    return [(low, high) for low, high in pairs if jaccard(sets[low], sets[high]) >= threshold]
