"""Vocabularies learnt from code: the same for the same text, and sensible for code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from tokenizer_cases import texts, trained

from quantatissu.tokenizer import TrainSettings, train_tokenizer
from quantatissu.tokenizer.special import ALL

KINDS = pytest.mark.parametrize("kind", ["bpe", "unigram"])


def pieces(kind: str, text: str) -> list[str]:
    tokenizer = trained(kind)
    return [tokenizer.decode([number]) for number in tokenizer.encode(text).tolist()]


@KINDS
def test_another_process_learns_the_same_bytes(kind: str) -> None:
    script = (
        "from tokenizer_cases import trained; import sys; sys.stdout.buffer.write(trained(sys.argv[1]).source.encode())"
    )
    made = subprocess.run(
        [sys.executable, "-c", script, kind], cwd=Path(__file__).parent, capture_output=True, check=True
    )
    assert made.stdout.decode() == trained(kind).source


@KINDS
class TestVocabulary:
    def test_has_the_size_asked_for_and_the_special_tokens_first(self, kind: str) -> None:
        tokenizer = trained(kind)
        assert tokenizer.vocabulary == 1024
        assert [tokenizer.id(name) for name in ALL] == list(range(len(ALL)))
        assert tokenizer.end_of_text == 0
        assert tokenizer.fim is not None and tokenizer.fim.pad is not None
        assert tokenizer.byte_level and tokenizer.lines_independent

    def test_compresses_code_it_has_seen(self, kind: str) -> None:
        tokenizer = trained(kind)
        text = "".join(texts())
        assert len(text.encode()) / len(tokenizer.encode(text)) > 2.2

    def test_has_every_byte(self, kind: str) -> None:
        assert {bytes([byte]) for byte in range(256)} <= set(trained(kind).token_bytes())


@KINDS
class TestPieces:
    def test_indentation_is_kept_together(self, kind: str) -> None:
        assert pieces(kind, "        return")[0] == " " * 8
        assert "    " in pieces(kind, "if x:\n    return x\n")

    def test_digits_come_in_groups_of_at_most_three(self, kind: str) -> None:
        found = pieces(kind, "x1234567890")
        assert all(len([letter for letter in piece if letter.isdigit()]) <= 3 for piece in found)

    def test_no_token_goes_on_past_a_line_end(self, kind: str) -> None:
        tokenizer = trained(kind)
        for token in set(tokenizer.token_bytes()) - {name.encode() for name in ALL}:
            assert b"\n" not in token.rstrip(b"\r\n")

    def test_words_take_one_mark_with_them_at_most(self, kind: str) -> None:
        for token in trained(kind).token_bytes()[len(ALL) :]:
            assert not re.search(rb"[A-Za-z_][^A-Za-z_\x80-\xff]", token), token


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("total += f(x):\n", ["total", " +=", " f", "(x", "):\n"]),
        ("    self.__init__()\n\n", ["    ", "self", ".__init__", "()\n\n"]),
        ("\t\tx = 12345", ["\t\t", "x", " =", " 123", "45"]),
        ("a  \n\n  b", ["a", "  ", "\n\n", "  ", "b"]),
        ("if naïve_名前>=2 ** 8:", ["if", " naïve_名前", ">=", "2", " **", " 8", ":"]),
    ],
)
def test_code_is_cut_where_people_would(text: str, cut: list[str]) -> None:
    import tokenizers

    model = tokenizers.Tokenizer.from_str(trained("bpe").source)
    spans = [span for _, span in model.pre_tokenizer.pre_tokenize_str(text)]
    assert [text[start:end] for start, end in spans] == cut


def test_the_text_is_read_once_and_in_order() -> None:
    tokenizer = train_tokenizer(iter(texts()), TrainSettings(vocabulary=1024))
    assert tokenizer.source == trained("bpe").source


def test_little_text_gives_a_small_vocabulary() -> None:
    tokenizer = train_tokenizer(["a = b\n"] * 3, TrainSettings(vocabulary=1024))
    assert len(ALL) + 256 <= tokenizer.vocabulary < 400
    assert tokenizer.decode(tokenizer.encode("日本 = b")) == "日本 = b"


def test_no_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="no text"):
        train_tokenizer(["", ""])


def test_a_vocabulary_too_small_for_the_bytes_is_refused() -> None:
    with pytest.raises(ValidationError):
        TrainSettings(vocabulary=200)


def test_the_file_is_an_ordinary_tokenizer_json() -> None:
    import tokenizers

    model = tokenizers.Tokenizer.from_str(trained("bpe").source)
    text = "def f(x):\n    return x + 1\n"
    assert model.decode(model.encode(text).ids) == text
    assert json.loads(trained("bpe").source)["model"]["type"] == "BPE"
