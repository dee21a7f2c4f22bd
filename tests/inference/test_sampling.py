"""Draws follow the distribution that the settings describe, and depend on nothing but key and position."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantatissu.foundation import QuantaError
from quantatissu.inference import Sampling
from quantatissu.inference.sampling import Row, Seen, distribution, draw, key_of, log_normalisers, uniforms

LOGITS = np.array([2.0, 1.0, 0.5, -1.0, 3.0, -np.inf], dtype=np.float32)
rows = st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=40)


def softmax(values: np.ndarray) -> np.ndarray:
    found = np.exp(values - values.max())
    return found / found.sum()


def test_each_setting_does_what_it_says() -> None:
    plain = softmax(LOGITS.astype(np.float64))
    assert np.allclose(distribution(LOGITS, Sampling(temperature=1)), plain)
    assert np.allclose(distribution(LOGITS, Sampling(temperature=2)), softmax(LOGITS.astype(np.float64) / 2))
    assert distribution(LOGITS, Sampling()).tolist() == [0, 0, 0, 0, 1, 0]
    two = distribution(LOGITS, Sampling(temperature=1, top_k=2))
    assert np.flatnonzero(two).tolist() == [0, 4] and two.sum() == pytest.approx(1)
    nucleus = distribution(LOGITS, Sampling(temperature=1, top_p=plain[4] + 0.01))
    assert np.flatnonzero(nucleus).tolist() == [0, 4]
    least = distribution(LOGITS, Sampling(temperature=1, min_p=0.2))
    assert np.flatnonzero(least).tolist() == [0, 4]
    biased = distribution(LOGITS, Sampling(temperature=1, bias={3: 100.0, 77: 1.0}))
    assert biased[3] == pytest.approx(1)
    masked = distribution(LOGITS, Sampling(temperature=1), mask=np.array([0b1010], dtype=np.uint32))
    assert np.flatnonzero(masked).tolist() == [1, 3]


def test_penalties_are_those_of_openai_and_of_the_paper() -> None:
    seen = Seen([0], [4, 4, 3])
    once = distribution(LOGITS, Sampling(temperature=1, presence_penalty=1, frequency_penalty=0.5), seen)
    changed = LOGITS.astype(np.float64) - np.array([0, 0, 0, 1.5, 2.0, 0])
    assert np.allclose(once, softmax(changed))
    changed = LOGITS.astype(np.float64)
    changed[[0, 4]] /= 2
    changed[3] *= 2
    assert np.allclose(distribution(LOGITS, Sampling(temperature=1, repetition_penalty=2), seen), softmax(changed))


@given(rows, st.floats(0.1, 3), st.floats(0.05, 1), st.integers(0, 10), st.floats(0, 1))
def test_it_is_a_distribution_over_the_likeliest(
    values: list[float], temperature: float, top_p: float, top_k: int, min_p: float
) -> None:
    logits = np.array(values, dtype=np.float32)
    found = distribution(logits, Sampling(temperature=temperature, top_p=top_p, top_k=top_k, min_p=min_p))
    assert found.sum() == pytest.approx(1) and (found >= 0).all()
    kept = found > 0
    if not kept.all():
        assert logits[kept].min() >= logits[~kept].max() - 1e-6
    assert logits[kept].max() >= logits.max() - 1e-6


@given(rows, st.integers(0, 2**63))
def test_rows_do_not_depend_on_each_other(values: list[float], seed: int) -> None:
    logits = np.tile(np.array(values, dtype=np.float32), (3, 1))
    settings = Sampling(temperature=1.3)
    mine = Row(settings, key_of(seed, 0), 5)
    crowd = [Row(Sampling(), 1, 2), mine, Row(Sampling(temperature=0.5, top_k=2), 9, 9)]
    alone, together = draw(logits[:1], [mine]), draw(logits, crowd)
    assert together.tokens[1] == alone.tokens[0]
    assert together.logprobs[1] == pytest.approx(alone.logprobs[0])
    assert together.tokens[0] == np.argmax(values)


def test_draws_are_as_frequent_as_they_should_be() -> None:
    count, settings = 20_000, Sampling(temperature=1, top_k=4)
    wanted = distribution(LOGITS, settings)
    drawn = draw(np.tile(LOGITS, (count, 1)), [Row(settings, key_of(7, number), 3) for number in range(count)]).tokens
    counts = np.bincount(drawn, minlength=len(LOGITS))
    assert counts[wanted == 0].sum() == 0
    square = ((counts - count * wanted)[wanted > 0] ** 2 / (count * wanted)[wanted > 0]).sum()
    assert square < 16.3  # chi-square with three degrees of freedom goes beyond this once in a thousand


def test_random_numbers_are_uniform_and_differ_by_key_and_position() -> None:
    keys = np.arange(5000, dtype=np.uint64)
    found = uniforms(keys, np.zeros(5000, dtype=np.uint64))
    assert found.min() >= 0 and found.max() < 1
    assert abs(found.mean() - 0.5) < 0.02 and abs(found.var() - 1 / 12) < 0.005
    other = uniforms(keys, np.ones(5000, dtype=np.uint64))
    assert abs(np.corrcoef(found, other)[0, 1]) < 0.05
    assert key_of(1, 0) != key_of(1, 1) and key_of(1, 0) == key_of(1, 0) and key_of(None, 0) != key_of(None, 0)


def test_log_normalisers_survive_large_numbers() -> None:
    logits = np.array([[1000.0, 1000.0], [-1000.0, -np.inf]], dtype=np.float32)
    assert np.allclose(log_normalisers(logits), [1000 + np.log(2), -1000])


@pytest.mark.parametrize(
    "bad",
    [
        *({"temperature": -1}, {"temperature": float("nan")}, {"top_p": 0}, {"top_p": 2}, {"min_p": 3}, {"top_k": -1}),
        *({"stop": ("",)}, {"logprobs": 99}, {"max_tokens": -1}, {"repetition_penalty": 0}, {"presence_penalty": 5}),
    ],
)
def test_values_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(QuantaError, match=next(iter(bad))):
        Sampling(**bad)  # type: ignore[arg-type]
