"""The built-in model from nothing: fetch, corpus, edit and fault records, three stages of training, packed weights.

    python -m benchmarks.tissu.everything FOLDER [--tasks FOLDER]        # or: make tissu ARGS=FOLDER

Every stage can be interrupted and goes on where it was; one that is done is not done again. On one H200 the training
takes a quarter of an hour, on two cores of a CPU weeks; ``python -m benchmarks tissu-retrain`` is the same in small.
``--tasks`` is a folder of evaluation tasks that must not be in the data (default: data/benchmarks, where there is one).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.repair.packages import PACKAGES, ROOT

_RECIPE = ROOT / "src/quantatissu/recipes/corpora/tissu.toml"
_TRAINING = ROOT / "src/quantatissu/recipes/training"
_RELEASES = ROOT / "benchmarks/tissu/releases.txt"
_TOKENS = 140_000_000
_SHARES = {"tissu": 0.94, "tissu-anneal": 0.64, "tissu-faults": 0.4}  # of code
_ANSWERS = ["data.corpus.1.fim.rate=0", 'data.corpus.1.answers.after="<|edit_span|>"', "data.corpus.1.answers.weight=6"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A command that leaves ``done``; ``again`` is added where ``begun`` is there already."""

    name: str
    done: Path
    command: list[str]
    begun: Path | None = None
    again: tuple[str, ...] = ()


def stages(folder: Path, target: Path) -> list[Stage]:
    """What is done, in order."""
    quanta = [sys.executable, "-m", "quantatissu"]
    archives, releases, apart = folder / "archives", folder / "releases", folder / "apart"
    code, edits, chosen = folder / "code", folder / "edits", folder / "pack/code"
    marked = folder / "marked"
    base, anneal, faults = folder / "tissu", folder / "anneal", folder / "faults"
    ends = {name: f"checkpoints/step-{_steps(name):08d}" for name in _SHARES}

    def trained(name: str, recipe: str, out: Path, records: Path, init: Path | None = None, *more: str) -> Stage:
        """A stage of training; ``init`` is the folder of the one before."""
        share = _SHARES[recipe]
        given = [] if init is None else ["--init", str(init)]
        weights = [f"data.corpus.0.weight={share}", f"data.corpus.1.weight={round(1 - share, 2)}"]
        data = ["--data", str(chosen), "--data", str(records), *weights, *more]
        command = [*quanta, "train", recipe, *given, *data, "--out", str(out)]
        return Stage(name, out / ends[recipe], command, out / "metrics.jsonl", ("--resume",))

    def made(module: str, *words: object) -> list[str]:
        return [sys.executable, "-m", f"benchmarks.tissu.{module}", *map(str, words)]

    names = folder / "apart.txt"
    return [
        Stage("packages", archives / "lock.tsv", made("fetch", archives)),
        Stage(
            "earlier releases", releases / "lock.tsv", made("fetch", releases, "--older", 2, "--packages", _RELEASES)
        ),
        Stage("packages kept apart", apart / "lock.tsv", made("fetch", apart, "--packages", names)),
        Stage(
            "corpus", code / "report.json", [*quanta, "corpus", "build", str(folder / "tissu.toml"), "--out", str(code)]
        ),
        Stage(
            "selection", chosen / "selection.json", made("choose", code, chosen, "--tokens", _TOKENS, "--apart", apart)
        ),
        Stage(
            "edit records",
            edits / "summary.json",
            made("edits.build", code, edits, "--releases", releases, "--selection", chosen / "selection.json"),
        ),
        Stage(
            "fault records",
            marked / "summary.json",
            made("marked", code, marked, "--releases", releases, "--selection", chosen / "selection.json"),
        ),
        trained("first stage", "tissu", base, edits),
        trained("second stage", "tissu-anneal", anneal, edits, base / ends["tissu"]),
        trained("third stage", "tissu-faults", faults, marked, anneal / ends["tissu-anneal"], *_ANSWERS),
        Stage("weights", target / "tokenizer.json", made("pack", faults / ends["tissu-faults"], target)),
    ]


def _steps(recipe: str) -> int:
    """How many steps a packaged recipe of training takes."""
    return int(tomllib.loads((_TRAINING / f"{recipe}.toml").read_text(encoding="utf-8"))["steps"])


def prepare(folder: Path, tasks: Path | None) -> None:
    """The folder's own files: the recipe, the tasks to keep out, the names of the packages to keep apart."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "apart.txt").write_text("".join(f"{name}\n" for name in sorted(PACKAGES)), encoding="utf-8")
    recipe = _RECIPE.read_text(encoding="utf-8")
    if tasks is not None:
        link = folder / "benchmarks"
        if not link.exists():
            link.symlink_to(tasks.resolve())
    else:
        print("no folder of evaluation tasks: the corpus is not checked against any (--tasks)", file=sys.stderr)
        recipe = recipe.replace('[decontaminate]\nfolder = "benchmarks"\n', "")
    (folder / "tissu.toml").write_text(recipe, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tissu.everything", description=__doc__)
    parser.add_argument("folder", type=Path, help="where everything lies; about 10 GB")
    parser.add_argument("--tasks", type=Path, help="evaluation tasks that must not be in the data")
    parser.add_argument("--list", action="store_true", help="say what would be done, and do nothing")
    options = parser.parse_args(arguments)
    usual = Path("data/benchmarks")
    tasks = options.tasks or (usual if usual.is_dir() else None)
    if tasks is not None and not tasks.is_dir():
        parser.error(f"there is no folder {tasks}")
    folder = options.folder.resolve()
    planned = stages(folder, folder / "weights")
    if options.list:
        for stage in planned:
            print(f"{'done' if stage.done.exists() else 'to do':<6} {stage.name}: {' '.join(stage.command)}")
        return 0
    if shutil.disk_usage(folder.parent if not folder.exists() else folder).free < 10 * 10**9:
        print("less than 10 GB are free here; it may not be enough", file=sys.stderr)
    prepare(folder, tasks)
    for number, stage in enumerate(planned, start=1):
        if stage.done.exists():
            continue
        print(f"[{number}/{len(planned)}] {stage.name}", flush=True)
        more = stage.again if stage.begun is not None and stage.begun.exists() else ()
        done = subprocess.run([*stage.command, *more], cwd=ROOT, check=False)
        if done.returncode:
            print(
                f"{stage.name} ended with exit code {done.returncode}; the same command goes on from here",
                file=sys.stderr,
            )
            return done.returncode
    print(f"the weights are in {folder / 'weights'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
