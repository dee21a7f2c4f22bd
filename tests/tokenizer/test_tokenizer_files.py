"""Saving, loading, and vocabularies that others made."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizer_cases import texts, trained
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, trainers

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import load_tokenizer, parse_tokenizer, save_tokenizer
from quantatissu.tokenizer.special import FIM_NAMES


@functools.cache
def gpt2_source() -> str:
    model = tokenizers.Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    model.train_from_iterator(
        texts()[:1], trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    )
    return str(model.to_str())


def gpt2_like(*control: str, special: bool = True) -> tokenizers.Tokenizer:
    """A byte-level vocabulary with another way to cut text."""
    model = tokenizers.Tokenizer.from_str(gpt2_source())
    model.add_tokens([AddedToken(name, special=special, normalized=False) for name in control])
    return model


def llama_like() -> tokenizers.Tokenizer:
    """A vocabulary over characters, spaces as ▁, with bytes to fall back on."""
    pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    letters = sorted({letter for text in texts()[:2] for letter in text} - {" "} | {"▁"})
    vocabulary = {piece: number for number, piece in enumerate(["<unk>", "</s>", *pieces, *letters])}
    model = tokenizers.Tokenizer(models.BPE(vocabulary, [], byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    model.normalizer = normalizers.Replace(" ", "▁")
    model.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    model.add_special_tokens(["</s>"])
    return model


class TestOwn:
    def test_saved_and_loaded_it_is_the_same(self, tmp_path: Path) -> None:
        save_tokenizer(trained("bpe"), tmp_path / "made")
        for path in (tmp_path / "made", tmp_path / "made" / "tokenizer.json"):
            assert load_tokenizer(path).fingerprint == trained("bpe").fingerprint
        assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
            "tokenizer.json",
            "tokenizer_config.json",
        ]

    def test_the_configuration_names_the_end_and_the_padding(self, tmp_path: Path) -> None:
        save_tokenizer(trained("bpe"), tmp_path)
        found = json.loads((tmp_path / "tokenizer_config.json").read_text())
        assert (found["eos_token"], found["pad_token"]) == ("<|endoftext|>", "<|fim_pad|>")
        assert "<|tool_call|>" in found["additional_special_tokens"]

    def test_a_configuration_with_a_chat_template_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "mine"}')
        save_tokenizer(trained("bpe"), tmp_path)
        assert json.loads((tmp_path / "tokenizer_config.json").read_text()) == {"chat_template": "mine"}


class TestForeign:
    @pytest.mark.parametrize("names", FIM_NAMES, ids=lambda names: names[0])
    def test_fill_in_the_middle_is_found_by_its_usual_names(self, names: tuple[str, str, str, str]) -> None:
        prefix, middle, suffix, pad = names
        tokenizer = parse_tokenizer(gpt2_like(*filter(None, names), special=False).to_str())
        assert tokenizer.fim is not None
        assert (tokenizer.fim.prefix, tokenizer.fim.middle, tokenizer.fim.suffix) == (
            tokenizer.id(prefix),
            tokenizer.id(middle),
            tokenizer.id(suffix),
        )
        assert tokenizer.fim.pad == (tokenizer.id(pad) if pad else None)

    def test_control_tokens_not_marked_special_cannot_be_forged_either(self) -> None:
        tokenizer = parse_tokenizer(gpt2_like("<|fim_prefix|>", special=False).to_str())
        ids = tokenizer.encode("a <|fim_prefix|> b")
        assert tokenizer.id("<|fim_prefix|>") not in ids
        assert tokenizer.decode(ids) == "a <|fim_prefix|> b"

    def test_without_these_names_there_are_none(self) -> None:
        tokenizer = parse_tokenizer(gpt2_like().to_str())
        assert tokenizer.fim is None and tokenizer.end_of_text is None

    def test_byte_level_ones_round_trip_bytes(self) -> None:
        tokenizer = parse_tokenizer(gpt2_like("</s>").to_str())
        assert tokenizer.byte_level and not tokenizer.lines_independent
        data = bytes(range(256)) + "héllo\n    wörld".encode()
        assert tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data
        texts_ = ["def f():\n", "    pass\n"]
        assert [tokenizer.decode(ids) for ids in tokenizer.encode_batch(texts_)] == texts_

    def test_others_round_trip_text_and_refuse_bytes(self) -> None:
        tokenizer = parse_tokenizer(llama_like().to_str())
        assert not tokenizer.byte_level
        assert tokenizer.decode(tokenizer.encode("def f(x):\n    return '日本'")) == "def f(x):\n    return '日本'"
        with pytest.raises(ValueError, match="byte-level"):
            tokenizer.encode_bytes(b"\xff")
        with pytest.raises(ValueError, match="byte-level"):
            tokenizer.decode_bytes([1])

    def test_large_vocabularies_have_wide_ids(self) -> None:
        state = json.loads(gpt2_like().to_str())
        state["model"]["vocab"]["z" * 9] = 1 << 16
        tokenizer = parse_tokenizer(json.dumps(state))
        assert tokenizer.dtype == np.uint32
        assert tokenizer.encode("pass").dtype == np.uint32

    def test_truncation_and_padding_left_in_the_file_are_off(self) -> None:
        model = gpt2_like()
        model.enable_truncation(2)
        model.enable_padding(length=64)
        tokenizer = parse_tokenizer(model.to_str())
        assert tokenizer.decode(tokenizer.encode("a = b + c + d\n")) == "a = b + c + d\n"

    def test_it_is_saved_as_it_was(self, tmp_path: Path) -> None:
        source = gpt2_like("<|fim_prefix|>", special=False).to_str(pretty=True)
        save_tokenizer(parse_tokenizer(source), tmp_path)
        assert (tmp_path / "tokenizer.json").read_text() == source


class TestErrors:
    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(QuantaError, match="cannot read the tokenizer"):
            load_tokenizer(tmp_path / "none.json")

    @pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"model": {"type": "Magic"}}'])
    def test_something_else(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "tokenizer.json").write_bytes(content)
        with pytest.raises(QuantaError, match=r"not a tokenizer\.json"):
            load_tokenizer(tmp_path)

    def test_not_text(self, tmp_path: Path) -> None:
        (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe")
        with pytest.raises(QuantaError, match="UTF-8"):
            load_tokenizer(tmp_path)
