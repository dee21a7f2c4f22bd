"""A model divided among processes says what it says whole."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_cases import greedy, model, prompt, tokenizer
from test_adapters import CONFIGS, adapted, expected

from quantatissu.foundation import QuantaError
from quantatissu.inference import Request, Sampling
from quantatissu.inference.local import LocalEngine
from quantatissu.inference.opening import open_engine
from quantatissu.inference.runner import Segment
from quantatissu.inference.torch_runner import TorchRunner
from quantatissu.inference.torch_runner.group import Group
from quantatissu.inference.torch_runner.spread import SpreadRunner
from quantatissu.model.folders import load_model, save_model
from quantatissu.tokenizer import save_tokenizer

SAMPLING = Sampling(max_tokens=10, ignore_end=True, temperature=0)


def runner_of(folder: Path, adapters: dict[str, Path], group: Group, number: int) -> TorchRunner:
    return TorchRunner(load_model(folder, dtype=torch.float32), adapters=adapters, group=group)


def spread(name: str, folder: Path, adapters: dict[str, Path] | None = None) -> SpreadRunner:
    save_model(model(name), folder / "base")
    return SpreadRunner(partial(runner_of, folder / "base", adapters or {}), 2, "cpu")


@pytest.mark.parametrize("name", ["qwen3", "qwen2"])
def test_two_say_what_one_says(name: str, tmp_path: Path) -> None:
    folders = {key: tmp_path / key for key in ("every", "one-dora")}
    merged = {key: adapted(name, CONFIGS[key], folder) for key, folder in folders.items()}
    runner = spread(name, tmp_path, folders)
    assert runner.describe()["devices"] == 2
    assert runner.page_bytes * 2 == TorchRunner(model(name)).page_bytes
    with LocalEngine(runner, tokenizer(), pages=128, adapters=tuple(folders)) as engine:
        works = {key: engine.submit(Request(prompt(3, 40), SAMPLING, n=2, adapter=key)) for key in (None, *folders)}
        for key, work in works.items():
            wanted = greedy(prompt(3, 40), 10, name) if key is None else expected(merged[key], prompt(3, 40), 10)
            assert [answer.tokens for answer in work.answers()] == [wanted, wanted]
        with LocalEngine(TorchRunner(model(name)), tokenizer(), pages=64) as whole:
            parts = [prompt(number, 6) for number in range(5)]
            found, wanted_scores = (one.score(prompt(3, 40), parts) for one in (engine, whole))
        assert found == pytest.approx(wanted_scores, abs=1e-3)


def test_a_lost_process_is_told_and_ends_the_engine(tmp_path: Path) -> None:
    runner = spread("qwen3", tmp_path)
    runner.reserve(8)
    segment = Segment(np.array(prompt(0, 5)), 0, (0,))
    assert runner.run([segment]).shape == (1, model().config.vocab_size)
    runner._members[0].kill()
    runner._members[0].join()
    with pytest.raises(QuantaError, match="a device was lost"):
        for _ in range(3):
            runner.run([segment])
    with pytest.raises(QuantaError, match="has ended"):
        runner.run([segment])
    runner.close()


def test_closing_ends_the_processes_and_another_can_be_opened(tmp_path: Path) -> None:
    save_model(model(), tmp_path / "base")
    save_tokenizer(tokenizer(), tmp_path / "base")
    for _ in range(2):
        began = time.monotonic()
        with open_engine(tmp_path / "base", precision="f32", memory=1 << 20, devices=2) as engine:
            assert engine.generate(Request(prompt(1, 20), SAMPLING))[0].tokens == greedy(prompt(1, 20), 10)
            members = engine._runner._members
            with pytest.raises(QuantaError, match="close the first"):
                open_engine(tmp_path / "base", devices=2)
        assert time.monotonic() - began < 60
        assert not any(member.is_alive() for member in members)


def test_what_cannot_be_divided(tmp_path: Path) -> None:
    save_model(model(), tmp_path / "base")
    save_tokenizer(tokenizer(), tmp_path / "base")
    with pytest.raises(QuantaError, match="this machine has"):
        open_engine(tmp_path / "base", devices=1000)
    made = replace(model().config, intermediate_size=33)
    group = Group()
    group.share = type(group.share)(0, 2)
    with pytest.raises(QuantaError, match="33 feed-forward channels cannot be divided among 2"):
        group.check(made)
