"""Decontamination against small benchmark folders written here: what must go, and what must stay."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from quantatissu.corpus.decontaminate import DecontaminateSettings, Index, build_index, decontaminate_stage
from quantatissu.corpus.decontaminate.extents import Functions
from quantatissu.corpus.decontaminate.functions import canonical, functions
from quantatissu.corpus.decontaminate.problems import read_problems
from quantatissu.corpus.document import Document, Drop, Origin
from quantatissu.foundation import QuantaError

PROMPT = '''from typing import List


def widest_gap(levels: List[int], floor: int = 3) -> int:
    """Of the tide levels above the floor, tell how many hours lie between the two that are farthest apart.
    >>> widest_gap([4, 1, 9])
    2
    """
'''
BODY = """    above = [at for at, level in enumerate(levels) if level > floor]
    if len(above) < 2:
        return -1  # nothing to measure
    gap = 0
    for first, second in zip(above, above[1:]):
        gap = max(gap, second - first)
    return gap
"""
DISGUISED = """def f(a, b=3):
  sum = [
    i for i, x in enumerate(a)
    if (x > b)
  ]

  if len(sum) < 2: return -1
  z = 0
  for p, q in zip(sum, sum[1:]):
      z = max(z, (q - p))

  return (z)
"""
CARRIER = '''"""Reads tide tables."""

import csv


def read(path):
    with open(path) as lines:
        return [int(row["level"]) for row in csv.DictReader(lines)]


class Table:
    def __init__(self, rows):
        self.rows = rows
'''


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("benchmarks")
    human = {
        "task_id": "Made/7",
        "prompt": PROMPT,
        "canonical_solution": BODY,
        "entry_point": "widest_gap",
        "test": "def check(candidate):\n    assert candidate([4, 1, 9]) == 2\n",
    }
    small = {
        "task_id": 12,
        "text": "Write a function to add two numbers.",
        "code": "def add(a, b):\r\n  return a + b",
        "test_list": ["assert add(1, 2) == 3"],
        "challenge_test_list": [],
    }
    with gzip.open(folder / "Made.jsonl.gz", "wt") as lines:
        lines.write(json.dumps(human) + "\n")
    (folder / "basic.jsonl").write_text(json.dumps(small) + "\n")
    return build_index(folder)


def document(text: str, language: str = "python") -> Document:
    return Document("0" * 32, Origin("here", "made", "", "made.py"), text, len(text), language)


def stage(index: Index, text: str, language: str = "python", **changes: Any) -> Document | Drop:
    return decontaminate_stage(index, DecontaminateSettings(**changes))(document(text, language))


@pytest.mark.parametrize(
    "solution",
    [
        PROMPT + BODY,
        BODY.join(["def widest_gap(levels, floor=3):\n", ""]),
        DISGUISED,
        "class Tides:\n    @staticmethod\n" + "".join(f"    {line}\n" for line in DISGUISED.splitlines()),
        DISGUISED.replace("def f(a, b=3):", "async def f(a: list[int], b: int = 3) -> int:\n  '''Other words.'''"),
    ],
    ids=["verbatim", "stripped", "disguised", "method", "annotated"],
)
def test_a_copy_is_cut_out_and_the_rest_stays(index: Index, solution: str) -> None:
    head, tail = CARRIER.split("class Table", 1)
    result = stage(index, head + solution + "\n\nclass Table" + tail)
    if isinstance(result, Drop):  # a class of which nothing is left
        assert solution.startswith("class")
        return
    assert "enumerate" not in result.text
    assert "DictReader" in result.text and "self.rows" in result.text
    assert result.redactions == {"benchmark:Made/7": 1}
    compile(result.text, "rest", "exec")


def test_drop_leaves_the_document_out_and_names_the_task(index: Index) -> None:
    assert stage(index, CARRIER + DISGUISED, action="drop") == Drop("decontaminate", "same_function", "Made/7")
    result = stage(index, CARRIER + PROMPT + BODY, action="drop")
    assert isinstance(result, Drop) and result.detail == "Made/7"


def test_a_statement_in_prose_is_an_overlap(index: Index) -> None:
    text = "# Notes\n\nOf the tide levels above the floor, tell how many\n> hours lie between the two that are farthest apart.\n"
    assert stage(index, text, "markdown") == Drop("decontaminate", "ngram_overlap", "Made/7")


def test_an_edited_copy_is_still_one(index: Index) -> None:
    edited = DISGUISED.replace("z = 0", "z = 0\n  z += 0")
    result = stage(index, CARRIER + edited, similarity=0.7)
    assert isinstance(result, Document) and "enumerate" not in result.text


@pytest.mark.parametrize(
    "text",
    [
        CARRIER,
        "from typing import List\n\n\ndef total(a: int, b: int) -> int:\n    return a + b\n",
        "def check(candidate):\n    assert candidate(1) == 1\n",
        "def plus(x, y):\n    return x + y\n",
        "",
        "def broken(:\n  return\n",
    ],
)
def test_ordinary_code_passes_untouched(index: Index, text: str) -> None:
    clean = document(text)
    assert decontaminate_stage(index)(clean) is clean


def test_a_tiny_solution_counts_only_with_its_own_names(index: Index) -> None:
    result = stage(index, CARRIER + "\n\ndef add(a, b):\n    return a + b\n")
    assert isinstance(result, Document) and "add" not in result.text


def test_a_short_solution_is_known_without_its_docstring(tmp_path: Path) -> None:
    (tmp_path / "gcd.py").write_text(
        'def gcd(a: int, b: int) -> int:\n    """Divides both."""\n    while b:\n        a, b = b, a % b\n    return a\n'
    )
    copy = "def divisor(one, two):\n    pass\n    while two: (one, two) = (two, one % two)\n    return one\n"
    assert stage(build_index(tmp_path), copy, action="drop") == Drop("decontaminate", "same_function", "gcd.py")


def test_decorators_leave_with_their_function(index: Index) -> None:
    result = stage(index, CARRIER + "\n\n@cache\n@trace(level=2)\n" + DISGUISED + "\n\nlast = 1\n")
    assert isinstance(result, Document)
    assert "@" not in result.text and "last = 1" in result.text


def test_other_languages_match_by_their_token_stream(tmp_path: Path) -> None:
    solution = """
function widestGap(levels, floor) {
  let gap = 0, last = -1;
  for (let at = 0; at < levels.length; at++) {
    if (levels[at] > floor) {
      if (last >= 0 && at - last > gap) { gap = at - last; } // wider
      last = at;
    }
  }
  while (gap > 24) { gap = gap % 24 + 1; }
  return gap > 0 ? gap : -1;
}
"""
    (tmp_path / "gap.js").write_text(solution)
    index = build_index(tmp_path)
    renamed = solution.replace("gap", "g").replace("last", "p").replace("levels", "xs").replace("// wider", "/* if */")
    assert stage(index, "const a = 1;\n" + renamed, "javascript") == Drop("decontaminate", "same_function", "gap.js")
    clean = document("for (let i = 0; i < 9; i++) { if (i > 3) { run(i); } }\n", "javascript")
    assert decontaminate_stage(index)(clean) is clean


def test_an_index_survives_pickling_and_is_the_same_each_time(index: Index) -> None:
    stage(index, CARRIER)  # fills what is cached
    again = pickle.loads(pickle.dumps(index))
    assert isinstance(stage(again, CARRIER + DISGUISED, action="drop"), Drop)
    assert pickle.dumps(again) == pickle.dumps(pickle.loads(pickle.dumps(index)))


def test_no_index_no_change() -> None:
    clean = document(PROMPT + BODY)
    assert decontaminate_stage(None)(clean) is clean


def test_records_of_unknown_form_and_plain_files_count_too(tmp_path: Path) -> None:
    words = "seven herons waited beside a lock gate until dawn while barges drifted slowly past them"
    (tmp_path / "odd.json").write_text(json.dumps([{"id": "x/1", "turns": [{"content": words}]}]))
    (tmp_path / "task.py").write_text("def widest_gap(levels, floor=3):\n" + BODY)
    index = build_index(tmp_path)
    assert stage(index, f"# {words}\n", "markdown") == Drop("decontaminate", "ngram_overlap", "x/1")
    assert isinstance(stage(index, DISGUISED, action="drop"), Drop)


def test_a_benchmark_spelled_in_two_ways_is_one(tmp_path: Path) -> None:
    for name, key in (("MadePlus.jsonl", "Made/7"), ("made.jsonl", 8)):
        (tmp_path / name).write_text(
            json.dumps({"task_id": key, "statement": f"the herons of lock number {key}"}) + "\n"
        )
    assert [problem.name for problem in read_problems(tmp_path)] == ["Made/7", "Made/8"]


def test_folders_that_cannot_be_used_are_explained(tmp_path: Path) -> None:
    with pytest.raises(QuantaError, match="no benchmark folder"):
        build_index(tmp_path / "none")
    with pytest.raises(QuantaError, match="no benchmark file"):
        build_index(tmp_path)
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(b'{"task_id": 1}\n')[:-9])
    with pytest.raises(QuantaError, match=r"torn\.jsonl\.gz"):
        build_index(tmp_path)


def test_canonical_form_keeps_what_the_program_does() -> None:
    def tokens(source: str) -> list[str]:
        return canonical(next(functions(source)))

    assert tokens("def f(a):\n    '''x'''\n    return (a)  # y\n") == tokens("def g(b: int) -> int: return b")
    assert tokens("def f(a, b): return a - b") != tokens("def f(a, b): return b - a")
    assert tokens("def f(a): return sum(a)") != tokens("def f(a): return max(a)")
    assert tokens("def f(a): return a.lower()") != tokens("def f(a): return a.upper()")
    assert tokens("def f(sum): return sum(1)") == tokens("def f(g): return g(1)")
    assert tokens("def f(a): return 1") != tokens("def f(a): return 2")


def test_extents_end_with_the_function() -> None:
    text = 'def one():\n    x = """\nnot the end\n"""\n    def two():\n        pass\n    return x\n\nafter = 1\n'
    known = Functions(text.encode())
    first, second = known.extent(0), known.extent(1)
    assert first is not None and text[first.stop :] == "after = 1\n"
    assert second is not None and second.source == "    def two():\n        pass\n"
    assert known.around(text.index("pass")) == [1, 0]
