"""LoRA adapters by name: each row of a step under its own, and what each says is what the merged model says."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from engine_cases import SHAPES, greedy, model, prompt, tokenizer

from quantatissu.foundation import QuantaError
from quantatissu.inference import Request, Sampling
from quantatissu.inference.local import LocalEngine
from quantatissu.inference.opening import open_engine
from quantatissu.inference.torch_runner import TorchRunner
from quantatissu.model.adapters import AdapterConfig, attach, merge, save_adapter
from quantatissu.model.decoder import Decoder
from quantatissu.model.folders import save_model
from quantatissu.model.generate import generate
from quantatissu.tokenizer import save_tokenizer

CONFIGS = {
    "every": AdapterConfig(rank=4, alpha=16),
    "few": AdapterConfig(rank=3, alpha=9, targets=("v_proj", "up_proj"), rank_stabilised=True),
    "dora": AdapterConfig(rank=4, alpha=8, dora=True),
    "one-dora": AdapterConfig(rank=2, alpha=8, dora=True, targets=("q_proj", "down_proj")),
}


def adapted(name: str, config: AdapterConfig, folder: Path | None = None) -> Decoder:
    """A copy of the model with random adapters merged; the adapters go to ``folder``."""
    made = copy.deepcopy(model(name))
    attach(made, config)
    generator = torch.Generator().manual_seed(config.rank + len(config.targets))
    with torch.no_grad():
        for key, parameter in made.named_parameters():
            if "lora_B" in key:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
            elif "lora_A" in key:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
            elif "magnitude" in key:
                parameter.mul_(1 + 0.3 * torch.rand(parameter.shape, generator=generator))
    if folder is not None:
        save_adapter(made, config, folder)
    merge(made)
    return made.eval()


def expected(made: Decoder, tokens: tuple[int, ...], count: int) -> tuple[int, ...]:
    return tuple(generate(made, torch.tensor([tokens]), new_tokens=count)[0, len(tokens) :].tolist())


@pytest.fixture(params=sorted(SHAPES))
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def merged(shape: str, tmp_path: Path) -> dict[str, Decoder]:
    return {key: adapted(shape, config, tmp_path / key) for key, config in CONFIGS.items()}


@pytest.fixture
def engine(shape: str, merged: dict[str, Decoder], tmp_path: Path) -> Iterator[LocalEngine]:
    folders = {key: tmp_path / key for key in merged}
    runner = TorchRunner(model(shape), adapters=folders)
    with LocalEngine(runner, tokenizer(), pages=256, adapters=tuple(folders)) as opened:
        yield opened


def test_every_row_has_its_own_adapter(shape: str, engine: LocalEngine, merged: dict[str, Decoder]) -> None:
    sampling = Sampling(max_tokens=12, ignore_end=True, temperature=0)
    names = [None, *merged]
    prompts = [prompt(number, 20 + 9 * number) for number in range(3)]
    # All at once, so that rows of several adapters share steps.
    asked = [(tokens, name) for tokens in prompts for name in names]
    works = [engine.submit(Request(tokens, sampling, adapter=name)) for tokens, name in asked]
    said = {}
    for (tokens, name), work in zip(asked, works, strict=True):
        (answer,) = work.answers()
        wanted = greedy(tokens, 12, shape) if name is None else expected(merged[name], tokens, 12)
        assert answer.tokens == wanted, name
        said[tokens, name] = answer.tokens
    assert len(set(said.values())) > len(prompts)


def test_scores_under_an_adapter(engine: LocalEngine, merged: dict[str, Decoder]) -> None:
    prefix, rest = prompt(1, 40)[:30], prompt(1, 40)[30:]
    for name, made in merged.items():
        (score,) = engine.score(prefix, [rest], adapter=name)
        with torch.no_grad():
            logs = made.logits(made(torch.tensor([[*prefix, *rest]]))).log_softmax(-1)[0]
        assert score == pytest.approx(sum(float(logs[29 + i, token]) for i, token in enumerate(rest)), abs=1e-3)


def test_prefixes_are_not_shared_between_adapters(engine: LocalEngine, merged: dict[str, Decoder]) -> None:
    tokens, sampling = prompt(0, 64), Sampling(max_tokens=1, ignore_end=True)
    for name in (None, "every", "dora"):
        before = engine.stats().cached_tokens
        engine.generate(Request(tokens, sampling, adapter=name))
        assert engine.stats().cached_tokens == before
    engine.generate(Request(tokens, sampling, adapter="every"))
    assert engine.stats().cached_tokens > 0


def test_an_unknown_adapter(engine: LocalEngine) -> None:
    with pytest.raises(QuantaError, match="no adapter 'none-such'"):
        engine.submit(Request(prompt(0, 5), adapter="none-such"))


def test_opening_a_folder_with_adapters(tmp_path: Path) -> None:
    made = adapted("qwen3", CONFIGS["every"], tmp_path / "kind")
    save_model(model(), tmp_path / "base")
    save_tokenizer(tokenizer(), tmp_path / "base")
    with open_engine(
        tmp_path / "base", precision="f32", memory=1 << 20, adapters={"kind": tmp_path / "kind"}
    ) as opened:
        assert opened.adapters == ("kind",)
        request = Request(prompt(2, 30), Sampling(max_tokens=8, ignore_end=True, temperature=0), adapter="kind")
        assert opened.generate(request)[0].tokens == expected(made, prompt(2, 30), 8)
    with pytest.raises(QuantaError, match="the model is"):
        open_engine(tmp_path / "base", adapters={"base": tmp_path / "kind"})
    with pytest.raises(QuantaError, match="not the folder of an adapter"):
        open_engine(tmp_path / "base", adapters={"other": tmp_path})
    with pytest.raises(QuantaError, match="without adapters"):
        open_engine("tissu", engine="light", adapters={"kind": tmp_path / "kind"})
    with pytest.raises(QuantaError, match="does not fit"):
        open_engine("tissu", adapters={"kind": tmp_path / "kind"})
