"""Bugs in documents without tests: kept when a call in the sandbox tells them apart."""

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_support import PURE, corrected, document, wrong_text

from quantatissu.corpus.synthetic import SyntheticSettings, inject
from quantatissu.corpus.synthetic.arguments import calls
from quantatissu.corpus.synthetic.chances import chance
from quantatissu.corpus.synthetic.functions import functions
from quantatissu.corpus.synthetic.slices import Module
from quantatissu.rewriting import OPERATORS, Source

BUGS = SyntheticSettings(lint=False, mutants_per_function=10, bugs_per_document=100)


@pytest.fixture(scope="module")
def found():
    tally = Counter()
    one = document(PURE)
    return one, list(inject([one], BUGS, 0, tally=tally)), tally


def outcome(text, call):
    names = {}
    exec(text, names)
    try:
        return repr(eval(call, names))
    except Exception as error:
        return f"raises {type(error).__name__}: {error}"


def test_the_evidence_is_true(found):
    right, records, _ = found
    assert len(records) >= 15
    for record in records:
        wrong = wrong_text(record, right.text)
        call = record.evidence.call
        if "leaving" not in record.evidence.expected:
            assert outcome(right.text, call) == record.evidence.expected
            assert outcome(wrong, call) == record.evidence.actual
        assert record.evidence.expected != record.evidence.actual


def test_records_say_what_was_done_and_where(found):
    right, records, tally = found
    assert {record.function for record in records} == {"clamp", "half", "initials", "countdown"}
    for record in records:
        assert corrected(record)[0] == corrected(record)[1]
        assert record.operator in OPERATORS and (not record.undone_by or record.undone_by in OPERATORS)
        assert (record.kind, record.document, record.licences) == ("bug", right.id, ("MIT",))
        if record.evidence.actual.startswith("raises"):
            frame = record.evidence.frames[-1]
            lines = wrong_text(record, right.text).split("\n")
            assert lines[frame.line - 1].strip() == frame.source and frame.line == record.evidence.line
            assert record.evidence.code in record.evidence.actual
    assert tally["told_apart"] == len(records) and tally["survived"] > 0 and tally["documents"] == 1
    assert sum(bool(record.undone_by) for record in records) > len(records) / 2
    assert len({record.id for record in records}) == len(records)


def test_a_document_gives_the_same_records_wherever_it_stands(found):
    right, records, _ = found
    other = document("def twice(n):\n    return n * 2\n", "other.py")
    among = list(inject([other, right, document("x = (", "torn.py"), document("a", language="sql")], BUGS, 0))
    assert [record for record in among if record.document == right.id] == records
    assert {record.path for record in among} == {"other.py", "package/module.py"}


def test_the_hash_seed_of_the_process_changes_nothing(tmp_path):
    program = (
        "import sys; from synthetic_support import *; from quantatissu.corpus.synthetic import *; from pathlib import Path;"
        "settings = SyntheticSettings(mutants_per_function=4);"
        "print(*write_records(inject([document(PURE)], settings, 7), Path(sys.argv[1])).checksums.values())"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program, tmp_path / seed],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join([sys.path[0], *sys.path]), "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert said[0] == said[1] and len(said[0].split()) == 2


@pytest.mark.parametrize(
    "text",
    [
        "import os\ndef f(name: str):\n    return os.path.exists(name)\n",
        "import io\ndef f(name: str):\n    return io.open(name).read()\n",
        "def f(name: str):\n    return open(name).read()\n",
        "import random\ndef f(n: int):\n    return n + random.random()\n",
        "from datetime import datetime\ndef f(n: int):\n    return datetime.now().year + n\n",
        "from .near import helper\ndef f(n: int):\n    return helper(n)\n",
        "from math import *\ndef f(n: int):\n    return floor(n)\n",
        "count = 0\ndef f(n: int):\n    global count\n    count += n\n    return count\n",
        "async def f(n: int):\n    return n + 1\n",
        "def f(callback: Callable):\n    return callback(1) + 1\n",
    ],
)
def test_what_does_not_look_pure_is_not_called(text):
    tally = Counter()
    assert list(inject([document(text)], BUGS, 0, tally=tally)) == []
    assert tally["survived"] == tally["told_apart"] == 0


def test_code_that_means_harm_reaches_nothing(tmp_path):
    marker = tmp_path / "touched"
    text = f"""
        import io

        def f(n: int):
            try:
                getattr(io, "op" + "en")({str(marker)!r}, "w").write("x")
                return n + 1
            except OSError:
                return n - 1
        """
    records = list(inject([document(text)], BUGS, 0))
    assert records and not marker.exists()


def test_code_that_writes_into_the_answer_spoils_only_its_own():
    forger = """
        import io

        def f(n: int):
            for number in range(3, 20):
                try:
                    getattr(io, "op" + "en")(number, "w", closefd=False).write('{"call": 7}\\n[]\\nno\\n')
                except (OSError, ValueError):
                    n += 1
            return n
        """
    one = document(PURE)
    alone = list(inject([one], BUGS.model_copy(update={"mutants_per_function": 2}), 0))
    beside = list(inject([document(forger, "f.py"), one], BUGS.model_copy(update={"mutants_per_function": 2}), 0))
    assert alone and [record for record in beside if record.document == one.id] == alone


def test_mutants_that_hang_or_eat_memory_are_dropped():
    text = """
        def f(n: int):
            total = 0
            while n > 0:
                total = total * 3 + n
                n -= 1
            return total
        """
    tally = Counter()
    records = list(inject([document(text)], BUGS.model_copy(update={"call_seconds": 0.2}), 1, tally=tally))
    assert records and tally["survived"] > 0
    assert not any(record.before.strip() == "" and record.after.strip() == "n -= 1" for record in records)


def test_limits_of_the_settings_hold():
    one = document(PURE)
    few = BUGS.model_copy(update={"bugs_per_document": 2})
    assert len(list(inject([one], few, 0))) == 2
    assert list(inject([one], BUGS.model_copy(update={"document_characters": 10}), 0)) == []
    assert list(inject([one], BUGS.model_copy(update={"bugs": False}), 0)) == []


def test_a_module_is_cut_down_to_what_a_function_needs():
    source = Source(PURE)
    functions_by_name = {function.name: function.node for function in functions(source)}
    around = Module(source).around(functions_by_name["initials"])
    whole = around.around("def initials(text): ...\n")
    assert "WORD = re.compile" in whole and "import re" in whole
    assert "LIMIT" not in whole and "floor" not in whole
    assert around.before.count("\n") == PURE[: PURE.index("def initials")].count("\n")


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_generated_calls_are_calls_of_the_function(seed):
    text = "def f(a: int, b: str = 'x', *, c: list[int], d: 'float | None' = None, e=()):\n    return a, b, c, d, e\n"
    (function,) = functions(Source(text))
    names = {}
    exec(text, names)
    found = calls(function.node, chance(seed), 6)
    assert found == sorted(set(found), key=lambda call: (len(call), call))
    for call in found:
        a, b, c, d, _ = eval(f"f({call})", names)
        assert isinstance(a, int) and isinstance(b, str) and isinstance(c, list)
        assert d is None or isinstance(d, int | float)
