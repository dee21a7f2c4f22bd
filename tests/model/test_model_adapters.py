"""LoRA, DoRA and QLoRA: exchanged with PEFT, merged, quantised."""

import json

import pytest
import torch
from model_support import randomise, relative, tiny, tokens
from safetensors.torch import load_file, save_file

from quantatissu.foundation import QuantaError
from quantatissu.model.adapters import AdapterConfig, adapter_parameters, attach, load_adapter, merge, nf4, save_adapter
from quantatissu.model.decoder import Decoder
from quantatissu.model.folders import load_model, save_model

KINDS = {
    "lora": AdapterConfig(rank=4, alpha=6.0),
    "few": AdapterConfig(rank=2, targets=("q_proj", "down_proj"), rank_stabilised=True),
    "dora": AdapterConfig(rank=4, alpha=6.0, dora=True),
}


def base(**changes):
    model = Decoder(tiny(**changes))
    randomise(model)
    return model


def trained(config, **changes):
    """A model with an adapter far from zero."""
    model = base(**changes)
    attach(model, config)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in adapter_parameters(model).values():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.eval()


@torch.no_grad()
def logits(model):
    return model.logits(model(tokens(2, 20)))


@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_adapter_changes_nothing_and_only_it_is_trained(kind):
    model = base()
    before = logits(model)
    attach(model, KINDS[kind])
    assert torch.allclose(logits(model), before, atol=1e-5)
    assert all("lora_" in name for name in adapter_parameters(model))
    ids = tokens(2, 20)
    model.logits(model(ids)).square().mean().backward()
    # B starts at zero, so at first A has a gradient of zero.
    assert all(p.grad.abs().sum() > 0 for name, p in adapter_parameters(model).items() if "lora_B" in name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("architecture", ["qwen3", "qwen2"])
def test_peft_loads_what_is_saved_and_the_other_way(kind, architecture, tmp_path):
    transformers, peft = pytest.importorskip("transformers"), pytest.importorskip("peft")
    save_model(base(architecture=architecture), tmp_path / "base")
    ours = trained(KINDS[kind], architecture=architecture)
    save_adapter(ours, KINDS[kind], tmp_path / "adapter", base=str(tmp_path / "base"))
    theirs = peft.PeftModel.from_pretrained(
        transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base"), tmp_path / "adapter"
    ).eval()
    with torch.no_grad():
        expected = theirs(tokens(2, 20)).logits
    assert (logits(ours) - expected).abs().max() < 1e-4
    theirs.save_pretrained(tmp_path / "again")
    model = load_model(tmp_path / "base")
    config = load_adapter(model, tmp_path / "again")
    assert config == KINDS[kind]
    assert (logits(model.eval()) - expected).abs().max() < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_merging_keeps_what_is_computed_and_leaves_a_plain_model(kind, tmp_path):
    model = trained(KINDS[kind])
    before = logits(model)
    with pytest.raises(AssertionError, match="merged first"):
        save_model(model, tmp_path)
    merge(model)
    assert torch.allclose(logits(model), before, atol=1e-4)
    assert not torch.allclose(before, logits(base()), atol=1e-2)
    save_model(model, tmp_path)
    assert torch.equal(logits(load_model(tmp_path)), logits(model))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_dropout_acts_in_training_only():
    config = AdapterConfig(rank=4, dropout=0.5, dora=True)
    model = trained(config)
    assert torch.equal(logits(model), logits(model))
    model.train()
    assert not torch.equal(logits(model), logits(model))


@pytest.mark.parametrize("dora", [False, True])
def test_qlora_trains_and_merges_what_it_trained_on(dora):
    model = base(hidden_size=64, intermediate_size=128)
    config = AdapterConfig(rank=4, quantise="nf4", dora=dora)
    plain = logits(model)
    attach(model, config)
    start = logits(model)
    assert 0.001 < relative(start, plain) < 0.5  # the rounding, and no more than the rounding
    ids = tokens(2, 20)
    optimizer = torch.optim.AdamW(adapter_parameters(model).values(), lr=1e-2)
    losses = []
    for _ in range(8):
        with torch.autocast("cpu", torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(model.logits(model(ids)).float().flatten(0, 1), ids.flatten())
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0] - 0.3
    after = logits(model)
    merge(model)
    assert torch.allclose(logits(model), after, atol=1e-4)


@pytest.mark.parametrize("size", [(64, 64), (7, 33), (300, 129)])
def test_nf4_is_close_and_four_bits(size):
    weight = torch.randn(size, generator=torch.Generator().manual_seed(0))
    packed = nf4.quantise(weight, backend="torch")
    back = nf4.dequantise(packed, torch.float32, backend="torch")
    assert back.shape == weight.shape
    assert packed.codes.numel() == (weight.numel() + 1) // 2
    assert relative(back, weight) < 0.11
    # Each weight is rounded to the nearest level, except for the rounding of the scale itself.
    assert float((back - weight).abs().max()) < 0.5 * 0.304 * float(weight.abs().max()) + 0.05


@pytest.mark.parametrize("size", [(64, 64), (300, 128)])
def test_nf4_is_the_format_of_bitsandbytes(size):
    pytest.importorskip("bitsandbytes")
    weight = torch.randn(size, generator=torch.Generator().manual_seed(1)) * 0.05
    ours, theirs = nf4.quantise(weight, backend="torch"), nf4.quantise(weight, backend="bitsandbytes")
    # A value in the middle of two levels may go either way.
    assert (ours.codes != theirs.codes).float().mean() < 0.002
    assert (ours.scales != theirs.scales).float().mean() < 0.005
    assert torch.allclose(ours.magnitudes, theirs.magnitudes)
    assert torch.allclose(ours.offset, theirs.offset)
    crossed = nf4.dequantise(ours, torch.float32, backend="bitsandbytes")
    assert torch.allclose(crossed, nf4.dequantise(ours, torch.float32, backend="torch"), atol=1e-6)


def test_zero_blocks_survive():
    packed = nf4.quantise(torch.zeros(2, 64), backend="torch")
    assert bool((nf4.dequantise(packed, torch.float32, backend="torch") == 0).all())


@pytest.fixture
def saved(tmp_path):
    save_adapter(trained(KINDS["lora"]), KINDS["lora"], tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"peft_type": "IA3"}, "not a LoRA"),
        ({"bias": "all"}, "bias"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"rank_pattern": {"q_proj": 2}}, "rank_pattern"),
        ({"r": "four"}, "numbers"),
        ({"r": 5}, "does not fit"),
        ({"use_dora": True}, "does not fit"),
    ],
)
def test_adapters_that_would_compute_something_else_are_refused(saved, changes, says):
    path = saved / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(QuantaError, match=says):
        load_adapter(base(), saved)


def test_an_adapter_of_another_model_is_refused(saved):
    with pytest.raises(QuantaError, match="does not fit"):
        load_adapter(base(num_hidden_layers=3), saved)
    weights = load_file(saved / "adapter_model.safetensors")
    weights["base_model.model.lm_head.lora_A.weight"] = torch.ones(4, 32)
    save_file(weights, saved / "adapter_model.safetensors")
    with pytest.raises(QuantaError, match="lm_head"):
        load_adapter(base(), saved)


def test_folders_without_an_adapter_say_so(saved):
    (saved / "adapter_model.safetensors").rename(saved / "adapter_model.bin")
    with pytest.raises(QuantaError, match="runs code"):
        load_adapter(base(), saved)
    (saved / "adapter_config.json").unlink()
    with pytest.raises(QuantaError, match="not the folder of an adapter"):
        load_adapter(base(), saved)
