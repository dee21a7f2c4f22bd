"""A run from recipe to checkpoint, through the interfaces that the command line uses."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest
import run_cases as cases
import torch

from quantatissu.foundation import QuantaError
from quantatissu.training.checkpoints import Checkpoints
from quantatissu.training.metrics import read_records


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cases.build(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    cases.run(cases.table(corpus), folder)
    return folder


def test_the_loss_falls(corpus: Path, tmp_path: Path) -> None:
    cases.run(cases.table(corpus, steps=60, optimizer={"lr": 1e-2}, evaluation={"every": 0}), tmp_path / "run")
    losses = [one["loss"] for one in read_records(tmp_path / "run/metrics.jsonl") if one["kind"] == "step"]
    assert max(losses[-5:]) < 0.9 * losses[0]


def test_records_say_what_a_step_was(whole: Path) -> None:
    steps = [one for one in read_records(whole / "metrics.jsonl") if one["kind"] == "step"]
    assert [one["step"] for one in steps] == list(range(1, 13))
    assert {"loss", "accuracy", "perplexity", "gradient_norm", "lr", "tokens_per_s", "mfu", "memory", "epoch"} <= set(
        steps[0]
    )
    assert 0 < steps[0]["accuracy"] + 1 < 2
    assert steps[-1]["epoch"] > steps[0]["epoch"] > 0


def test_held_out_figures_by_language_and_samples(whole: Path) -> None:
    evaluated = [one for one in read_records(whole / "metrics.jsonl") if one["kind"] == "eval"]
    assert [one["step"] for one in evaluated] == [6, 12]
    assert evaluated[0]["loss"] == pytest.approx(evaluated[0]["loss/python"])
    assert 0 <= evaluated[0]["infill_exact_match"] <= 1
    assert any(one["kind"] == "sample" and "--- given:" in one["text"] for one in read_records(whole / "metrics.jsonl"))


def test_the_checkpoint_is_a_hugging_face_folder_with_a_card(whole: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    last = Checkpoints(whole / "checkpoints").last()
    assert last is not None and last.step == 12
    model = AutoModelForCausalLM.from_pretrained(last.path)
    ids = AutoTokenizer.from_pretrained(last.path)("def mean(data):\n", return_tensors="pt").input_ids
    assert model.generate(ids, max_new_tokens=4, do_sample=False).shape[1] == ids.shape[1] + 4
    card = (last.path / "README.md").read_text(encoding="utf-8")
    assert "data fingerprint" in card and "infill_exact_match" in card


def test_only_the_last_and_the_best_are_kept(whole: Path) -> None:
    kept = [one.step for one in Checkpoints(whole / "checkpoints").all()]
    best = cases.training_state(whole / "checkpoints/step-00000012")["position"]["best_step"]
    assert set(kept) == {8, 12, best} or set(kept) == {best, 12, 8, 6} - ({6} if best != 6 else set())


def test_two_runs_of_one_recipe_are_the_same_to_the_bit(corpus: Path, whole: Path, tmp_path: Path) -> None:
    cases.run(cases.table(corpus), tmp_path / "again")
    assert cases.curve(tmp_path / "again") == cases.curve(whole)
    _assert_same(tmp_path / "again/checkpoints/step-00000012", whole / "checkpoints/step-00000012")


def test_resumed_from_an_early_checkpoint_it_is_the_same_run(corpus: Path, whole: Path, tmp_path: Path) -> None:
    cases.run(cases.table(corpus, steps=12, checkpoint={"keep": 9}), tmp_path / "run")
    for one in Checkpoints(tmp_path / "run/checkpoints").all()[1:]:
        one.path.rename(tmp_path / one.path.name)
    finished = cases.run(cases.table(corpus), tmp_path / "run", resume=True)
    assert finished.ended.done
    assert cases.curve(tmp_path / "run") == cases.curve(whole)
    _assert_same(tmp_path / "run/checkpoints/step-00000012", whole / "checkpoints/step-00000012")


@pytest.mark.parametrize(
    "changes",
    [{"optimizer": {"kind": "muon"}, "average": {"kind": "ema", "decay": 0.9}, "batch": {"micro": 2, "replicas": 3}}],
)
def test_muon_averages_and_replicas_resume_to_the_bit_too(
    corpus: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    short = cases.table(corpus, steps=8, checkpoint={"keep": 9}, **changes)
    cases.run(short, tmp_path / "whole")
    cases.run(short, tmp_path / "cut")
    for one in Checkpoints(tmp_path / "cut/checkpoints").all()[1:]:
        one.path.rename(tmp_path / one.path.name)
    cases.run(short, tmp_path / "cut", resume=True)
    _assert_same(tmp_path / "cut/checkpoints/step-00000008", tmp_path / "whole/checkpoints/step-00000008")
    assert "averaged/loss" in cases.curve(tmp_path / "cut")[-2] or "averaged/loss" in str(cases.curve(tmp_path / "cut"))


def test_killed_twice_without_warning_it_ends_the_same(corpus: Path, tmp_path: Path) -> None:
    given = cases.table(
        corpus, steps=40, batch={"samples": 32, "micro": 16}, checkpoint={"every": 3}, evaluation={"every": 0}
    )
    recipe = cases.recipe_file(tmp_path / "small.toml", given)
    # In a process of its own as well: threads are among what decides the last bit.
    process = cases.quanta("train", recipe, "--out", tmp_path / "whole")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    folder = tmp_path / "killed"
    for at, resume in ((5, ()), (21, ("--resume",))):
        process = cases.quanta("train", recipe, "--out", folder, *resume)
        _wait_for_step(folder, at)
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = cases.quanta("train", recipe, "--out", folder, "--resume")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert cases.curve(folder) == cases.curve(tmp_path / "whole")
    epochs = [one["epoch"] for one in cases.curve(folder) if one["kind"] == "step"]
    assert epochs[0] < 1 < epochs[-1], "the run crosses the end of an epoch"
    _assert_same(folder / "checkpoints/step-00000040", tmp_path / "whole/checkpoints/step-00000040")


def test_a_polite_kill_saves_and_says_how_to_go_on(corpus: Path, tmp_path: Path) -> None:
    given = cases.table(corpus, steps=4000, checkpoint={"every": 0}, evaluation={"every": 0})
    process = cases.quanta("train", cases.recipe_file(tmp_path / "r.toml", given), "--out", tmp_path / "run")
    _wait_for_step(tmp_path / "run", 3)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert "--resume" in out
    last = Checkpoints(tmp_path / "run/checkpoints").last()
    assert last is not None and last.step >= 3


def test_a_finished_run_can_be_extended(corpus: Path, tmp_path: Path) -> None:
    cases.run(cases.table(corpus, steps=4), tmp_path / "run")
    finished = cases.run(cases.table(corpus, steps=9), tmp_path / "run", resume=True)
    assert finished.ended.position.step == 9
    assert [one["step"] for one in cases.curve(tmp_path / "run") if one["kind"] == "step"] == list(range(1, 10))


def test_resuming_another_recipe_is_refused_by_name(corpus: Path, tmp_path: Path) -> None:
    cases.run(cases.table(corpus, steps=4), tmp_path / "run")
    with pytest.raises(QuantaError, match=r"another run .*optimizer"):
        cases.run(cases.table(corpus, steps=8, optimizer={"lr": 1e-4}), tmp_path / "run", resume=True)
    other = cases.build(tmp_path / "other", held_out=5)
    with pytest.raises(QuantaError, match=r"another run .*data"):
        cases.run(cases.table(other, steps=8), tmp_path / "run", resume=True)


def test_data_that_moved_is_the_same_data(corpus: Path, tmp_path: Path) -> None:
    moved = cases.build(tmp_path / "first")
    cases.run(cases.table(moved, steps=4), tmp_path / "run")
    moved.rename(tmp_path / "second")
    assert cases.run(cases.table(tmp_path / "second", steps=5), tmp_path / "run", resume=True).ended.done


def test_training_starts_from_a_checkpoint(corpus: Path, whole: Path, tmp_path: Path) -> None:
    init = str(whole / "checkpoints/step-00000012")
    cases.run(cases.table(corpus, steps=1, model={"init": init}), tmp_path / "run")
    first = next(one for one in cases.curve(tmp_path / "run") if one["kind"] == "step")
    begun = next(one for one in cases.curve(whole) if one["kind"] == "step")
    assert first["loss"] < begun["loss"]


def test_a_half_written_checkpoint_is_never_seen(corpus: Path, tmp_path: Path) -> None:
    cases.run(cases.table(corpus, steps=4), tmp_path / "run")
    torn = tmp_path / "run/checkpoints/.partial-00000008"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"torn")
    assert [one.step for one in Checkpoints(tmp_path / "run/checkpoints").all()] == [4]
    cases.run(cases.table(corpus, steps=6), tmp_path / "run", resume=True)
    assert not torn.exists()


def test_the_batch_size_in_pieces_changes_only_rounding(corpus: Path, tmp_path: Path) -> None:
    for micro in (1, 8):
        cases.run(
            cases.table(
                corpus, steps=5, batch={"micro": micro}, precision={"compute": "fp64"}, evaluation={"every": 0}
            ),
            tmp_path / str(micro),
        )
    one, other = (
        [record["loss"] for record in cases.curve(tmp_path / str(micro)) if record["kind"] == "step"]
        for micro in (1, 8)
    )
    assert one == pytest.approx(other, rel=1e-11)


def test_spiking_steps_are_skipped_and_recorded_until_it_is_hopeless(corpus: Path, tmp_path: Path) -> None:
    given = cases.table(corpus, steps=60, spikes={"factor": 1e-6, "window": 8, "give_up": 4}, evaluation={"every": 0})
    with pytest.raises(QuantaError, match="broke down"):
        cases.run(given, tmp_path / "run")
    assert sum(one["kind"] == "skip" for one in cases.curve(tmp_path / "run")) == 4


def _assert_same(one: Path, other: Path) -> None:
    left, right = cases.weights(one), cases.weights(other)
    assert left.keys() == right.keys() and len(left) > 20
    assert any(name.startswith("optimizer.") for name in left)
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name
    state, again = cases.training_state(one), cases.training_state(other)
    for volatile in ("environment",):
        state.pop(volatile), again.pop(volatile)
    state["position"].pop("seconds"), again["position"].pop("seconds")
    assert state == again


def _wait_for_step(folder: Path, step: int) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if (folder / "metrics.jsonl").exists():
            done = [one["step"] for one in read_records(folder / "metrics.jsonl") if one["kind"] == "step"]
            if done and done[-1] >= step:
                return
        time.sleep(0.01)
    raise AssertionError(f"step {step} was never reached")


def test_a_checkpoint_that_lost_a_file_is_no_checkpoint(corpus: Path, tmp_path: Path) -> None:
    cases.run(cases.table(corpus, steps=8, evaluation={"every": 0}), tmp_path / "run")
    checkpoints = Checkpoints(tmp_path / "run/checkpoints")
    assert [one.step for one in checkpoints.all()] == [4, 8]
    (checkpoints.folder / "step-00000008/model.safetensors").write_bytes(b"")
    assert [one.step for one in checkpoints.all()] == [4]
    finished = cases.run(cases.table(corpus, steps=8, evaluation={"every": 0}), tmp_path / "run", resume=True)
    assert finished.ended.done
    assert [one.step for one in checkpoints.all()] == [4, 8]


@pytest.mark.parametrize(
    "adapter", [{"rank": 4}, {"rank": 4, "dora": True, "dropout": 0.1}, {"rank": 2, "quantise": "nf4"}]
)
def test_an_adapter_is_trained_resumed_and_folded_in(
    corpus: Path, whole: Path, tmp_path: Path, adapter: dict[str, object]
) -> None:
    from quantatissu.model.folders import load_model

    given = cases.table(
        corpus,
        steps=8,
        model={"init": str(whole / "checkpoints/step-00000012")},
        adapter=adapter,
        checkpoint={"keep": 9},
        evaluation={"every": 0},
    )
    cases.run(given, tmp_path / "run")
    cases.run(given, tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut/checkpoints/step-00000008")
    cases.run(given, tmp_path / "cut", resume=True)
    one, other = (cases.weights(tmp_path / name / "checkpoints/step-00000008") for name in ("run", "cut"))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert not any("base_layer" in name or "embed" in name for name in one), "the frozen weights are not saved again"
    base, merged = load_model(whole / "checkpoints/step-00000012"), load_model(tmp_path / "run/merged")
    changed = [name for name, p in merged.named_parameters() if not torch.equal(p, base.get_parameter(name))]
    assert changed and all("proj" in name for name in changed)


def test_an_adapter_needs_something_to_adapt(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(QuantaError, match="nothing to adapt"):
        cases.run(cases.table(corpus, adapter={"rank": 2}), tmp_path / "run")


def test_the_stored_recipe_is_enough_to_go_on(corpus: Path, tmp_path: Path) -> None:
    given = cases.table(corpus, steps=4, evaluation={"every": 0})
    process = cases.quanta("train", cases.recipe_file(tmp_path / "r.toml", given), "--out", tmp_path / "run")
    assert process.wait(timeout=300) == 0
    process = cases.quanta("train", "--resume", "--out", tmp_path / "run", "steps=6")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert Checkpoints(tmp_path / "run/checkpoints").last().step == 6
