"""The same weights in transformers and here: logits, gradients, folders in both directions."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from model_support import SCALINGS, randomise, relative, tiny, tokens

from quantatissu.model.decoder import Decoder
from quantatissu.model.folders import load_model, save_model
from quantatissu.model.generate import generate
from quantatissu.model.hf_config import from_hugging_face, load_config, to_hugging_face

transformers = pytest.importorskip("transformers")

END = 3
CASES = {
    "qwen3": {},
    "qwen3-untied-bias": {"tie_word_embeddings": False, "attention_bias": True, "rope_theta": 500.0},
    "qwen2": {"architecture": "qwen2"},
    "llama": {"architecture": "llama", "tie_word_embeddings": False, "head_dim": 8},
    "llama-biases": {"architecture": "llama", "attention_bias": True, "mlp_bias": True},
    **{f"llama-{name}": {"architecture": "llama", "rope_scaling": scaling} for name, scaling in SCALINGS.items()},
    "qwen3-yarn-default": {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}},
}


def reference(config, folder):
    """transformers' model with random weights, saved in `folder`."""
    table = to_hugging_face(config, dtype="float32")
    theirs = transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.for_model(table.pop("model_type"), **table), attn_implementation="eager"
    ).float()
    randomise(theirs)
    theirs.save_pretrained(folder)
    return theirs


@pytest.mark.parametrize("case", CASES)
def test_logits_and_gradients_are_those_of_transformers(case, tmp_path):
    config = tiny(**CASES[case])
    theirs = reference(config, tmp_path / "theirs")
    ours = load_model(tmp_path / "theirs")
    length = 80 if "dynamic" in case else 40  # dynamic scaling begins beyond 64 positions
    ids = tokens(2, length + 1)

    logits = ours.logits(ours(ids[:, :-1]))
    expected = theirs(ids[:, :-1]).logits
    assert (logits - expected).abs().max() < 1e-4
    F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
    F.cross_entropy(expected.flatten(0, 1), ids[:, 1:].flatten()).backward()
    gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    mine = dict(ours.named_parameters())
    assert set(mine) == set(gradients)
    for name, parameter in mine.items():
        # Softmax takes no notice of a bias on the keys: its true gradient is zero, and both compute rounding.
        if not name.endswith("k_proj.bias"):
            assert relative(parameter.grad, gradients[name]) < 1e-5, name


@pytest.mark.parametrize("case", ["qwen3", "qwen3-untied-bias", "qwen2", "llama-llama3", "llama-yarn-mscale"])
def test_transformers_loads_what_is_saved(case, tmp_path):
    model = Decoder(tiny(**CASES[case]))
    randomise(model)
    save_model(model, tmp_path, shard_bytes=8_000)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    ids = tokens(1, 40)
    with torch.no_grad():
        assert (theirs(ids).logits - model.logits(model(ids))).abs().max() < 1e-4


def test_generation_agrees_with_transformers(tmp_path):
    model = Decoder(tiny(eos_token_id=END))
    randomise(model)
    save_model(model, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    prompt = tokens(2, 7)
    expected = theirs.generate(prompt, max_new_tokens=20, do_sample=False, pad_token_id=END)
    got = generate(model, prompt, new_tokens=20, stop=[END])
    assert torch.equal(got, expected)


@pytest.mark.parametrize("case", CASES)
def test_config_survives_the_round_trip_through_transformers(case, tmp_path):
    config = tiny(**CASES[case], eos_token_id=(1, 2), bos_token_id=4)
    table = to_hugging_face(config, dtype="bfloat16")
    (tmp_path / "config.json").write_text(json.dumps(table))
    transformers.AutoConfig.from_pretrained(tmp_path).save_pretrained(tmp_path / "again")
    again = load_config(tmp_path / "again")
    if case == "qwen3-yarn-default":  # the trained length is written out
        config = replace(config, rope_scaling=again.rope_scaling)
    assert again == from_hugging_face(table) == config
