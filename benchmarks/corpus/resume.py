"""The row ``corpus-resume``: builds killed at random moments, then resumed, must end as one that was left alone.

A kill is by SIGKILL, at a random moment of one stage of the build. Every stage that the build reports gets one. The
longest in the life of a real corpus, reading and filtering, gets all others, after the first group is finished: workers
take a while to start. Each build is then resumed. Every byte in its
folder must be as in the reference, and every group file that was there at the kill must be the same file (inode and
time): it was not written again.
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
GROUP_STAGE = "read and filter"


@benchmark(name="corpus-resume", bar="10 of 10", describe="killed at random, resumed: same bytes, nothing redone")
def measure(arguments: Sequence[str]) -> Outcome:
    """Build once undisturbed, then kill and resume ten times; the value counts the kills that left no trace."""
    from benchmarks.corpus.builds import build_command, contents, write_modules, write_recipe
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
        stages = _stages(build_command(recipe, folder / "whole"))
        reference = contents(folder / "whole")
        print(f"undisturbed: {sum(stages.values()):.1f} s, {len(reference)} files")
        moments = [(stage, draw.random() * seconds, 0) for stage, seconds in stages.items()]
        moments += [(GROUP_STAGE, draw.random() * stages[GROUP_STAGE] / 4, 1) for _ in range(chosen.kills)]
        good = sum(_killed(recipe, folder / "killed", *moment, reference) for moment in moments[: chosen.kills])
    return Outcome(f"{good} of {chosen.kills}", good == chosen.kills)


def _stages(command: Sequence[str]) -> dict[str, float]:
    """Seconds that each stage of a build takes. Raises CalledProcessError when the build fails."""
    began: dict[str, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            began.setdefault(_stage(line), time.perf_counter())
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    ends = [*list(began.values())[1:], time.perf_counter()]
    # What follows the last stage is the summary for people.
    return {stage: end - start for (stage, start), end in zip(began.items(), ends, strict=True) if stage}


def _stage(line: str) -> str:
    """The stage that a line of plain progress is about, empty for any other line."""
    name = line.strip().partition(":")[0]
    return name if name in _STAGES else ""


_STAGES = ("list sources", GROUP_STAGE, "find duplicates", "tokenizer", "tokenise", "write shards", "report")


def _killed(recipe: Path, out: Path, stage: str, seconds: float, groups: int, reference: dict[str, str]) -> bool:
    """Kill a build some seconds after a stage began and so many groups were finished, resume it, and compare."""
    from benchmarks.corpus.builds import build_command, contents, watch

    shutil.rmtree(out, ignore_errors=True)
    with subprocess.Popen(
        build_command(recipe, out), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        reached = ""
        for line in process.stdout or ():
            reached = _stage(line) or reached
            if reached == stage:
                break
        while process.poll() is None and len(_finished(out)) < 2 * groups:
            time.sleep(0.01)
        time.sleep(seconds)
        process.kill()
        for line in process.stdout or ():
            reached = _stage(line) or reached
    at_kill = _finished(out)
    watch(build_command(recipe, out, resume=True), out.with_name("log"))
    same = contents(out) == reference
    kept = _finished(out)
    again = [name for name, identity in at_kill.items() if kept.get(name) != identity]
    outcome = "the same bytes" if same else "OTHER BYTES"
    print(f"killed in {reached!r}: {len(at_kill)} group files finished, {len(again)} of them redone, {outcome}")
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
