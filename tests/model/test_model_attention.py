"""Masks, attention by blocks, caches: each against the plain definition."""

import pytest
import torch
from model_support import randomise, relative, tiny, tokens

from quantatissu.model import blockwise
from quantatissu.model.cache import ContiguousCache
from quantatissu.model.decoder import Decoder
from quantatissu.model.generate import generate
from quantatissu.model.masks import Blocks, Causal, Dense, Packed, attend, build_mask

LENGTH = 300  # more than two blocks of queries
PACKED = torch.zeros(2, LENGTH, dtype=torch.int32)
PACKED[0, 40:] = 1
PACKED[0, 290:] = -1
PACKED[1, 299:] = 1


@pytest.fixture(scope="module")
def model():
    made = Decoder(tiny()).double()
    randomise(made)
    return made


def by_definition(q, k, v, allowed):
    """Softmax attention with every score computed."""
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    scores = (q @ k.transpose(2, 3)) * q.shape[-1] ** -0.5
    return scores.masked_fill(~allowed, float("-inf")).softmax(-1) @ v


@pytest.mark.parametrize("documents", [None, PACKED, torch.zeros_like(PACKED)], ids=["none", "packed", "single"])
@pytest.mark.parametrize("kept", [0, 2**30], ids=["recomputed", "kept"])
def test_attention_and_its_gradients_follow_the_definition(documents, kept, monkeypatch):
    monkeypatch.setattr(blockwise, "KEPT_BYTES", kept)
    generator = torch.Generator().manual_seed(0)
    leaves = [
        torch.randn(2, LENGTH, heads, 8, dtype=torch.float64, generator=generator).requires_grad_()
        for heads in (6, 2, 2)
    ]
    q, k, v = (leaf.transpose(1, 2) for leaf in leaves)
    weights = torch.randn(2, 6, LENGTH, 8, dtype=torch.float64, generator=generator)
    allowed = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    if documents is not None:
        allowed = allowed & (documents[:, None, :, None] == documents[:, None, None, :])
    out, expected = attend(q, k, v, build_mask(documents)), by_definition(q, k, v, allowed)
    assert relative(out, expected) < 1e-13
    for got, wanted in zip(
        torch.autograd.grad((out * weights).sum(), leaves),
        torch.autograd.grad((expected * weights).sum(), leaves),
        strict=True,
    ):
        assert relative(got, wanted) < 1e-12


def test_kinds_of_masks():
    assert build_mask(None) == Causal()
    assert build_mask(torch.zeros_like(PACKED)) == Causal()
    assert isinstance(build_mask(PACKED), Packed)
    assert isinstance(build_mask(PACKED, flex=False), Dense)
    assert isinstance(build_mask(PACKED, flex=True), Blocks)


def test_the_block_mask_of_flex_attention_is_the_same_mask():
    mask = build_mask(PACKED, flex=True)
    dense = build_mask(PACKED, flex=False)
    q = torch.arange(LENGTH)
    allowed = torch.stack(
        [mask.blocks.mask_mod(torch.tensor(row), torch.tensor(0), q[:, None], q[None, :]) for row in range(2)]
    )
    assert torch.equal(allowed, dense.allowed[:, 0])


@pytest.mark.parametrize("flex", [None, False])
def test_packed_documents_are_as_if_alone(model, flex):
    ids = tokens(2, LENGTH)
    together = model(ids, mask=build_mask(PACKED, flex=flex))
    alone = model(ids[:1, 40:290])
    assert relative(together[:1, 40:290], alone) < 1e-5  # RoPE only knows distances, up to the fp32 of its angles
    restarted = torch.cat([torch.arange(40), torch.arange(250), torch.arange(10)])[None]
    placed = model(ids[:1], documents_BT=PACKED[:1], positions_BT=restarted)
    assert torch.allclose(placed[:, 40:290], alone, rtol=0, atol=1e-12)


def test_a_token_never_sees_a_later_one(model):
    ids = tokens(1, 150)
    changed = ids.clone()
    changed[0, 140] = (changed[0, 140] + 1) % 61
    before, after = model(ids), model(changed)
    assert torch.equal(before[:, :128], after[:, :128])
    assert torch.allclose(before[:, :140], after[:, :140], rtol=0, atol=1e-12)
    assert not torch.allclose(before[:, 140:], after[:, 140:], rtol=0, atol=1e-3)


@pytest.mark.parametrize("steps", [[20], [1] * 20, [7, 1, 9, 3]])
@torch.no_grad()
def test_a_cache_changes_nothing(model, steps):
    ids = tokens(2, 20)
    cache = ContiguousCache(model.config, rows=2, capacity=20, dtype=torch.float64)
    parts = [model(part, cache=cache) for part in ids.split(steps, dim=1)]
    assert cache.length == 20
    assert torch.allclose(torch.cat(parts, 1), model(ids), rtol=0, atol=1e-10)


@torch.no_grad()
def test_a_cache_can_be_cut_back_and_is_bounded(model):
    ids = tokens(1, 12)
    cache = ContiguousCache(model.config, rows=1, capacity=12, dtype=torch.float64)
    model(ids, cache=cache)
    cache.truncate(5)
    assert torch.allclose(model(ids[:, 5:], cache=cache), model(ids)[:, 5:], rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match="12 tokens cannot take 13"):
        model(ids[:, :1], cache=cache)


def test_generation_stops_row_by_row_and_samples_by_seed(model):
    prompt = tokens(3, 4)
    greedy = generate(model, prompt, new_tokens=12)
    assert greedy.shape == (3, 16)
    stop = int(greedy[0, 6])
    stopped = generate(model, prompt, new_tokens=12, stop=[stop])
    first = next(i for i in range(4, 16) if greedy[0, i] == stop)
    assert torch.equal(stopped[0, : first + 1], greedy[0, : first + 1])
    assert (stopped[0, first:] == stop).all()

    def sample(seed):
        return generate(model, prompt, new_tokens=12, temperature=1.0, generator=torch.Generator().manual_seed(seed))

    assert torch.equal(sample(1), sample(1))
    assert not torch.equal(sample(1), sample(2))


def test_bfloat16_stays_close(model):
    ids = tokens(2, 200)
    narrow = Decoder(model.config)
    narrow.load_state_dict(model.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        hidden = narrow(ids)
    assert hidden.dtype == torch.bfloat16
    assert relative(hidden, model(ids)) < 0.03
