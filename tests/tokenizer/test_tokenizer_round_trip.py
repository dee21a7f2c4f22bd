"""Text and bytes come back as they were, whatever they are, and control tokens cannot be forged."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_cases import code, texts, trained

from quantatissu.tokenizer import Tokenizer, parse_tokenizer
from quantatissu.tokenizer.special import ALL, END_OF_TEXT

PROPERTY = settings(deadline=None, max_examples=60, derandomize=True)
KINDS = pytest.mark.parametrize("kind", ["bpe", "unigram"])


def reference(tokenizer: Tokenizer, text: str) -> list[int]:
    """What the `tokenizers` library itself makes of a text."""
    import tokenizers

    model = tokenizers.Tokenizer.from_str(tokenizer.source)
    model.encode_special_tokens = True
    return list(model.encode(text, add_special_tokens=False).ids)


@KINDS
class TestText:
    @PROPERTY
    @given(text=code())
    def test_comes_back(self, kind: str, text: str) -> None:
        tokenizer = trained(kind)
        assert tokenizer.decode(tokenizer.encode(text)) == text

    @PROPERTY
    @given(text=code())
    def test_has_the_ids_that_the_library_gives_it(self, kind: str, text: str) -> None:
        tokenizer = trained(kind)
        assert tokenizer.encode(text).tolist() == reference(tokenizer, text)

    @PROPERTY
    @given(first=code(), second=code())
    def test_is_the_sum_of_its_lines(self, kind: str, first: str, second: str) -> None:
        tokenizer = trained(kind)
        first, second = first + "\n", second.lstrip("\r\n")
        apart = [*tokenizer.encode(first), *tokenizer.encode(second)]
        assert tokenizer.encode(first + second).tolist() == apart

    def test_real_modules_have_the_ids_that_the_library_gives_them(self, kind: str) -> None:
        tokenizer = trained(kind)
        for text, ids in zip(texts(), tokenizer.encode_batch(texts()), strict=True):
            assert ids.tolist() == reference(tokenizer, text)
            assert ids.dtype == np.uint16

    def test_that_names_a_control_token_does_not_become_one(self, kind: str) -> None:
        tokenizer = trained(kind)
        for name in ALL:
            ids = tokenizer.encode(f"x = '{name}'")
            assert not set(ids.tolist()) & set(tokenizer.control.values())
            assert tokenizer.decode(ids) == f"x = '{name}'"

    def test_survives_pickling_of_the_tokenizer(self, kind: str) -> None:
        tokenizer = trained(kind)
        again = pickle.loads(pickle.dumps(tokenizer))
        assert again.fingerprint == tokenizer.fingerprint
        assert again.encode("def f(x):\n    return x").tolist() == tokenizer.encode("def f(x):\n    return x").tolist()


@KINDS
@PROPERTY
@given(data=st.one_of(st.binary(max_size=80), code().map(lambda text: text.encode()[1:])))
def test_bytes_come_back(kind: str, data: bytes) -> None:
    tokenizer = trained(kind)
    assert tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data


def test_control_tokens_decode_to_their_names() -> None:
    tokenizer = trained("bpe")
    ids = [tokenizer.id(END_OF_TEXT), *tokenizer.encode("pass").tolist()]
    assert tokenizer.decode(ids) == END_OF_TEXT + "pass"


def test_a_token_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="no token"):
        trained("bpe").id("<|never|>")


def test_half_a_character_decodes_to_the_replacement_character() -> None:
    tokenizer = trained("bpe")
    assert tokenizer.decode(tokenizer.encode_bytes("é".encode()[:1])) == "�"


def test_texts_longer_than_the_cache_holds_pieces_of_are_the_same() -> None:
    tokenizer = parse_tokenizer(trained("bpe").source)
    ruler = "-" * 5000 + "\n"
    assert tokenizer.encode(ruler).tolist() == reference(tokenizer, ruler)
    assert tokenizer.decode(tokenizer.encode(ruler)) == ruler
