"""JUnit XML: the same failures as the text, and reports that mean harm."""

from __future__ import annotations

import time

import pytest
from diagnostic_samples import OUTPUTS, VERSIONS, by_test, read

from quantatissu.diagnostics import parse, parse_junit


@pytest.mark.parametrize("version", VERSIONS)
def test_report_and_text_agree(version: str) -> None:
    text, report = read(version, "pytest_default.txt"), read(version, "pytest_junit.xml")
    assert sorted(item.test or "" for item in report) == sorted(item.test or "" for item in text)
    shown, told = by_test(text), by_test(report)
    for name, item in shown.items():
        if name not in {"test_fail", "test_add"}:
            assert (told[name].code, told[name].actual, told[name].expected) == (item.code, item.actual, item.expected)
            assert [cause.code for cause in told[name].causes] == [cause.code for cause in item.causes]
            assert told[name].location == item.location
    assert told["test_fail"].message == "given up"


def test_both_families_give_the_same_ids() -> None:
    first, second = (read("py312-pytest84", f"pytest_{name}.xml") for name in ("junit1", "junit"))
    assert [item.test for item in first] == [item.test for item in second]


@pytest.mark.parametrize("version", VERSIONS)
def test_collection_errors(version: str) -> None:
    tests = {item.test: item for item in read(version, "pytest_collect_junit.xml")}
    assert tests["test_dependency.py"].code == "ModuleNotFoundError"
    assert tests["test_syntax.py"].kind == "compile"


def test_parse_recognises_a_report() -> None:
    raw = (OUTPUTS / "py312-pytest84" / "pytest_junit.xml").read_bytes()
    assert parse(raw) == parse_junit(raw)
    assert parse(raw.decode()) == parse_junit(raw)


def test_other_writers() -> None:
    report = (
        b'<testsuite><testcase classname="app.tests.TestX" name="test_y">'
        b'<failure type="AssertionError" message="3 != 2">'
        b'<![CDATA[Traceback (most recent call last):\n  File "/p/app/tests.py", line 3, in test_y\n'
        b"AssertionError: 3 != 2\n]]></failure></testcase>"
        b'<testcase classname="a.b" name="c"><error message="boom"/></testcase></testsuite>'
    )
    first, second = parse_junit(report)
    assert (first.test, first.actual, first.expected) == ("app/tests.py::TestX::test_y", "3", "2")
    assert (second.test, second.message) == ("a/b.py::c", "boom")


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">%s]><testsuite>&l9;</testsuite>' % b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10 if level else b"&a;" * 10) for level in range(10)
)


def test_entities_are_never_expanded() -> None:
    started = time.process_time()
    [found] = parse_junit(BOMB)
    assert found.code == "MalformedReport" and "document type" in found.message
    assert time.process_time() - started < 1


def test_external_entities_are_never_read() -> None:
    report = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><testsuite><testcase>&e;</testcase></testsuite>'
    assert [item.code for item in parse_junit(report)] == ["MalformedReport"]


def test_a_broken_report_gives_what_came_before() -> None:
    raw = (OUTPUTS / "py312-pytest84" / "pytest_junit.xml").read_bytes()
    found = parse_junit(raw[: len(raw) // 2])
    assert len(found) > 5
    assert found[-1].code == "MalformedReport" and "test cases were read before" in found[-1].message


@pytest.mark.parametrize(
    "report", [b"", b"no xml", b"\x00\xff", b"<a>" * 100_000, b'<?xml version="1.0" encoding="nope"?><a/>']
)
def test_no_report_at_all(report: bytes) -> None:
    assert [item.code for item in parse_junit(report)] == ["MalformedReport"]
