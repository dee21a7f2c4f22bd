"""Shapes and the counts that follow from them."""

import pytest
import torch
from model_support import SCALINGS, tiny
from pydantic import ValidationError

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
    config = config.model_copy(update={"num_hidden_layers": min(config.num_hidden_layers, 3)})
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
    ],
)
def test_inconsistent_configs_are_refused(changes, says):
    with pytest.raises(ValidationError, match=says):
        tiny(**changes)


def test_head_dimension_follows_from_the_others():
    fields = tiny().model_dump() | {"head_dim": None, "rope_scaling": SCALINGS["llama3"]}
    config = ModelConfig.model_validate(fields)
    assert config.head_dim == 8
    assert ModelConfig.model_validate(config.model_dump()) == config
