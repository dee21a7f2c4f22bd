"""The light engine against the decoder in float32, and against itself."""

from __future__ import annotations

import copy
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import engine_cases as cases
import numpy as np
import pytest
import torch

from quantatissu.foundation import QuantaError
from quantatissu.inference import Request, Sampling, open_engine
from quantatissu.inference.light.loading import Loading
from quantatissu.inference.light.onnx import FLOAT, Graph
from quantatissu.inference.light.pieces import Pieces
from quantatissu.inference.light.runner import LightRunner
from quantatissu.inference.light.sessions import open_session
from quantatissu.inference.light.weights import Rounded
from quantatissu.inference.runner import Logits, Segment
from quantatissu.model.folders import save_model
from quantatissu.model.hf_config import load_config


@functools.cache
def folder(name: str = "qwen3") -> Path:
    target = Path(tempfile.mkdtemp(prefix="light-"))
    save_model(cases.model(name), target)
    (target / "tokenizer.json").write_text(cases.tokenizer().source, encoding="utf-8")
    return target


def runner(name: str = "qwen3", pages: int = 64) -> LightRunner:
    made = LightRunner(Loading(folder(name), 1), load_config(folder(name)))
    made.reserve(pages)
    return made


def exact(tokens: tuple[int, ...], name: str = "qwen3") -> np.ndarray:
    model = cases.model(name)
    with torch.inference_mode():
        return model.logits(model(torch.tensor([tokens])))[0].numpy()


def close(found: Logits, wanted: np.ndarray) -> bool:
    """Whether logits differ by no more than eight bits explain: untrained weights have no mercy with rounding."""
    return bool(np.abs(found - wanted).mean() < 0.05 * wanted.std())


def segment(tokens: tuple[int, ...], start: int, pages: tuple[int, ...], wanted: int) -> Segment:
    return Segment(np.array(tokens, dtype=np.int64), start, pages, wanted)


@pytest.mark.parametrize("name", ["qwen3", "llama"])
def test_logits_are_the_decoders_to_eight_bits(name: str) -> None:
    tokens = cases.prompt(0, 200)
    found = runner(name).run([segment(tokens, 0, tuple(range(13)), 200)])
    assert close(found, exact(tokens, name))


def test_rows_of_all_kinds_do_not_depend_on_their_company() -> None:
    light = runner()
    prefix, tails = cases.prompt(0, 64), [cases.prompt(number, 10 + number) for number in range(1, 5)]
    light.run([segment(prefix, 0, (3, 4, 5, 6), 0)])
    alone = [
        light.run([segment(tail, 64, (3, 4, 5, 6, 10 + 2 * number, 11 + 2 * number), len(tail))])
        for number, tail in enumerate(tails)
    ]
    other = cases.prompt(7, 150)
    segments = [
        segment(tail, 64, (3, 4, 5, 6, 20 + 2 * number, 21 + 2 * number), len(tail))
        for number, tail in enumerate(tails)
    ]
    segments.append(segment(other, 0, tuple(range(40, 60, 2)), 3))  # pages that do not follow each other
    together = light.run(segments)
    assert np.allclose(together[:-3], np.concatenate(alone), atol=1e-3)
    assert close(together[:-3][: len(tails[0])], exact(prefix + tails[0])[64:])
    assert close(together[-3:], exact(other)[-3:])


def test_pages_that_lie_apart_are_read_as_those_that_follow_each_other() -> None:
    light, tokens = runner(), cases.prompt(0, 250)
    found = []
    for pages in (
        tuple(range(16)),
        (0, 1, 2, 3, 30, 31, 32, 33, 34, 35, 9, 10, 11, 12, 40, 41),
        tuple(range(63, 31, -2)),
    ):
        light.run([segment(tokens[:230], 0, pages, 0)])
        found.append(light.run([segment(tokens[230:], 230, pages, 20)]))
    assert np.allclose(found[0], found[1], atol=1e-4) and np.allclose(found[0], found[2], atol=1e-4)


def test_scores_are_the_logarithms_of_the_softmax() -> None:
    light, tokens = runner(), cases.prompt(0, 40)
    one = segment(tokens, 0, (0, 1, 2), 30)
    logits = light.run([one]).astype(np.float64)
    targets = np.arange(30)
    wanted = logits[targets, targets] - np.log(np.exp(logits).sum(axis=1))
    assert np.allclose(light.score([one], targets), wanted, atol=1e-4)


def test_a_copied_page_holds_the_same() -> None:
    light, tokens = runner(), cases.prompt(0, 20)
    light.run([segment(tokens[:10], 0, (0,), 0)])
    light.copy_page(0, 5)
    rest = [light.run([segment(tokens[10:], 10, pages, 1)]) for pages in ((0, 1), (5, 6))]
    assert np.array_equal(*rest)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("rows", [1, 33])
def test_products_are_those_of_whole_numbers(signed: bool, rows: int) -> None:
    draw = np.random.default_rng(rows)
    matrix = Rounded(draw.integers(-127, 128, (24, 40)).astype(np.int8), draw.random(40, dtype=np.float32))
    config = replace(load_config(folder()), hidden_size=24)
    session = open_session(Pieces(config, signed=signed).head(matrix))
    x = draw.standard_normal((rows, 24)).astype(np.float32)
    x[0] = 0
    largest = np.maximum(np.abs(x).max(axis=1, keepdims=True), 1e-9)
    wanted = (np.rint(x / largest * 127) @ matrix.numbers) * (largest / 127) * matrix.scales
    (found,) = session.run(None, {"hidden": x})
    assert np.allclose(found, wanted, rtol=1e-3, atol=0.02 * np.abs(wanted).max())


def test_graphs_are_what_onnxruntime_reads() -> None:
    graph = Graph(inputs=[("x", FLOAT, ("R", 3))])
    graph.constant("weights", np.arange(3, dtype=np.float32))
    graph.constant("axis", np.array([-1]))
    graph.node("Mul", ["x", "weights"], ["scaled"])
    graph.node("ReduceSum", ["scaled", "axis"], ["sum"], keepdims=0)
    graph.node("LeakyRelu", ["sum"], ["y"], alpha=0.5)
    graph.node("Transpose", ["scaled"], ["turned"], perm=[1, 0])
    graph.outputs = ["y", "turned"]
    session = open_session(graph.serialised())
    y, turned = session.run(None, {"x": np.array([[1, 2, 3], [-1, -2, -3]], dtype=np.float32)})
    assert y.tolist() == [8, -4] and turned.shape == (3, 2)


def test_an_engine_on_it_answers() -> None:
    with open_engine(folder(), engine="light", memory=1 << 22) as engine:
        assert engine.describe()["engine"] == "onnxruntime"
        request = Request(cases.prompt(0, 50), Sampling(temperature=1.0, seed=3, max_tokens=12, ignore_end=True), n=3)
        first, again = engine.generate(request), engine.generate(request)
        assert [len(answer.tokens) for answer in first] == [12] * 3
        assert [answer.tokens for answer in first] == [answer.tokens for answer in again]
        scores = engine.score(cases.prompt(0, 50), [answer.tokens for answer in first])
        assert np.allclose(scores, [answer.logprob for answer in first], atol=0.05)


def test_what_it_cannot_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuantaError, match="no biases"):
        open_engine(folder("qwen2"), engine="light")
    with pytest.raises(QuantaError, match="in eight bits, without adapters"):
        open_engine(folder(), engine="light", precision="f32")
    save_model(cases.model(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "tokenizer.json").write_text(cases.tokenizer().source, encoding="utf-8")
    with pytest.raises(QuantaError, match="no weights named 'model"):
        open_engine(tmp_path, engine="light")


def first_logits(model: Path) -> Logits:
    light = LightRunner(Loading(model, 1), load_config(model))
    light.reserve(4)
    return light.run([segment(cases.prompt(0, 9), 0, (0,), 9)])


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cache keeps what was prepared; empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "quantatissu" / "light"


def test_what_was_prepared_is_found_again_and_says_the_same(kept: Path) -> None:
    first = first_logits(folder())
    (entry,) = kept.iterdir()
    written = {path.name: path.stat().st_mtime_ns for path in entry.iterdir()}
    assert len(written) == 4 + 2  # first, middle, last and head; the embedding and its scales
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("quantatissu.inference.light.loading.prepare", None)  # would fail
        assert np.array_equal(first_logits(folder()), first)
    assert {path.name: path.stat().st_mtime_ns for path in entry.iterdir()} == written


def test_a_changed_checkpoint_is_prepared_anew(kept: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    save_model(cases.model("qwen3"), model)
    before = first_logits(model)
    with torch.no_grad():
        changed = copy.deepcopy(cases.model("qwen3"))
        changed.model.norm.weight.mul_(2)
    save_model(changed, model)
    assert not np.allclose(first_logits(model), before)
    assert len(list(kept.iterdir())) == 2


@pytest.mark.parametrize("damage", ["cut", "missing", "embedding", "empty"])
def test_a_damaged_cache_is_made_anew(kept: Path, damage: str) -> None:
    first = first_logits(folder())
    (entry,) = kept.iterdir()
    if damage == "cut":
        data = (entry / "1.onnx").read_bytes()
        (entry / "1.onnx").write_bytes(data[: len(data) // 2])
    elif damage == "missing":
        (entry / "3.onnx").unlink()
    elif damage == "embedding":
        (entry / "embedding.npy").write_bytes(b"")
    else:
        for path in entry.iterdir():
            path.unlink()
    for _ in range(2):
        assert np.array_equal(first_logits(folder()), first)


def test_a_cache_that_cannot_be_written_is_done_without(kept: Path) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_text("a file where a folder should be")
    assert np.array_equal(first_logits(folder()), first_logits(folder()))


def test_what_nobody_used_for_long_goes(kept: Path) -> None:
    for name, days in (("old", 40), ("lately", 20), ("interrupted.77", 1)):
        (kept / name).mkdir(parents=True)
        os.utime(kept / name, (time.time() - days * 86400,) * 2)
    first_logits(folder())
    assert not (kept / "old").exists() and not (kept / "interrupted.77").exists() and (kept / "lately").exists()


def test_the_built_in_model_needs_no_torch() -> None:
    """In a process where torch cannot be imported."""
    code = """
import sys
sys.modules["torch"] = None
from quantatissu.inference import Request, Sampling, open_engine
with open_engine("tissu", memory=1 << 24, threads=1) as engine:
    prompt = engine.tokenizer.encode("def add(a, b):\\n    return").tolist()
    (answer,) = engine.generate(Request(tuple(prompt), Sampling(temperature=0, max_tokens=4)))
    print(engine.describe()["engine"], repr(answer.text))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("onnxruntime ' a + b")


def test_an_engine_without_rows_gives_none() -> None:
    light = runner()
    assert light.run([segment(cases.prompt(0, 5), 0, (0,), 0)]).shape == (0, cases.model().config.vocab_size)


def test_more_rows_at_once_than_the_context_is_long(tmp_path: Path) -> None:
    short = tmp_path / "short"
    shutil.copytree(folder(), short)
    table = json.loads((short / "config.json").read_text(encoding="utf-8")) | {"max_position_embeddings": 32}
    (short / "config.json").write_text(json.dumps(table), encoding="utf-8")
    tokens = cases.prompt(0, 48)
    with (
        open_engine(short, engine="light", memory=1 << 22) as engine,
        open_engine(folder(), engine="light", memory=1 << 22) as roomy,
    ):
        asked = [list(tokens[at : at + 24]) for at in range(24)]
        assert engine.context == 32
        assert engine.score(tokens[:8], asked) == pytest.approx(roomy.score(tokens[:8], asked), rel=1e-4)
