"""Packed weights: what comes back, how near it is, and that a model loads from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.model.config import ModelConfig
from quantatissu.model.decoder import Decoder
from quantatissu.model.folders import load_model, save_model
from quantatissu.model.packaged import packaged, packaged_names
from quantatissu.model.packed import GROUP, is_packed, pack_matrix, save_packed, unpack_matrix


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.sampled_from([6, 8]), st.integers(0, 2**32 - 1))
def test_a_weight_is_off_by_half_a_step_at_most(rows: int, groups: int, bits: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    matrix = draw.normal(size=(rows, groups * GROUP)).astype(np.float32) * draw.choice([1e-3, 1.0, 50.0])
    stored, scales = pack_matrix(matrix, bits)
    assert stored.nbytes == matrix.size * bits // 8
    steps = np.repeat(scales.astype(np.float32), GROUP, axis=1)
    assert (np.abs(unpack_matrix(stored, scales) - matrix) <= 0.52 * steps + np.abs(matrix) * 1e-3).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_stored_is_stored_again_unchanged(seed: int) -> None:
    draw = np.random.default_rng(seed)
    matrix = draw.normal(size=(5, 2 * GROUP)).astype(np.float32)
    once = unpack_matrix(*pack_matrix(matrix, 6))
    again = unpack_matrix(*pack_matrix(once, 6))
    assert np.abs(once - again).max() <= np.abs(once).max() * 2e-3


def test_zeros_stay_zeros_and_odd_widths_are_refused() -> None:
    assert not unpack_matrix(*pack_matrix(np.zeros((2, GROUP), np.float32), 6)).any()
    with pytest.raises(ValueError, match="groups of 64"):
        pack_matrix(np.zeros((2, 65), np.float32), 6)


def test_a_model_loads_from_packed_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = ModelConfig(
        vocab_size=128,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
    )
    model = Decoder(config).eval()
    save_model(model, tmp_path)
    save_packed({name: tensor.numpy() for name, tensor in model.state_dict().items()}, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert is_packed(tmp_path)
    loaded = load_model(tmp_path).eval()
    tokens = torch.arange(40)[None]
    with torch.no_grad():
        near = torch.nn.functional.cosine_similarity(model(tokens), loaded(tokens), dim=-1)
    assert near.min() > 0.99
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), loaded.parameters(), strict=True) if a.dim() == 1)


def test_packaged_checkpoints_load_by_name() -> None:
    assert packaged("no-such-model") is None
    for name in packaged_names():
        folder = packaged(name)
        assert folder is not None
        assert load_model(folder).config.vocab_size > 0
        assert all(path.stat().st_size < 16 << 20 for path in folder.iterdir())
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 24 << 20
