"""Lint errors: kept where ruff reports exactly one finding more, with ruff's own words."""

import json
import shutil
import subprocess
from collections import Counter

import pytest
from synthetic_support import corrected, document, wrong_text

from quantatissu.corpus.synthetic import SyntheticSettings, inject, lint
from quantatissu.foundation import QuantaError

LINT = SyntheticSettings(bugs=False, lint_per_document=40)
TEXT = '''
"""A module with something for every row."""

import json
import re
from collections import Counter, OrderedDict


def load(path, default=None):
    if default is not None and path not in ("a", "b"):
        try:
            with open(path) as file:
                first = json.load(file)
                second = OrderedDict(first)
        except ValueError as error:
            raise KeyError("no JSON here") from error
        except OSError:
            print("not readable")
            return default
        return first, second
    return {}


def words(text, wanted):
    found = [word for word in re.split(r"\\s", text) if isinstance(word, str)]
    counted = Counter(found)
    if not wanted:
        return counted
    if text == "all":
        return found
    wanted.sort(key=len)
    return counted.most_common(wanted)


def double(number):
    return number * 2
'''


def ruff(text, tmp_path):
    path = tmp_path / "module.py"
    path.write_text(text)
    done = subprocess.run(
        [lint.find_ruff()[0], "check", "--isolated", "--no-cache", "--output-format", "json", "--select",
         ",".join(LINT.rules), path],
        capture_output=True,
    )  # fmt: skip
    return [(item["code"], item["message"], item["location"]) for item in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def found():
    one = document(TEXT)
    tally = Counter()
    return one, list(inject([one], LINT, 0, tally=tally)), tally


def test_ruff_says_the_same_of_the_wrong_file(found, tmp_path):
    one, records, _ = found
    assert ruff(TEXT, tmp_path) == []
    for record in records[::4]:
        ((code, message, place),) = ruff(wrong_text(record, one.text), tmp_path)
        evidence = record.evidence
        assert (code, message, place["row"], place["column"]) == (
            evidence.code, evidence.message, evidence.line, evidence.column,
        )  # fmt: skip


def test_many_kinds_are_injected_and_every_record_can_be_mended(found):
    _, records, tally = found
    assert len({record.operator for record in records}) >= 20
    assert {"F401", "F841", "F821", "E711", "B006", "E722", "F541"} <= {record.evidence.code for record in records}
    for record in records:
        assert corrected(record)[0] == corrected(record)[1]
        assert record.kind == "lint" and record.evidence.tool.startswith("ruff ")
        assert record.function in ("", "load", "words", "double")
    assert tally["linted"] == len(records)


def test_rows_break_the_rule_they_are_tied_to(found):
    from quantatissu.corpus.synthetic.lint_table import LINT_EDITS

    _, records, _ = found
    meant = [record.evidence.code == LINT_EDITS[record.operator].rule for record in records]
    assert sum(meant) >= 0.9 * len(meant)


def test_nothing_new_is_no_record():
    silenced = "import os  # noqa\n\nprint(os.name)\n"
    star = "# ruff: noqa\n" + TEXT
    torn = "def f(:\n"
    assert list(inject([document(star), document(torn, "torn.py")], LINT, 0)) == []
    assert all("`os` imported" not in record.evidence.message for record in inject([document(silenced)], LINT, 0))


def test_an_old_finding_is_not_taken_for_a_new_one():
    text = "import os\nimport re\n\n\ndef f(x, y=None):\n    return x is not None and y == None\n"
    for record in inject([document(text)], LINT, 3):
        assert record.evidence.code not in ("F401",) or record.evidence.message.split("`")[1] not in ("os", "re")


@pytest.mark.parametrize(
    "path", ["package/__init__.py", "bin/script", "a/..", "", "x\0.py", "-rf.py", "n" * 300 + ".py"]
)
def test_any_path_will_do(path):
    assert len(list(inject([document(TEXT, path)], LINT.model_copy(update={"lint_per_document": 3}), 0))) >= 2


def test_chosen_rules_are_the_only_ones():
    settings = LINT.model_copy(update={"rules": ("E711",)})
    assert {record.evidence.code for record in inject([document(TEXT)], settings, 0)} == {"E711"}


def test_an_unknown_rule_and_a_missing_linter_are_said(monkeypatch, tmp_path):
    with pytest.raises(QuantaError, match="ruff did not answer"):
        list(inject([document(TEXT)], LINT.model_copy(update={"rules": ("NOPE999",)}), 0))
    lint.find_ruff.cache_clear()
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(QuantaError, match="not installed"):
        list(inject([], LINT, 0))
    lint.find_ruff.cache_clear()
