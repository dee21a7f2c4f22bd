"""Shapes and the counts that follow from them."""

from dataclasses import asdict, replace

import pytest
import torch
from model_support import SCALINGS, tiny

from quantatissu.foundation import QuantaError
from quantatissu.model import ModelConfig, shape, shape_names
from quantatissu.model.decoder import Decoder

SIZES = {"nano": 5e6, "tissu": 28e6, "60m": 60e6, "160m": 160e6, "400m": 400e6, "1b": 1e9, "7b": 7e9, "30b": 30e9}


def test_every_shape_is_as_large_as_its_name():
    assert shape_names() == list(SIZES)
    for name, size in SIZES.items():
        assert shape(name).parameters == pytest.approx(size, rel=0.03), name


@pytest.mark.parametrize("name", SIZES)
def test_parameters_are_those_of_the_module(name):
    config = shape(name)
    config = replace(config, num_hidden_layers=min(config.num_hidden_layers, 3))
    assert_counts(config)


@pytest.mark.parametrize(
    "changes",
    [
        {"tie_word_embeddings": False, "attention_bias": True},
        {"architecture": "qwen2"},
        {"architecture": "llama", "attention_bias": True, "mlp_bias": True},
    ],
)
def test_parameters_of_other_architectures(changes):
    assert_counts(tiny(**changes))


def assert_counts(config):
    with torch.device("meta"):
        model = Decoder(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == config.parameters


def test_flops_are_six_per_weight_and_causal_attention():
    config = tiny()
    projections = 2 * (32 * 64 * 2 + 32 * 32 * 2 + 3 * 32 * 48)
    head = 61 * 32
    assert config.matmul_parameters == projections + head
    # two products of 64 numbers with 100 / 2 tokens, 2 FLOPs each, 2 layers, 3 for forward and backward
    assert config.flops_per_token(100) == 6 * (projections + head) + 2 * 64 * 50 * 2 * 2 * 3


def test_unknown_shape_names_the_nearest():
    with pytest.raises(QuantaError, match="Did you mean tissu"):
        shape("tisu")
    with pytest.raises(QuantaError, match="There are: nano"):
        shape("../../pyproject")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"num_key_value_heads": 3}, "multiple"),
        ({"head_dim": 7}, "even"),
        ({"architecture": "qwen2", "attention_bias": True}, "qwen2"),
        ({"mlp_bias": True}, "mlp_bias"),
        ({"architecture": "gpt2"}, "architecture"),
        ({"hidden_sise": 3}, "hidden_sise"),
        ({"rope_scaling": {"rope_type": "longrope"}}, "longrope"),
        ({"rope_scaling": {"rope_type": "linear"}}, "rope_scaling: factor is missing"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 0.5}}, "rope_scaling: factor must be at least 1, not 0.5"),
        ({"rope_scaling": {"rope_type": "linear", "factor": 2, "factr": 2}}, "there is no factr"),
        ({"vocab_size": "61"}, "vocab_size must be a whole number above 0, not '61'"),
        ({"vocab_size": True}, "vocab_size"),
        ({"hidden_size": 0}, "hidden_size"),
        ({"rope_theta": float("nan")}, "rope_theta must be a number"),
        ({"rms_norm_eps": 0}, "rms_norm_eps must be above 0"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings must be true or false"),
        ({"eos_token_id": [1, "2"]}, "eos_token_id must be a whole number"),
    ],
)
def test_inconsistent_configs_are_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        tiny(**changes)


def test_whole_numbers_may_be_written_as_others():
    config = ModelConfig.of(asdict(tiny()) | {"vocab_size": 61.0, "rope_theta": 10_000, "eos_token_id": [1, 2]})
    assert (config.vocab_size, config.eos_token_id) == (61, (1, 2))
    assert isinstance(config.vocab_size, int) and isinstance(config.rope_theta, float)


def test_head_dimension_follows_from_the_others():
    fields = asdict(tiny()) | {"head_dim": None, "rope_scaling": SCALINGS["llama3"]}
    config = ModelConfig.of(fields)
    assert config.head_dim == 8
    assert ModelConfig.of(asdict(config)) == config
