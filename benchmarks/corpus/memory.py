"""The row ``corpus-memory``: a corpus four times the memory limit is built within the limit.

The memory of the build and every process it starts is read twenty times a second; a page that several processes share
counts once (proportional set size). All stages run but parsing, the slowest one, which like the others holds one
document at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Outcome, benchmark

LIMIT_MB = 680
TIMES = 4


@benchmark(name="corpus-memory", bar="100% of the limit", describe="peak memory on a corpus 4 times the memory limit")
def measure(arguments: Sequence[str]) -> Outcome:
    """Write the corpus, build it under the limit, and watch; the value is the peak as a share of the limit."""
    from benchmarks.corpus.builds import build_command, watch, write_modules, write_recipe
    from benchmarks.samples import parser

    options = parser("corpus-memory", __doc__)
    options.add_argument("--limit-mb", type=int, default=LIMIT_MB)
    options.add_argument("--times", type=float, default=TIMES, help="the corpus is so many times the limit")
    options.add_argument("--all", action="store_true", help="take as long as it takes")
    chosen = options.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="quanta-memory-") as name:
        folder = Path(name)
        pattern = write_modules(folder / "code", chosen.limit_mb * chosen.times, seed=1, repeats=0.5)
        size = sum(path.stat().st_size for path in pattern.parent.iterdir()) / 1e6
        extra = f'[parse]\nmax_bytes = 1\n[engine]\nmemory = "{chosen.limit_mb}MB"\n'
        recipe = write_recipe(folder / "recipe.toml", [f'kind = "jsonl"\npaths = ["{pattern}"]\n'], extra)
        watched = watch(build_command(recipe, folder / "out"), folder / "log")
        print((folder / "log").read_text())
    share = watched.private / (chosen.limit_mb * 1e6)
    print(f"{size:.0f} MB in {watched.seconds:.0f} s; peak {watched.private / 1e6:.0f} MB of {chosen.limit_mb} MB")
    print(f"the peak was at: {watched.at}")
    print(f"counting shared pages once for each process: {watched.resident / 1e6:.0f} MB")
    return Outcome(f"{share:.0%} of the limit", share <= 1)
