"""The row ``corpus-stages``: how fast the stages on single documents are, together and each.

The standard library's own .py files, decoded from memory, go through the stages in the pipeline's order in one process.
A stage's rate is over the bytes that reached it, that of all of them over all bytes. CPU time, best of three rounds.
"""

from __future__ import annotations

import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.registry import Outcome, benchmark

if TYPE_CHECKING:
    from quantatissu.corpus.document import Document, Drop, RawFile

BAR_MB_PER_SECOND = 10
ROUNDS = 3


@benchmark(name="corpus-stages", bar="10 MB/s", describe="decode to parse on the standard library, one core")
def measure(arguments: Sequence[str]) -> Outcome:
    """Print MB/s of each stage and how many documents it kept; the value is that of all stages together."""
    from benchmarks.samples import parser

    parser("corpus-stages", __doc__).parse_args(arguments)
    files = standard_library()
    size = sum(len(file.data) for file in files)
    print(f"{len(files):,} files, {size / 1e6:.1f} MB")
    seconds: dict[str, float] = {}
    for _ in range(ROUNDS):
        rows = chain(files)
        for name, _, _, took in rows:
            seconds[name] = min(took, seconds.get(name, took))
    for name, seen, kept, _ in rows:
        print(f"{name:<10} {seen / 1e6 / seconds[name]:8.1f} MB/s  kept {kept:,}")
    rate = size / 1e6 / sum(seconds.values())
    return Outcome(f"{rate:.1f} MB/s", rate >= BAR_MB_PER_SECOND)


def standard_library() -> list[RawFile]:
    """Every .py file of the running interpreter's standard library, tests included, in order."""
    from quantatissu.corpus.document import Origin, RawFile

    root = Path(sysconfig.get_path("stdlib"))
    paths = (path.relative_to(root) for path in sorted(root.rglob("*.py")))
    return [
        RawFile(Origin("stdlib", "cpython", "", path.as_posix()), (root / path).read_bytes(), licences=("PSF-2.0",))
        for path in paths
        if "site-packages" not in path.parts
    ]


def chain(files: Sequence[RawFile]) -> list[tuple[str, int, int, float]]:
    """Name, bytes in, documents kept and CPU seconds of each stage; every file passes through all before the next."""
    from quantatissu.corpus import stages
    from quantatissu.corpus.document import Drop

    table: list[tuple[str, Callable[[Any], Document | Drop]]] = [
        ("decode", stages.decode),
        ("reserved", stages.reserved_stage(["some-package"])),
        ("language", stages.language_stage(stages.LanguageSettings())),
        ("licence", stages.licence_stage(stages.LicenceSettings())),
        ("generated", stages.generated_stage(stages.GeneratedSettings())),
        ("quality", stages.quality_stage(stages.QualitySettings())),
        ("parse", stages.parse_stage(stages.ParseSettings())),
    ]
    seen, kept, took = Counter[str](), Counter[str](), Counter[str]()
    for file in files:
        passing: RawFile | Document | Drop = file
        for name, stage in table:
            seen[name] += len(file.data)
            started = time.process_time_ns()
            passing = stage(passing)
            took[name] += time.process_time_ns() - started
            if isinstance(passing, Drop):
                break
            kept[name] += 1
    return [(name, seen[name], kept[name], took[name] / 1e9) for name, _ in table]


if __name__ == "__main__":
    import sys

    from benchmarks.registry import main

    sys.exit(main(["corpus-stages", *sys.argv[1:]], modules=("benchmarks.corpus.stages",)))
