"""Folders that are written, read back, damaged, or not for this decoder."""

import json

import pytest
import torch
from model_support import randomise, tiny
from safetensors.torch import load_file, save_file

from quantatissu.foundation import QuantaError
from quantatissu.model.decoder import Decoder
from quantatissu.model.folders import load_model, save_model
from quantatissu.model.hf_config import from_hugging_face, to_hugging_face


@pytest.fixture
def model():
    made = Decoder(tiny())
    randomise(made)
    return made


def test_what_is_saved_is_read_back_exactly(model, tmp_path):
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    assert again.config == model.config
    assert all(torch.equal(again.state_dict()[name], value) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in again.parameters())


def test_dtypes_of_saving_and_loading(model, tmp_path):
    save_model(model, tmp_path, dtype=torch.bfloat16)
    assert json.loads((tmp_path / "config.json").read_text())["torch_dtype"] == "bfloat16"
    assert {p.dtype for p in load_model(tmp_path).parameters()} == {torch.bfloat16}
    wide = load_model(tmp_path, dtype=torch.float32)
    assert torch.equal(wide.head_weight, model.head_weight.bfloat16().float())


def test_shards_are_bounded_and_a_later_save_leaves_none_behind(model, tmp_path):
    save_model(model, tmp_path, shard_bytes=10_000)
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) > 2
    for file in files:
        held = load_file(file)
        assert len(held) == 1 or sum(t.numel() * 4 for t in held.values()) <= 10_000
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == model.config.parameters * 4
    assert torch.equal(load_model(tmp_path).head_weight, model.head_weight)
    save_model(model, tmp_path)
    assert [file.name for file in tmp_path.iterdir() if "safetensors" in file.name] == ["model.safetensors"]
    assert torch.equal(load_model(tmp_path).head_weight, model.head_weight)


def test_a_tied_head_and_old_frequencies_in_the_file_are_taken_as_redundant(model, tmp_path):
    save_model(model, tmp_path)
    path = tmp_path / "model.safetensors"
    held = load_file(path)
    held["lm_head.weight"] = held["model.embed_tokens.weight"].clone()
    held["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    save_file(held, path)
    assert torch.equal(load_model(tmp_path).head_weight, model.head_weight)


def drop(held):
    del held["model.norm.weight"]


def add(held):
    held["model.layers.7.mlp.up_proj.weight"] = torch.ones(2, 2)


def reshape(held):
    held["model.norm.weight"] = torch.ones(5)


@pytest.mark.parametrize(
    ("damage", "says"),
    [(drop, "lacks model.norm.weight"), (add, "layers.7"), (reshape, r"\[5\], config.json says \[32\]")],
)
def test_weights_that_do_not_fit_are_refused(model, tmp_path, damage, says):
    save_model(model, tmp_path)
    held = load_file(tmp_path / "model.safetensors")
    damage(held)
    save_file(held, tmp_path / "model.safetensors")
    with pytest.raises(QuantaError, match=says):
        load_model(tmp_path)


def test_pickled_weights_are_not_opened(model, tmp_path):
    save_model(model, tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(QuantaError, match="runs code"):
        load_model(tmp_path)


def test_truncated_weights_are_refused(model, tmp_path):
    save_model(model, tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(QuantaError, match="cannot be read"):
        load_model(tmp_path)


def test_a_missing_shard_is_named(model, tmp_path):
    save_model(model, tmp_path, shard_bytes=10_000)
    sorted(tmp_path.glob("*.safetensors"))[1].unlink()
    with pytest.raises(QuantaError, match="model-00002-of"):
        load_model(tmp_path)


def test_an_index_cannot_lead_out_of_the_folder(model, tmp_path):
    save_model(model, tmp_path, shard_bytes=10_000)
    index = tmp_path / "model.safetensors.index.json"
    table = json.loads(index.read_text())
    table["weight_map"] = dict.fromkeys(table["weight_map"], "../elsewhere.safetensors")
    index.write_text(json.dumps(table))
    with pytest.raises(QuantaError, match="of files in this folder"):
        load_model(tmp_path)


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(QuantaError, match=r"no config\.json"):
        load_model(tmp_path)


def changed(**changes):
    return {**to_hugging_face(tiny(), dtype="float32"), **changes}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model_type": "gpt2"}, "gpt2"),
        ({"hidden_act": "gelu"}, "gelu"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantised"),
        ({"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 1}, "sliding-window"),
        (
            {"use_sliding_window": True, "sliding_window": 16, "layer_types": ["sliding_attention"] * 2},
            "sliding-window",
        ),
        ({"rope_scaling": {"rope_type": "longrope", "factor": 2}}, "longrope"),
        ({"partial_rotary_factor": 0.5}, "part of each head"),
        ({"hidden_size": "wide"}, "hidden_size"),
        ({"num_key_value_heads": 3}, "multiple"),
    ],
)
def test_configs_this_decoder_cannot_be_are_refused(changes, says):
    with pytest.raises(QuantaError, match=says):
        from_hugging_face(changed(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"use_sliding_window": False, "sliding_window": 16},
        {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 2},
        {"use_sliding_window": True, "sliding_window": 64, "max_window_layers": 0},
        {"use_sliding_window": True, "sliding_window": 16, "layer_types": ["full_attention"] * 2},
    ],
)
def test_windows_that_never_cut_anything_off_are_accepted(changes):
    assert from_hugging_face(changed(**changes)) == tiny()


def test_older_spelling_of_scalings():
    config = from_hugging_face(changed(rope_scaling={"type": "linear", "factor": 3.0}))
    assert config.rope_scaling is not None
    assert config.rope_scaling.factor == 3.0
    assert from_hugging_face(changed(rope_scaling={"type": "default"})).rope_scaling is None


def test_what_is_ignored_is_said():
    with pytest.warns(UserWarning, match="attention_dropout"):
        from_hugging_face(changed(attention_dropout=0.1))
