"""Bytes become text where that is certain, and a drop with a reason where it is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.corpus.document import Document, Drop, Origin, RawFile
from quantatissu.corpus.stages import decode
from quantatissu.corpus.stages.decode import repair_mojibake

PROGRAM = "def grüße(name: str) -> str:\n    # says hello, in one of many ways\n    return f'Grüß dich, {name}'\n"


def raw(data: bytes, language: str = "") -> RawFile:
    return RawFile(Origin("test", "package", "1.0", "a.py"), data, language=language)


def text_of(data: bytes) -> str:
    document = decode(raw(data))
    assert isinstance(document, Document), document
    return document.text


def reason_of(data: bytes) -> str:
    drop = decode(raw(data))
    assert isinstance(drop, Drop), drop
    assert drop.stage == "decode"
    assert drop.detail
    return drop.reason


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
)
def test_reads_every_encoding_that_can_be_told(encoding: str) -> None:
    assert text_of(PROGRAM.encode(encoding)) == PROGRAM


def test_reads_big_endian_utf_16_by_its_mark() -> None:
    assert text_of(b"\xfe\xff" + PROGRAM.encode("utf-16-be")) == PROGRAM


def test_reads_what_the_second_line_declares() -> None:
    program = "#!/usr/bin/env python\n# -*- coding: koi8-r -*-\nx = 'привет, мир'\n"
    assert text_of(program.encode("koi8-r")) == program


def test_does_not_run_codecs_that_are_no_encodings() -> None:
    assert reason_of(b"# coding: unicode_escape\nx = '\xff\xfe\xfd'\n") == "unknown_encoding"


def test_drops_text_in_an_encoding_nobody_declared() -> None:
    assert reason_of("x = 'привет, мир'\n".encode("cp1251")) == "unknown_encoding"
    assert reason_of("x = 'こんにちは世界'\n".encode("shift_jis")) == "unknown_encoding"


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x02\x01\x01\x00", b"%PDF-1.7\nsome text", b"a\x00b\x00\x00c", bytes(range(1, 32)) * 4]
)
def test_drops_binary_files(data: bytes) -> None:
    assert reason_of(data) == "binary"


@pytest.mark.parametrize("data", [b"", b"\n \t\r\n", b"\xef\xbb\xbf", b"\x0c\n"])
def test_drops_files_without_text(data: bytes) -> None:
    assert reason_of(data) == "empty"


def test_drops_what_somebody_else_decoded_wrongly() -> None:
    assert reason_of(("x = '" + "\ufffd" * 5 + "'\n").encode()) == "lost_characters"


def test_line_ends_become_lf_and_control_characters_go() -> None:
    assert text_of(b"a = 1\r\nb = 2\rc = 3\n\x0c\nd = 4\n\x1a") == "a = 1\nb = 2\nc = 3\n\nd = 4\n"


def test_puts_utf_8_right_that_was_read_as_windows_1252() -> None:
    sentence = "Die Größe der Äpfel — für Café-Gäste “süß”"
    assert repair_mojibake(sentence.encode().decode("cp1252", "ignore")) != sentence  # a byte was lost: left alone
    whole = "Die Größe der Äpfel für Café-Gäste: süß"
    assert text_of(whole.encode().decode("cp1252").encode()) == whole


def test_a_page_about_mojibake_is_left_alone() -> None:
    page = "Wrong: Ã¼ for ü, Ã¤ for ä, Ã¶ for ö\n"
    assert text_of(page.encode()) == page


def test_keeps_what_the_source_said_and_counts_bytes_as_read() -> None:
    document = decode(raw(b"\xef\xbb\xbfx = 1\r\n", language="C-Sharp"))
    assert isinstance(document, Document)
    assert document.language == "c#"
    assert document.size == 10


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_clean_text_or_a_reason(data: bytes) -> None:
    outcome = decode(raw(data))
    if isinstance(outcome, Document):
        assert outcome.text.strip()
        assert "\r" not in outcome.text
        assert "\0" not in outcome.text
    else:
        assert outcome.reason in {"empty", "binary", "unknown_encoding", "lost_characters"}


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1).filter(str.strip))
def test_clean_utf_8_comes_out_as_it_went_in(text: str) -> None:
    outcome = decode(raw(text.encode()))
    if isinstance(outcome, Document) and "\ufeff" not in text:
        assert outcome.text in {text, repair_mojibake(text)}


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=0xC0, max_codepoint=0xFF), min_size=1, max_size=30))
def test_mojibake_is_undone_or_left(text: str) -> None:
    once = text.encode().decode("latin-1")
    assert repair_mojibake(once) in {text, once}
