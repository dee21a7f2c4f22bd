"""Checkpoints that are written behind the training: complete or absent, one at a time, and no failure is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from quantatissu.foundation import QuantaError
from quantatissu.training.checkpoints import Checkpoints, copied


def writing(text: str, *, after: threading.Event | None = None) -> Callable[[Path], Callable[[], None]]:
    """Writes a file, as soon as it may."""

    def copy(folder: Path) -> Callable[[], None]:
        def write() -> None:
            if after is not None:
                assert after.wait(30)
            (folder / "weights").write_text(text, encoding="utf-8")

        return write

    return copy


def failing(folder: Path) -> Callable[[], None]:
    def write() -> None:
        (folder / "weights").write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    return write


def steps(checkpoints: Checkpoints) -> list[int]:
    return [one.step for one in checkpoints.all()]


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path: Path) -> None:
    checkpoints, may_write = Checkpoints(tmp_path / "c", background=True), threading.Event()
    checkpoints.write(4, writing("four", after=may_write))
    assert steps(checkpoints) == [], "it is not there before it is whole"
    may_write.set()
    checkpoints.wait()
    assert steps(checkpoints) == [4]
    assert (tmp_path / "c/step-00000004/weights").read_text(encoding="utf-8") == "four"


def test_a_checkpoint_waits_for_the_one_before(tmp_path: Path) -> None:
    checkpoints, may_write = Checkpoints(tmp_path / "c", background=True), threading.Event()
    checkpoints.write(4, writing("four", after=may_write))
    threading.Timer(0.2, may_write.set).start()
    checkpoints.write(8, lambda folder: writing(f"with {steps(checkpoints)} before")(folder))
    checkpoints.wait()
    assert (tmp_path / "c/step-00000008/weights").read_text(encoding="utf-8") == "with [4] before"


def test_the_old_one_is_deleted_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    checkpoints, may_write = Checkpoints(tmp_path / "c", background=True), threading.Event()
    checkpoints.write(4, writing("four"))
    checkpoints.write(8, writing("eight", after=may_write))
    checkpoints.prune(1, best=[])
    assert steps(checkpoints) == [4]
    may_write.set()
    checkpoints.wait()
    assert steps(checkpoints) == [8]


@pytest.mark.parametrize("background", [True, False])
def test_what_could_not_be_written_is_absent_and_told(tmp_path: Path, background: bool) -> None:
    checkpoints = Checkpoints(tmp_path / "c", background=background)
    checkpoints.write(4, writing("four"))
    with pytest.raises(QuantaError, match=r"step 8 cannot be written: .*No space left"):
        checkpoints.write(8, failing)
        checkpoints.prune(1, best=[])
        checkpoints.wait()
    assert steps(checkpoints) == [4], "nor was anything deleted on its account"
    checkpoints.write(12, writing("twelve"))
    checkpoints.wait()
    assert steps(checkpoints) == [4, 12]


def test_a_run_that_fails_does_not_take_its_last_checkpoint_along(tmp_path: Path) -> None:
    checkpoints, may_write = Checkpoints(tmp_path / "c", background=True), threading.Event()
    with pytest.raises(ZeroDivisionError), checkpoints.written():
        checkpoints.write(4, writing("four", after=may_write))
        threading.Timer(0.1, may_write.set).start()
        raise ZeroDivisionError
    assert steps(checkpoints) == [4]


def test_copies_are_apart_from_what_was_copied() -> None:
    tensors = {"a": torch.arange(4.0, requires_grad=True), "b": torch.tensor(3)}
    copies = copied(tensors)
    with torch.no_grad():
        tensors["a"].zero_()
    assert copies["a"].tolist() == [0, 1, 2, 3] and not copies["a"].requires_grad
