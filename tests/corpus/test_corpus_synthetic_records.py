"""Records: the excerpt, its span and its edits agree; files of them are whole, equal and read back."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_support import corrected, document, wrong_text

from quantatissu.corpus.synthetic import EditRecord, Evidence, TraceFrame, read_records, write_records
from quantatissu.corpus.synthetic.record import Injected, make_record
from quantatissu.foundation import QuantaError
from quantatissu.rewriting import Edit

LINES = st.lists(st.text(alphabet="ab \t\r\x0c\u2028é𝒳", max_size=6), min_size=1, max_size=12).map("\n".join)


@st.composite
def injections(draw):
    text = draw(LINES)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
    edits = []
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        new = draw(st.text(alphabet="xy\n ", max_size=5))
        if text[start:end] != new and (not edits or start > edits[-1].end):
            edits.append(Edit(start, end, new))
    if not edits:
        edits.append(Edit(0, 0, "z"))
    last = text.count("\n") + 1
    first = draw(st.integers(1, last))
    right = dataclasses.replace(document("x"), text=text)
    return Injected(right, tuple(edits), "some_row", "f", first, draw(st.integers(first, last))), draw(
        st.integers(0, 4)
    )


@settings(deadline=None)
@given(injections())
def test_a_record_gives_the_right_text_back(case):
    injected, lines = case
    record = make_record(injected, "bug", Evidence("execution", "python"), context_lines=lines)
    assert record.before == record.context[record.start : record.end]
    by_edits, by_span = corrected(record)
    assert by_edits == by_span
    assert wrong_text(record, injected.document.text) == injected.wrong


@settings(deadline=None)
@given(injections())
def test_the_span_is_whole_lines_and_no_more_than_differ(case):
    injected, lines = case
    record = make_record(injected, "bug", Evidence("execution", "python"), context_lines=lines)
    assert record.start == 0 or record.context[record.start - 1] == "\n"
    assert record.end in (len(record.context), record.start) or record.context[record.end - 1] == "\n"
    before, after = record.before.split("\n"), record.after.split("\n")
    if "\n" in record.before and "\n" in record.after:
        assert before[0] != after[0]


def test_the_excerpt_keeps_to_the_function_and_to_the_lines_allowed():
    text = "".join(f"line {number}\n" for number in range(1, 101))
    at = text.index("line 50")
    injected = Injected(document(text), (Edit(at, at + 4, "LINE"),), "row", "f", 45, 60)
    record = make_record(injected, "bug", Evidence("execution", "python"), context_lines=8)
    assert record.line == 45
    assert record.context.splitlines()[-1] == "line 58"
    assert (record.before, record.after) == ("LINE 50\n", "line 50\n")


def a_record(number=0, **changes):
    injected = Injected(document("a = 1\nb = 2\n"), (Edit(4, 5, str(number + 5)),), "common_number", "", 1, 2)
    evidence = Evidence(
        "tests", "pytest 8", code="AssertionError", message="assert 5 == 1 \N{SNOWMAN}", path="m.py", line=1,
        frames=(TraceFrame("test_m.py", 3, "test_a", "assert a == 1"),), test="test_m.py::test_a",
    )  # fmt: skip
    return dataclasses.replace(make_record(injected, "bug", evidence, context_lines=3), **changes)


def test_records_read_back_as_they_were_written(tmp_path):
    records = [a_record(), a_record(1, licences=(), undone_by="x"), a_record(2, kind="lint")]
    written = write_records(iter(records), tmp_path / "out" / "edits")
    assert written.records == 3
    for path in written.checksums:
        assert list(read_records(path)) == records
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["edits.jsonl", "edits.parquet"]


def test_the_same_records_give_the_same_bytes(tmp_path):
    records = [a_record(number) for number in range(5)]
    first, second = (write_records(records, tmp_path / name).checksums for name in ("one", "two"))
    assert list(first.values()) == list(second.values())


def test_no_records_is_a_whole_file_too(tmp_path):
    written = write_records([], tmp_path / "edits")
    assert [list(read_records(path)) for path in written.checksums] == [[], []]


def test_a_stream_that_breaks_leaves_nothing(tmp_path):
    def broken():
        yield a_record()
        raise RuntimeError("the source went away")

    with pytest.raises(RuntimeError):
        write_records(broken(), tmp_path / "edits")
    assert list(tmp_path.iterdir()) == []


def test_what_holds_no_records_is_refused(tmp_path):
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "torn.jsonl").write_text('{"id": "x"\n')
    (tmp_path / "other.jsonl").write_text(json.dumps({"id": "x"}) + "\n")
    (tmp_path / "edits.csv").write_text("id\n")
    for name in ("torn.parquet", "torn.jsonl", "other.jsonl", "edits.csv"):
        with pytest.raises(QuantaError):
            list(read_records(tmp_path / name))


def test_every_field_of_a_record_is_stored(tmp_path):
    write_records([a_record()], tmp_path / "edits")
    row = json.loads((tmp_path / "edits.jsonl").read_text())
    assert set(row) == {field.name for field in dataclasses.fields(EditRecord)}
    assert set(row["evidence"]) == {field.name for field in dataclasses.fields(Evidence)}
