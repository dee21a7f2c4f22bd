"""Samples: what the model sees, where it attends, what is scored, and that sample i is always sample i."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loader_cases import PLAIN, corpus, samples, texts, tokenizer
from pydantic import ValidationError

from quantatissu.corpus.shards import ShardWriter, open_shards
from quantatissu.tokenizer import TrainSettings, train_tokenizer
from quantatissu.training.data import (
    IGNORED,
    AnswerSettings,
    DataSettings,
    FimSettings,
    Part,
    Samples,
    WeightedBatch,
    attention_mask,
    to_torch,
)

PROPERTY = settings(deadline=None, max_examples=15, derandomize=True)
SETTINGS = st.builds(
    DataSettings,
    length=st.sampled_from([32, 128, 500]),
    packing=st.sampled_from(["best-fit", "concatenate"]),
    fim=st.builds(FimSettings, rate=st.sampled_from([0.0, 0.5, 1.0]), spm=st.sampled_from([0.0, 0.5, 1.0])),
    seed=st.integers(0, 5),
)


def undone(part: Part) -> bytes:
    """The bytes of a part with fill-in-the-middle taken back; its end of text is checked and left out."""
    fim = tokenizer().fim
    assert fim is not None
    ids = [number for number in part.tokens.tolist() if number != tokenizer().end_of_text]
    if part.mode == "plain":
        return tokenizer().decode_bytes(ids)
    assert [ids.count(mark) for mark in (fim.prefix, fim.suffix, fim.middle)] == [1, 1, 1]
    assert ids[0] == fim.prefix
    suffix_at, middle_at = ids.index(fim.suffix), ids.index(fim.middle)
    before, between, after = ids[1:suffix_at], ids[suffix_at + 1 : middle_at], ids[middle_at + 1 :]
    if part.mode == "spm":
        assert before == []
        return tokenizer().decode_bytes([*after, *between])
    return tokenizer().decode_bytes([*before, *after, *between])


class TestParts:
    @PROPERTY
    @given(wanted=SETTINGS, epoch=st.integers(0, 2))
    def test_every_document_comes_back_from_an_epoch(self, wanted: DataSettings, epoch: int) -> None:
        documents = texts()
        with samples(documents, wanted) as drawn:
            found: dict[int, dict[int, bytes]] = {}
            count = drawn.per_epoch[0]
            for index in range(epoch * count, (epoch + 1) * count):
                parts = drawn.parts(index)
                assert sum(len(part.tokens) for part in parts) <= wanted.length
                for part in parts:
                    text = undone(part)
                    assert found.setdefault(part.piece.document, {}).setdefault(part.piece.start, text) is text
            whole = {number: b"".join(pieces[start] for start in sorted(pieces)) for number, pieces in found.items()}
            assert whole == {number: text.encode() for number, text in enumerate(documents)}

    def test_both_orders_occur_at_their_rate(self) -> None:
        wanted = DataSettings(length=500, fim=FimSettings(rate=0.5, spm=0.25))
        with samples(texts() * 20, wanted) as drawn:
            modes = [part.mode for index in range(drawn.per_epoch[0]) for part in drawn.parts(index)]
            changed = [mode for mode in modes if mode != "plain"]
            assert 0.4 < len(changed) / len(modes) < 0.6
            assert 0.15 < changed.count("spm") / len(changed) < 0.35

    def test_rates_are_by_language(self, tmp_path: Path) -> None:
        made = corpus(tmp_path, texts(), ("python", "markdown"))
        wanted = DataSettings(length=500, fim=FimSettings(rate=1.0, languages={"markdown": 0.0}))
        drawn = Samples([made], tokenizer(), wanted)
        for index in range(drawn.per_epoch[0]):
            for part in drawn.parts(index):
                if part.piece.document % 2:
                    assert part.mode == "plain"

    def test_an_epoch_later_a_document_is_cut_elsewhere(self) -> None:
        with samples([texts()[33]], DataSettings(length=1000, fim=FimSettings(rate=1.0))) as drawn:
            seen = [drawn.parts(index)[0].tokens.tolist() for index in range(5)]
            assert len({tuple(tokens) for tokens in seen}) == 5

    def test_the_cut_parts_have_the_tokens_they_have_alone(self) -> None:
        """As at inference, where prefix and suffix are tokenised each for itself."""
        fim = tokenizer().fim
        assert fim is not None
        wanted = DataSettings(length=2000, fim=FimSettings(rate=1.0, spm=0.0))
        with samples(texts(), wanted) as drawn:
            for index in range(drawn.per_epoch[0]):
                for part in drawn.parts(index):
                    if part.mode == "psm" and part.piece.start == 0:
                        ids = part.tokens.tolist()[:-1]
                        suffix_at, middle_at = ids.index(fim.suffix), ids.index(fim.middle)
                        for run in (ids[1:suffix_at], ids[suffix_at + 1 : middle_at], ids[middle_at + 1 :]):
                            assert tokenizer().encode_bytes(tokenizer().decode_bytes(run)).tolist() == run


class TestBatch:
    @PROPERTY
    @given(wanted=SETTINGS)
    def test_targets_documents_and_positions_belong_together(self, wanted: DataSettings) -> None:
        with samples(texts(), wanted) as drawn:
            batch = drawn.batch(range(6))
            assert batch.tokens.shape == (6, wanted.length)
            for row in range(6):
                at = 0
                for number, part in enumerate(drawn.parts(row)):
                    end = at + len(part.tokens)
                    assert batch.tokens[row, at:end].tolist() == part.tokens.tolist()
                    assert batch.targets[row, at:end].tolist() == [*part.tokens[1:].tolist(), IGNORED]
                    assert (batch.documents[row, at:end] == number).all()
                    assert batch.positions[row, at:end].tolist() == list(range(end - at))
                    at = end
                assert (batch.documents[row, at:] == -1).all()
                assert not batch.loss_mask[row, at:].any()

    def test_tensors_are_the_arrays(self) -> None:
        torch = pytest.importorskip("torch")
        with samples(texts(), DataSettings(length=128)) as drawn:
            batch = drawn.batch(range(2))
            tensors = to_torch(batch)
            assert sorted(tensors) == ["documents", "positions", "targets", "tokens"]
            assert all(torch.equal(tensors[name], torch.from_numpy(getattr(batch, name))) for name in tensors)

    def test_attention_stays_in_the_document_and_the_past(self) -> None:
        with samples(texts(), DataSettings(length=128, fim=PLAIN)) as drawn:
            documents = drawn.batch(range(2)).documents
            mask = attention_mask(documents)
            assert mask.shape == (2, 1, 128, 128)
            for row, query, key in np.ndindex(2, 128, 128):
                allowed = key <= query and documents[row, query] == documents[row, key]
                assert mask[row, 0, query, key] == allowed

    def test_a_sample_does_not_depend_on_what_was_read_before(self) -> None:
        wanted = DataSettings(length=128)
        with samples(texts(), wanted) as one:
            forwards = [one.batch([index]).tokens.tolist() for index in range(30)]
        with samples(texts(), wanted) as other:
            backwards = [other.batch([index]).tokens.tolist() for index in reversed(range(30))]
        assert forwards == backwards[::-1]

    def test_the_seed_decides(self) -> None:
        with (
            samples(texts(), DataSettings(length=128)) as one,
            samples(texts(), DataSettings(length=128, seed=1)) as two,
        ):
            assert one.batch(range(8)).tokens.tolist() != two.batch(range(8)).tokens.tolist()
            assert one.fingerprint != two.fingerprint


class TestAnswers:
    def test_only_what_follows_the_question_is_learnt_and_weighs_more(self, tmp_path: Path) -> None:
        vocabulary = tokenizer()
        marker = vocabulary.id("<|edit_span|>")
        question = np.concatenate([vocabulary.encode("a = b\n"), np.array([marker], vocabulary.dtype)])
        with ShardWriter(tmp_path / "asked", vocabulary) as writer:
            for number in range(40):
                answer = vocabulary.encode(f"b = {number}\n")
                writer.add_tokens(f"{number:032x}", np.concatenate([question, answer]), language="asked")
        plain = corpus(tmp_path / "plain", texts())
        settings = DataSettings(length=128, fim=PLAIN)
        wanted = AnswerSettings(after="<|edit_span|>", weight=5)
        mixed = Samples(
            [plain, open_shards(tmp_path / "asked")],
            vocabulary,
            settings,
            weights=[0.5, 0.5],
            answers=[None, wanted],
        )
        batch = mixed.batch(range(40))
        assert isinstance(batch, WeightedBatch)
        asked = np.array([mixed.locate(index).corpus == 1 for index in range(40)])
        assert asked.any() and not asked.all()
        scored = batch.targets != IGNORED
        assert set(batch.weights[asked][scored[asked]].tolist()) == {5.0}
        assert set(batch.weights[~asked].ravel().tolist()) == {1.0}
        for row in np.flatnonzero(asked):
            first = int(np.flatnonzero(scored[row])[0])
            assert batch.tokens[row, first] == marker
            assert first == len(question) - 1
        assert mixed.fingerprint != Samples(mixed.corpora, vocabulary, settings, weights=[0.5, 0.5]).fingerprint

    def test_a_marker_that_the_vocabulary_lacks(self, tmp_path: Path) -> None:
        plain = corpus(tmp_path, texts())
        with pytest.raises(ValueError, match="no token <nothing>"):
            Samples([plain], tokenizer(), DataSettings(), answers=[AnswerSettings(after="<nothing>")])


class TestMixture:
    @pytest.fixture
    def corpora(self, tmp_path: Path) -> list[Any]:
        return [corpus(tmp_path / str(number), texts(20 + 20 * number)) for number in range(2)]

    def test_weights_are_kept_in_every_period(self, corpora: list[Any]) -> None:
        drawn = Samples(corpora, tokenizer(), DataSettings(length=128), weights=[3, 1])
        for first in (0, 4096):
            chosen = [drawn.locate(index).corpus for index in range(first, first + 4096)]
            assert chosen.count(0) == 3072
            assert 40 < chosen[:100].count(0) < 95  # spread, not in blocks

    def test_every_corpus_goes_through_its_own_epochs_in_order(self, corpora: list[Any]) -> None:
        drawn = Samples(corpora, tokenizer(), DataSettings(length=128), weights=[0.9, 0.1])
        for number in range(2):
            places = [place for place in map(drawn.locate, range(9000)) if place.corpus == number]
            flat = [place.epoch * drawn.per_epoch[number] + place.sample for place in places]
            assert flat == list(range(len(flat)))

    def test_by_default_corpora_weigh_as_much_as_they_hold(self, corpora: list[Any]) -> None:
        drawn = Samples(corpora, tokenizer(), DataSettings(length=128))
        share = corpora[0].tokens / (corpora[0].tokens + corpora[1].tokens)
        chosen = [drawn.locate(index).corpus for index in range(4096)]
        assert abs(chosen.count(0) / 4096 - share) < 0.001

    @pytest.mark.parametrize("weights", [[1], [1, 0], [1, -1], [1, float("nan")], [1, 1e-9]])
    def test_weights_that_make_no_sense(self, corpora: list[Any], weights: list[float]) -> None:
        with pytest.raises(ValueError, match="weight"):
            Samples(corpora, tokenizer(), weights=weights)


class TestRefused:
    def test_no_corpus_and_an_empty_one(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="no corpus"):
            Samples([], tokenizer())
        with pytest.raises(ValueError, match="no documents"):
            Samples([corpus(tmp_path, [])], tokenizer())

    def test_a_corpus_of_another_vocabulary(self, tmp_path: Path) -> None:
        other = train_tokenizer(["x = 1\n" * 9], TrainSettings(vocabulary=300))
        with pytest.raises(ValueError, match="another tokenizer"):
            Samples([corpus(tmp_path, ["x"])], other)

    def test_settings_out_of_range(self) -> None:
        with pytest.raises(ValidationError, match="share from 0 to 1"):
            FimSettings(languages={"python": 2})
        with pytest.raises(ValidationError):
            DataSettings(length=3)
        with pytest.raises(ValidationError):
            DataSettings.model_validate({"lenght": 512})
