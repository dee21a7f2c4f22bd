"""The row ``corpus-resume``: builds killed at random moments, then resumed, must end as one that was left alone.

Each of ten builds is killed with SIGKILL after a random share of the time that a whole build takes, and resumed. Every
byte in its folder must then be as in the reference, and every group file that was there at the kill must be the same
file (inode and time): it was not written again.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Outcome, benchmark

BAR = 10


@benchmark(name="corpus-resume", bar="10 of 10", describe="killed at random, resumed: same bytes, nothing redone")
def measure(arguments: Sequence[str]) -> Outcome:
    """Build once undisturbed, then kill and resume ten times; the value counts the kills that left no trace."""
    from benchmarks.corpus.builds import build_command, contents, watch, write_modules, write_recipe
    from benchmarks.samples import parser

    options = parser("corpus-resume", __doc__)
    options.add_argument("--megabytes", type=float, default=8.0, help="of source code")
    options.add_argument("--kills", type=int, default=BAR)
    options.add_argument("--all", action="store_true", help="take as long as it takes")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args(arguments)
    draw = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory(prefix="quanta-resume-") as name:
        folder = Path(name)
        pattern = write_modules(folder / "code", chosen.megabytes, seed=chosen.seed)
        source = f'kind = "jsonl"\npaths = ["{pattern}"]\ngroup_bytes = {int(chosen.megabytes * 1e6 / 16)}\n'
        recipe = write_recipe(folder / "recipe.toml", [source], "[tokenizer]\nsample_megabytes = 1\n")
        whole = watch(build_command(recipe, folder / "whole"), folder / "log").seconds
        reference = contents(folder / "whole")
        print(f"undisturbed: {whole:.1f} s, {len(reference)} files")
        good = sum(_killed(recipe, folder / "killed", draw.uniform(0, whole), reference) for _ in range(chosen.kills))
    return Outcome(f"{good} of {chosen.kills}", good == chosen.kills)


def _killed(recipe: Path, out: Path, seconds: float, reference: dict[str, str]) -> bool:
    """Kill a build after some seconds, resume it, and compare."""
    from benchmarks.corpus.builds import build_command, contents, watch

    shutil.rmtree(out, ignore_errors=True)
    with subprocess.Popen(build_command(recipe, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(seconds)
        process.kill()
    at_kill = _finished(out)
    watch(build_command(recipe, out, resume=True), out.with_name("log"))
    same = contents(out) == reference
    kept = _finished(out)
    again = [name for name, identity in at_kill.items() if kept.get(name) != identity]
    outcome = "the same bytes" if same else "OTHER BYTES"
    print(f"killed at {seconds:.1f} s: {len(at_kill)} group files finished, {len(again)} of them redone, {outcome}")
    return same and not again


def _finished(out: Path) -> dict[str, tuple[int, int]]:
    """Groups that were finished: both files there; inode and time of each file."""
    found = {}
    for kept in sorted(out.glob("groups/*/*.kept.parquet")):
        dropped = kept.with_name(kept.name.replace(".kept.", ".dropped."))
        if dropped.exists():
            for path in (kept, dropped):
                status = path.stat()
                found[path.relative_to(out).as_posix()] = (status.st_ino, status.st_mtime_ns)
    return found
