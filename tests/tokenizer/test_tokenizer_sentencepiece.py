"""Unigram against sentencepiece's own trainer: the same pieces of text, the same size."""

from __future__ import annotations

import argparse
import ast
import io
import json
from pathlib import Path

import sentencepiece
import tokenizers
from tokenizers import pre_tokenizers

from quantatissu.tokenizer import TrainSettings, pattern, train_tokenizer

_SIZE = 700
_DELIMITER = "\x01"


def test_a_unigram_vocabulary_is_as_good_as_sentencepieces() -> None:
    learn, held = (Path(module.__file__ or "").read_text(encoding="utf-8") for module in (argparse, ast))
    ours = train_tokenizer([learn], TrainSettings(vocabulary=_SIZE, kind="unigram"))
    theirs = _sentencepiece(learn)

    vocabulary = {piece for piece, _ in json.loads(ours.source)["model"]["vocab"]}
    shared = {theirs.id_to_piece(number) for number in range(theirs.get_piece_size())} & vocabulary
    assert len(shared) > 0.5 * _SIZE

    needed = sum(len(theirs.encode(piece)) for piece in _pieces(held))
    assert len(ours.encode(held)) < 1.02 * needed


def _pieces(text: str) -> list[str]:
    """`text` cut as our vocabularies cut it, in the byte-level alphabet."""
    cut = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(pattern.UNICODE), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return [piece for piece, _ in cut.pre_tokenize_str(text)]


def _sentencepiece(text: str) -> sentencepiece.SentencePieceProcessor:
    pieces = _pieces(text)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([_DELIMITER.join(pieces[at : at + 200]) for at in range(0, len(pieces), 200)]),
        model_writer=model,
        model_type="unigram",
        vocab_size=_SIZE,
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_by_whitespace=False,
        split_by_unicode_script=False,
        split_by_number=False,
        pretokenization_delimiter=_DELIMITER,
        max_sentence_length=1 << 20,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
