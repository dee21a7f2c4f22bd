"""GGUF files: what goes in comes out, for every architecture; what llama.cpp cannot be told is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from model_support import SCALINGS, randomise, tiny

from quantatissu.cli.main import main
from quantatissu.foundation import QuantaError
from quantatissu.model.decoder import Decoder
from quantatissu.model.folders import load_model, save_model
from quantatissu.model.gguf import export_gguf, import_gguf
from quantatissu.model.gguf.fields import llama3_factors
from quantatissu.model.gguf.names import from_gguf, halved, interleaved, to_gguf
from quantatissu.model.gguf.vocabulary import to_vocabulary
from quantatissu.model.hf_config import load_config
from quantatissu.model.rope import inverse_frequencies
from quantatissu.tokenizer import TrainSettings, load_tokenizer, save_tokenizer, train_tokenizer

TEXTS = [Path(pytest.__file__).read_text(), Path(__file__).read_text()]
SHAPES: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "qwen2": {"architecture": "qwen2"},
    "llama": {"architecture": "llama", "tie_word_embeddings": False},
    "llama-biases": {"architecture": "llama", "attention_bias": True, "mlp_bias": True},
    "linear": {"rope_scaling": SCALINGS["linear"]},
    "yarn": {"rope_scaling": SCALINGS["yarn"]},
    "yarn-factor": {"rope_scaling": {**SCALINGS["yarn"], "attention_factor": 1.25}},
    "llama3": {
        "architecture": "llama",
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    },
}


def folder(path: Path, *, kind: str = "bpe", **changes: Any) -> Path:
    tokenizer = train_tokenizer(TEXTS, TrainSettings(kind=kind, vocabulary=320))
    fields = {"vocab_size": tokenizer.vocabulary + 3, "intermediate_size": 64, "eos_token_id": tokenizer.end_of_text}
    model = Decoder(tiny(**{**fields, **changes}))
    randomise(model)
    save_model(model, path)
    save_tokenizer(tokenizer, path)
    return path


@pytest.mark.parametrize("name", SHAPES)
def test_a_model_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    source = folder(tmp_path / "model", **SHAPES[name])
    export_gguf(source, tmp_path / "model.gguf", kind="f32")
    config = import_gguf(tmp_path / "model.gguf", tmp_path / "back", dtype=torch.float32)
    assert config == load_config(source) == load_config(tmp_path / "back")
    one, other = load_model(source).state_dict(), load_model(tmp_path / "back").state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(tensor, other[key]) for key, tensor in one.items())
    assert load_tokenizer(source).fingerprint == load_tokenizer(tmp_path / "back").fingerprint
    for file in ("tokenizer_config.json", "config.json"):
        assert (tmp_path / "back" / file).read_text() == (source / file).read_text()


@pytest.mark.parametrize(
    ("kind", "error"), [("f16", 1e-3), ("bf16", 1e-2), ("q8_0", 1e-2), ("q4_0", 0.15), ("q4_1", 0.1)]
)
def test_types_lose_what_they_may(tmp_path: Path, kind: Any, error: float) -> None:
    source = folder(tmp_path / "model", **SHAPES["llama"])
    written = export_gguf(source, tmp_path / "model.gguf", kind=kind)
    assert written.size == (tmp_path / "model.gguf").stat().st_size
    import_gguf(tmp_path / "model.gguf", tmp_path / "back", dtype=torch.float32)
    back = load_model(tmp_path / "back").state_dict()
    for name, tensor in load_model(source).state_dict().items():
        lost = (back[name] - tensor).norm() / tensor.norm()
        assert lost <= (0 if tensor.dim() == 1 else error), name


def test_a_vocabulary_is_told_with_its_kinds_and_merges(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(folder(tmp_path / "model"))
    told = to_vocabulary(tokenizer, tokenizer.vocabulary + 3)
    assert told.model == "gpt2" and told.pre == "llama-bpe" and not told.exact
    assert len(told.tokens) == len(set(told.tokens)) == tokenizer.vocabulary + 3
    assert told.kinds[tokenizer.end_of_text or 0] == 3
    assert told.kinds[-3:] == [5, 5, 5]
    assert all(len(merge.split(" ")) == 2 for merge in told.merges) and told.merges


def test_a_vocabulary_that_is_not_bpe_is_refused(tmp_path: Path) -> None:
    source = folder(tmp_path / "model", kind="unigram")
    with pytest.raises(QuantaError, match="only BPE"):
        export_gguf(source, tmp_path / "model.gguf")
    assert not list(tmp_path.glob("*.gguf*"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rope_scaling": SCALINGS["dynamic"]}, "no dynamic RoPE"),
        ({"rope_scaling": SCALINGS["yarn-mscale"]}, "mscale"),
        ({"attention_bias": True}, "no biases"),
    ],
)
def test_what_llama_cpp_would_compute_differently_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(QuantaError, match=said):
        export_gguf(folder(tmp_path / "model", **changes), tmp_path / "model.gguf")


def test_rows_that_no_block_fits_are_refused(tmp_path: Path) -> None:
    source = folder(tmp_path / "model", intermediate_size=48)
    with pytest.raises(QuantaError, match="intermediate_size is 48"):
        export_gguf(source, tmp_path / "model.gguf", kind="q8_0")
    export_gguf(source, tmp_path / "model.gguf", kind="f16")


def test_a_file_that_is_cut_off_or_something_else_is_refused(tmp_path: Path) -> None:
    export_gguf(folder(tmp_path / "model"), tmp_path / "model.gguf")
    whole = (tmp_path / "model.gguf").read_bytes()
    for number, bad in enumerate((b"", b"GGUF", whole[:500], whole[: len(whole) // 2], b"x" * 5000)):
        file = tmp_path / f"{number}.gguf"
        file.write_bytes(bad)
        with pytest.raises(QuantaError):
            import_gguf(file, tmp_path / "back")
    assert not (tmp_path / "back" / "config.json").exists()


@given(st.integers(0, 2**32 - 1))
def test_rows_change_places_and_back(seed: int) -> None:
    config = tiny(architecture="llama")
    rows = np.random.default_rng(seed).normal(size=(config.num_attention_heads * config.head_dim, 3))
    name = "model.layers.1.self_attn.q_proj.weight"
    there = interleaved(name, rows, config)
    assert sorted(map(tuple, there)) == sorted(map(tuple, rows)) and not np.array_equal(there, rows)
    assert np.array_equal(halved(name, there, config), rows)


def test_every_parameter_has_a_name_there() -> None:
    for changes in SHAPES.values():
        with torch.device("meta"):
            names = [name for name, _ in Decoder(tiny(**changes)).named_parameters()]
        assert [from_gguf(to_gguf(name)) for name in names] == names
    assert from_gguf("blk.0.ssm_in.weight") is None and from_gguf("rope_freqs.weight") is None


def test_the_factors_of_llama_3_are_those_of_its_frequencies() -> None:
    config = tiny(**{**SHAPES["llama3"], "rope_theta": 500_000.0, "head_dim": 64})
    scaled, _ = inverse_frequencies(config, torch.arange(4))
    plain, _ = inverse_frequencies(replace(config, rope_scaling=None), torch.arange(4))
    assert torch.allclose(plain / torch.tensor(llama3_factors(config)), scaled)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


def test_the_verbs_go_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = folder(tmp_path / "model")
    (source / "README.md").write_text("# A model\n")
    assert run("export", str(source), str(tmp_path / "out"), "--format", "gguf", "--type", "f32") == 0
    assert "note: llama.cpp has no rule" in capsys.readouterr().out
    assert (tmp_path / "out/README.md").read_text().startswith("# A model\n\n## This copy\n\n`model-f32.gguf`")
    assert run("import", str(tmp_path / "out/model-f32.gguf"), str(tmp_path / "back"), "--type", "f32") == 0
    assert run("export", str(tmp_path / "back"), str(tmp_path / "hf"), "--type", "f32") == 0
    one, other = (load_model(path).state_dict() for path in (source, tmp_path / "hf"))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert (tmp_path / "hf/generation_config.json").is_file() and (tmp_path / "hf/README.md").is_file()


def test_the_exported_folder_is_one_for_transformers(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = folder(tmp_path / "model")
    assert run("export", str(source), str(tmp_path / "hf"), "--type", "f32") == 0
    ids = AutoTokenizer.from_pretrained(tmp_path / "hf")("def main():\n", return_tensors="pt").input_ids
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "hf")(ids).logits
    ours = load_model(source)
    assert torch.allclose(ours.logits(ours(ids)), theirs, atol=1e-4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "nothing-there", "out"), "not the folder of a model"),
        (("export", "MODEL", "out", "--type", "q8_0"), "--type is 'q8_0'"),
        (("export", "MODEL", "out", "--format", "onnx"), "--format is 'onnx'"),
        (("export", "MODEL", "MODEL"), "onto itself"),
        (("import", "MODEL", "out"), "cannot read"),
        (("import", "missing.gguf", "MODEL"), "holds a model already"),
    ],
)
def test_what_makes_no_sense_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    source = folder(tmp_path / "model")
    places = {"MODEL": str(source), "out": str(tmp_path / "out"), "missing.gguf": str(tmp_path / "missing.gguf")}
    assert run(*(places.get(word, word) for word in words)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
