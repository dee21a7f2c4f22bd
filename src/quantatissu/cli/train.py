"""``quanta train``: train a model from a recipe, go on with a run, and draw runs side by side."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantatissu.cli.terminal import printable
from quantatissu.foundation import QuantaError

if TYPE_CHECKING:
    from quantatissu.training.recipe import TrainRecipe

_NEEDED = ("torch", "numpy", "tokenizers", "safetensors")
_DEFAULT = "nano"


def train(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RECIPE] [KEY=VALUE]...", help="A TOML file or a packaged name, and settings over it."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The run's folder. [the recipe's name]")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the run's folder.")
    ] = False,
    init: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Start from this checkpoint (ours, Llama, Qwen2, Qwen3), or tissu."),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(metavar="PATH", help="A corpus, or a git repository; may be repeated.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what the run needs (memory, disk, time), and do nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object about the result.")] = False,
) -> Callable[[], int]:
    """Train a model, or draw the curves of runs: quanta train plot RUN...

    Without a recipe: `nano`, on a corpus of this machine's own code. Stop with Ctrl-C or SIGTERM: the run is saved
    after the step it is in, and --resume goes on with the same curve. To extend a finished run: --resume steps=N.

    Exits with 0 when the run is done, 2 on errors, 130 or 143 when it was stopped and saved.
    """
    return lambda: run_train(
        words or (), out=out, resume=resume, init=init, data=data or (), dry_run=dry_run, as_json=as_json
    )


def run_train(
    words: Sequence[str],
    *,
    out: Path | None = None,
    resume: bool = False,
    init: Path | None = None,
    data: Sequence[Path] = (),
    dry_run: bool = False,
    as_json: bool = False,
) -> int:
    """Train, and return the exit code. Raises QuantaError for input that makes no sense."""
    if words and words[0] == "plot":
        return run_plot([Path(word) for word in words[1:]], out)
    _require_extra()
    from quantatissu.training.parallel import restarted, told_once

    resume = resume or restarted()
    with told_once():
        recipe, folder = _recipe(words, out=out, resume=resume, init=init, data=data)
        if not resume and not dry_run:
            _require_empty(folder)

    from quantatissu.foundation.progress import open_progress
    from quantatissu.training.run import estimate, with_corpora
    from quantatissu.training.run import train as train_model

    if dry_run:
        if os.environ.get("RANK", "0") == "0":  # under torchrun one process speaks for all
            for line in estimate(recipe, folder).lines():
                print(line)
        return 0
    progress = open_progress(sys.stderr)
    finished = train_model(with_corpora(recipe, folder, progress), folder, resume=resume, progress=progress)
    position, checkpoint = finished.ended.position, finished.checkpoint
    code = 0 if finished.ended.done else 128 + finished.ended.signal
    if not finished.main:
        return code
    assert checkpoint is not None
    if finished.ended.done:
        from quantatissu.training.metrics.plot import plot_runs

        plot_runs([folder], folder / "curves.png")
    if as_json:
        told: dict[str, Any] = {
            "done": finished.ended.done,
            "step": position.step,
            "checkpoint": str(checkpoint.path),
            "scores": position.scores,
        }
        sys.stdout.write(json.dumps(told, sort_keys=True) + "\n")
    else:
        print(f"{'done' if finished.ended.done else 'stopped and saved'} at step {position.step:,}: {checkpoint.path}")
        if finished.ended.done:
            print(f"Curves: {printable(str(folder / 'curves.png'))}")
        else:
            print(f"Go on with: quanta train --resume --out {printable(str(folder))}")
    return code


def run_plot(runs: Sequence[Path], out: Path | None) -> int:
    """Draw runs side by side and print the picture's path."""
    if not runs:
        raise QuantaError("which runs?", hint="quanta train plot RUN... [--out FILE.png]")
    if importlib.util.find_spec("matplotlib") is None:
        raise QuantaError("drawing needs matplotlib, not installed here", hint="pip install 'quantatissu[train]'")
    from quantatissu.training.metrics.plot import plot_runs

    print(printable(str(plot_runs(runs, out or Path("runs.png")))))
    return 0


def _recipe(
    words: Sequence[str], *, out: Path | None, resume: bool, init: Path | None, data: Sequence[Path]
) -> tuple[TrainRecipe, Path]:
    """The recipe that the command line means, and the run's folder."""
    from quantatissu.foundation.recipes import load_recipe, parse_recipe, rooted
    from quantatissu.training.recipe import TrainRecipe
    from quantatissu.training.run import stored_recipe

    names = [word for word in words if "=" not in word]
    settings = [*_paths(init, data), *_one_length([word for word in words if "=" in word])]
    if len(names) > 1:
        raise QuantaError(f"one recipe at a time: {names[0]} or {names[1]}", hint="Settings are written key=value.")
    if resume and not names:
        if out is None:
            raise QuantaError("which run?", hint="Pass its folder as --out.")
        return stored_recipe(out, settings), out
    name = names[0] if names else _DEFAULT
    shipped = files("quantatissu").joinpath("recipes", "training", f"{name}.toml")
    if Path(name).suffix != ".toml" and shipped.is_file():
        recipe = parse_recipe(shipped.read_text(encoding="utf-8"), TrainRecipe, settings, name=name)
    else:
        # Paths in a recipe are meant from where it lies, those on the command line from here.
        recipe = rooted(load_recipe(Path(name), TrainRecipe, settings), Path(name).resolve().parent)
    return recipe, out or Path(recipe.name)


def _paths(init: Path | None, data: Sequence[Path]) -> list[str]:
    """The options that are settings too, so that others can be laid over them: data.corpus.0.weight=0.9."""
    from quantatissu.model.packaged import packaged

    found = [f"data.corpus.{number}.path={json.dumps(str(path.resolve()))}" for number, path in enumerate(data)]
    if init is not None:
        start = init if init.exists() else packaged(str(init)) or init
        found.append(f"model.init={json.dumps(str(start.resolve()))}")
    return found


def _one_length(settings: list[str]) -> list[str]:
    """A run's length in tokens takes the place of one in steps, and the other way round."""
    given = {setting.partition("=")[0].strip() for setting in settings}
    other = {"steps": "tokens", "tokens": "steps"}
    return [*(f"{other[name]}=0" for name in given & other.keys() if other[name] not in given), *settings]


def _require_empty(folder: Path) -> None:
    """Raises QuantaError where a new run must not write."""
    if folder.exists() and not folder.is_dir():
        raise QuantaError(f"{folder} is not a folder", hint="Choose another --out.")
    if folder.is_dir() and any(folder.iterdir()):
        raise QuantaError(
            f"{folder} is not empty", hint="--resume goes on with the run in it; or choose another --out."
        )


def _require_extra() -> None:
    """Raises QuantaError when the libraries of the extra are not installed. Imports nothing."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise QuantaError(
            f"`quanta train` needs {', '.join(missing)}, not installed here", hint="pip install 'quantatissu[train]'"
        )
