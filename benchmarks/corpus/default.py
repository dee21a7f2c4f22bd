"""The row ``corpus-default``: the embedded recipe, this Python's standard library and packages, end to end."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Outcome, benchmark

BAR_MINUTES = 3.0


@benchmark(name="corpus-default", bar="3 min per 100 MB", describe="`quanta corpus build` without a recipe, end to end")
def measure(arguments: Sequence[str]) -> Outcome:
    """Run the one command, start-up and report included; the value is minutes of wall-clock time per 100 MB read."""
    from benchmarks.corpus.builds import build_command, watch
    from benchmarks.samples import parser

    options = parser("corpus-default", __doc__)
    options.add_argument("--all", action="store_true", help="take as long as it takes")
    options.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="quanta-default-") as name:
        out = Path(name) / "corpus"
        watched = watch(build_command(None, out), Path(name) / "log")
        print((Path(name) / "log").read_text())
        totals = json.loads((out / "manifest.json").read_text())["totals"]
        assert (out / "report.html").is_file()
        read = read_megabytes(out)
    minutes = watched.seconds / 60 / read * 100
    spent = watched.processor_seconds
    print(f"{read:.0f} MB in {watched.seconds:.0f} s; {spent:.0f} processor seconds, {read / spent:.1f} MB for each")
    print(f"{totals['documents']:,} documents, {totals['tokens']:,} tokens; peak memory {watched.private / 1e6:.0f} MB")
    return Outcome(f"{minutes:.2f} min per 100 MB", minutes <= BAR_MINUTES)


def read_megabytes(folder: Path) -> float:
    """What a build read, kept and dropped, in millions of bytes. Files that sources passed over unread do not count."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    total = 0
    for path in sorted(folder.glob("groups/*/*.parquet")):
        dropped = path.name.endswith(".dropped.parquet")
        table = pq.read_table(path, columns=["size", "stage"] if dropped else ["size"])
        if dropped:
            table = table.filter(pc.not_equal(table["stage"], "read"))
        total += sum(table["size"].to_pylist())
    return total / 1e6
