"""Which human slips the operators can undo: `python -m benchmarks.repair.slips`.

The slips were written by hand without a look at the operators: a small function, and the lines that a slip of the
author changes. Nothing is run. Every statement is equally suspicious, and the rank of a slip is the place of the edit
that gives back the right code among all that the tool would try, ``-`` where it is not among the first `--most`. A
slip that can be mended in other ways too counts as not reached when this one way is not known, so the share is a lower
bound. ``--programs`` asks the same of the hand-written programs that may be looked at.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import math
import re
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from difflib import unified_diff
from functools import partial
from pathlib import Path

from benchmarks.repair.programs import load_programs
from quantatissu.planning import Node
from quantatissu.repair.localise import Place
from quantatissu.repair.propose import EditProposer, Situation
from quantatissu.repair.texts import Texts
from quantatissu.rewriting import Project

FOLDER = Path(__file__).parent / "tasks" / "slips"
MOST = 20_000


@dataclass(frozen=True, slots=True)
class Slip:
    """``right`` and ``wrong`` are whole texts; ``kind`` says what sort of slip it is. Those of the ``test`` split are
    not looked at singly: they tell how far what was learnt from the others holds.
    """

    name: str
    kind: str
    right: str
    wrong: str
    split: str = "dev"

    @property
    def patch(self) -> str:
        """What mends it, as a diff without a head."""
        lines = unified_diff(self.wrong.splitlines(), self.right.splitlines(), lineterm="", n=0)
        return "\n".join(itertools.islice(lines, 2, None))


def load_slips(folder: Path = FOLDER) -> list[Slip]:
    """All slips, in the order of their files. Raises ValueError for one whose right lines are not unique."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        for number, block in enumerate(re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.M)[1:], 1):
            kind, _, rest = block.partition("\n")
            code, _, rest = rest.partition("--- right\n")
            right, _, wrong = (f"\n{part.strip(chr(10))}\n" for part in rest.partition("--- wrong\n"))
            code = f"\n{code.strip(chr(10))}\n"
            if code.count(right) != 1:
                raise ValueError(f"{path.name}: the right lines of block {number} do not stand in its code once")
            split = "dev" if number % 2 else "test"
            found.append(Slip(f"{path.stem}-{number}", kind.strip(), code[1:], code.replace(right, wrong)[1:], split))
    return found


def program_slips() -> list[Slip]:
    """The bugs of the hand-written programs that may be looked at."""
    return [Slip(program.name, program.kind, program.right, program.wrong) for program in load_programs(split="dev")]


@dataclass(frozen=True, slots=True)
class Reach:
    """``rank`` of the edit that mends a slip, None when there is none; ``seen`` counts all edits looked at."""

    slip: Slip
    rank: int | None
    seen: int
    operator: str = ""


def reach(slip: Slip, most: int = MOST) -> Reach:
    """Where the edit that mends a slip stands in the order of candidates."""
    wanted = ast.dump(ast.parse(slip.right))
    with tempfile.TemporaryDirectory(prefix="bench-slip-") as folder:
        path = Path(folder) / "slip.py"
        path.write_text(slip.wrong, encoding="utf-8")
        texts = Texts(folder)
        source = texts.source(str(path))
        assert source is not None
        project = Project()
        project.add(source)
        places = [Place(str(path), statement.lineno, 0.5, "") for statement in source.statements]
        situation = Situation((), places)
        proposer = EditProposer(texts, project, lambda node: situation, lambda path: True)
        seen = 0
        for seen, rewrite in enumerate(itertools.islice(_drawn(proposer), most), 1):
            try:
                found = ast.dump(ast.parse(rewrite.apply(slip.wrong)))
            except (SyntaxError, ValueError):
                continue
            if found == wanted:
                return Reach(slip, seen, seen, rewrite.operator)
    return Reach(slip, None, seen)


def _drawn(proposer: EditProposer) -> Iterator:
    root = Node()
    for batch in iter(lambda: proposer.propose(root, 64), []):
        for thought in batch:
            yield thought.action.rewrite


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repair.slips", description=__doc__)
    parser.add_argument("--programs", action="store_true", help="the bugs of hand-written programs instead")
    parser.add_argument("--split", choices=("dev", "test"), default="dev", help="test is kept from tuning")
    parser.add_argument("--kind", help="only slips of this kind")
    parser.add_argument("--missed", action="store_true", help="show what is not reached, as diffs")
    parser.add_argument("--most", type=int, default=MOST, help="edits to look at for each")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args(arguments)
    slips = program_slips() if chosen.programs else load_slips()
    slips = [slip for slip in slips if slip.split == chosen.split and chosen.kind in (None, slip.kind)]
    kinds: dict[str, list[Reach]] = defaultdict(list)
    with ProcessPoolExecutor(chosen.jobs) as pool:
        for found in pool.map(partial(reach, most=chosen.most), slips, chunksize=4):
            kinds[found.slip.kind].append(found)
            kinds["all"].append(found)
            print(
                f"{found.slip.name:24} {found.slip.kind:18} {found.rank or '-':>5} of {found.seen:<5} {found.operator}"
            )
            if chosen.missed and found.rank is None:
                print(found.slip.patch)
    for kind, members in sorted(kinds.items()):
        ranks = [found.rank for found in members if found.rank]
        middle = math.exp(statistics.fmean(map(math.log, ranks))) if ranks else math.nan
        print(f"{kind:18} reached {len(ranks)} of {len(members)}", end=", rank: ")
        print(f"median {statistics.median(ranks or [0]):.0f}, geometric mean {middle:.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
