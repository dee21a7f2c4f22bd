"""The row ``corpus-synthetic``: verified mutants a minute on a project with a quick suite.

The project is the example of this repository. A mutant counts when one of its tests fails on it twice in the same way,
in the warm worker and from fresh imports; running and tracing the suite first is not part of the rate and is printed.
Beside it, records a second for documents without tests, on files of this Python's standard library: bugs told apart by
calls in the sandbox, and lint errors confirmed by ruff. Rates a core are per second of processor time, of this process
and everything it started.
"""

from __future__ import annotations

import argparse
import random
import resource
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.registry import Outcome, Skip, benchmark

if TYPE_CHECKING:
    from quantatissu.corpus.document import Document

BAR_MINUTE = 50.0
SEED = 20_260_201
EXAMPLE = Path(__file__).parents[2] / "examples" / "subscriptions"


@benchmark(name="corpus-synthetic", bar="50 a minute", describe="mutants that real tests tell apart, on a quick suite")
def measure(arguments: Sequence[str]) -> Outcome:
    """Make records of all three kinds; the value is verified mutants a minute, start-up excluded."""
    from quantatissu.corpus.synthetic import SyntheticSettings, inject

    options = argparse.ArgumentParser(prog="python -m benchmarks corpus-synthetic", description=__doc__)
    options.add_argument("--project", type=Path, default=EXAMPLE, help="a project with tests")
    options.add_argument("--records", type=int, default=150)
    options.add_argument("--files", type=int, default=150, help="of the standard library, for records without tests")
    options.add_argument("--all", action="store_true", help="take as long as it takes")
    chosen = options.parse_args(arguments)
    if not chosen.project.is_dir():
        raise Skip(f"there is no {chosen.project}")
    rate = tested(chosen.project, chosen.records)
    found = list(documents(chosen.files))
    size = sum(len(document.text) for document in found) / 1e6
    for kind in ("bugs", "lint"):
        settings = SyntheticSettings(bugs=kind == "bugs", lint=kind == "lint")
        tally: Counter[str] = Counter()
        records, wall, processor = timed(lambda: sum(1 for _ in inject(found, settings, SEED, tally=tally)))  # noqa: B023
        print(
            f"{kind} in {len(found)} documents ({size:.1f} MB): {records} records in {wall:.1f} s, "
            f"{records / processor:.1f} records/s and {size / processor:.2f} MB/s a core; {described(tally)}"
        )
    return Outcome(f"{rate:.0f} a minute", rate >= BAR_MINUTE)


def tested(project: Path, count: int) -> float:
    """Verified mutants a minute of one project."""
    from quantatissu.corpus.synthetic import SyntheticSettings, inject_tested

    tally: Counter[str] = Counter()
    began = time.perf_counter()
    first = [began]

    def run() -> int:
        made = 0
        for _ in inject_tested(project, SyntheticSettings(records=count), SEED, tally=tally):
            if not made:
                first[0] = time.perf_counter()
            made += 1
        return made

    made, wall, processor = timed(run)
    if made < 2:
        raise Skip(f"{project} gave {made} records")
    searching = began + wall - first[0]
    print(
        f"bugs in {project.name}: {made} records, suite and first record {wall - searching:.1f} s, "
        f"then {searching:.1f} s; {made / processor:.1f} records/s a core, start included; {described(tally)}"
    )
    return 60 * (made - 1) / searching


def timed(work: Callable[[], int]) -> tuple[int, float, float]:
    """What ``work`` returns, wall seconds, and processor seconds of this process and the children it waited for."""
    before, began = _processor(), time.perf_counter()
    value = work()
    return value, time.perf_counter() - began, max(1e-9, _processor() - before)


def _processor() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def described(tally: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in tally.most_common() if name != "documents")


def documents(count: int) -> Iterator[Document]:
    """Files of the standard library, tests left out, the same for the same Python."""
    from quantatissu.corpus.document import Document, Origin, document_id

    root = Path(sysconfig.get_paths()["stdlib"])
    left_out = {"test", "tests", "idlelib", "site-packages", "lib2to3"}
    paths = sorted(path for path in root.rglob("*.py") if not left_out & set(path.relative_to(root).parts))
    random.Random(SEED).shuffle(paths)
    for path in paths[:count]:
        data = path.read_bytes()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            continue
        origin = Origin("stdlib", "python", sysconfig.get_python_version(), path.relative_to(root).as_posix())
        yield Document(document_id(origin, data), origin, text, len(data), "python", ("PSF-2.0",))
