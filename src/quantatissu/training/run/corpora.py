"""Corpora for a run that brings none of its own: this machine's code, or the repositories it was pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quantatissu.corpus.recipe import OpenRecipe, Recipe, default_recipe
from quantatissu.corpus.shards import is_built
from quantatissu.corpus.stages.licence.identifiers import KNOWN
from quantatissu.foundation import QuantaError
from quantatissu.foundation.progress import Progress
from quantatissu.training.parallel import processes, told_once
from quantatissu.training.recipe import CorpusSettings, TrainRecipe

_FOLDER = "corpus"
_FEW_REPOSITORIES = 5


def with_corpora(recipe: TrainRecipe, folder: Path, progress: Progress) -> TrainRecipe:
    """`recipe` with every corpus built. What has to be made lies in ``corpus`` of the run's folder; a build that was
    interrupted goes on.

    Without a corpus in the recipe: this Python's standard library and installed packages. A path that is a git
    repository, and no corpus, becomes one; the vocabulary is that of ``model.init`` if there is one. Raises QuantaError
    for paths that are neither.
    """
    given = recipe.data.corpus
    raw = [one.path for one in given if not is_built(one.path)]
    if recipe.data.records or (given and not raw):
        return recipe
    with told_once():
        _require_repositories(raw)
        if processes() > 1:
            raise QuantaError(
                "there is no corpus yet, and several processes cannot build one together",
                hint="Build it first: quanta corpus build … --out DIR, then --data DIR.",
            )
    tokenizer = recipe.data.tokenizer or _own_tokenizer(recipe.model.init)
    target = folder / _FOLDER
    if not (target / "shards" / "manifest.json").is_file():
        _build(_repositories(raw, tokenizer) if raw else _machine(tokenizer), target, progress)
    built = CorpusSettings(path=target.resolve())
    kept = tuple(one for one in given if is_built(one.path))
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"corpus": (*kept, built)})})


def _require_repositories(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise QuantaError(f"there is no {path}", hint="--data takes a corpus, or a git repository.")
        if not (path / ".git").exists() and not (path / "HEAD").is_file():
            raise QuantaError(
                f"{path} is neither a corpus nor a git repository",
                hint="Make a corpus of it with a recipe (`quanta corpus build`), or commit it to git.",
            )


def _own_tokenizer(init: Path | None) -> Path | None:
    return init / "tokenizer.json" if init is not None and (init / "tokenizer.json").is_file() else None


def _machine(tokenizer: Path | None) -> OpenRecipe:
    return default_recipe([] if tokenizer is None else [f"tokenizer.path={str(tokenizer.resolve())!r}"])


def _repositories(paths: Sequence[Path], tokenizer: Path | None) -> OpenRecipe:
    """Their own code is trained on by whoever owns it: no licence is asked for, and a file may look like any other."""
    few = len(paths) < _FEW_REPOSITORIES
    table = {
        "name": "repositories",
        "source": [{"kind": "git", "repositories": [str(path.resolve()) for path in paths]}],
        "licence": {"allow": sorted(KNOWN), "unknown": "keep"},
        "tokenizer": {"path": str(tokenizer.resolve())} if tokenizer else {},
        "shards": {"validation": 0.1 if few else 0.05},
    }
    return OpenRecipe(Recipe.model_validate(table), Path.cwd())


def _build(recipe: OpenRecipe, target: Path, progress: Progress) -> None:
    from quantatissu.corpus.engine import build

    progress.note(f"building a corpus in {target}")
    built = build(recipe, target, progress=progress)
    if not built.documents:
        raise QuantaError(f"nothing was left of the code; {built.report} says why")
    progress.note(f"{built.documents:,} documents, {built.tokens:,} tokens; report: {built.report}")
